/* framing: may this message have a body?
 *
 * It depends on the method of the request and the status of the response, whatever the headers say
 * (RFC 9112, 6.3). A proxy forwards every body that it gets: bytes that are set in a message
 * without a body reach the client before the next response.
 */
#ifndef EXTPROCD_HTTP_RULES_FRAMING_H
#define EXTPROCD_HTTP_RULES_FRAMING_H

#include "http/message/headers.h"

enum framing {
    FRAMING_BODY, /* a body, which may be empty; other bytes may take its place */
    /* It depends on something that is not known (the proxy skips the request's headers, so it may
     * be a response to HEAD; or the response's), or is a 205, which has a length and no content: a
     * body exists once a byte of it has come. */
    FRAMING_SEEN,
    FRAMING_NONE,  /* no body: HEAD, 1xx, 204, 304                             */
    FRAMING_TUNNEL /* bytes of another protocol: CONNECT, Upgrade (also RFC 8441) */
};

/* What a request says of its own framing and of its response's. All zero: it was not seen. */
struct request_kind {
    bool known; /* the method is */
    bool head, connect;
    bool upgrade; /* it asks for another protocol */
};
struct request_kind request_kind_of(const struct headers *request);
/* What follows from the method alone. */
struct request_kind request_kind_of_method(struct extproc_str method);

/* The number of a :status; 0: none. */
unsigned framing_status(struct extproc_str text);

/* status: of its response, 0: not known. A 101 shows that a request which was not seen is a
 * tunnel. */
enum framing framing_of_request(const struct request_kind *request, unsigned status);
/* status 0: not known. Where the request asks for a tunnel it counts as one then, since nothing
 * must change the bytes of one. */
enum framing framing_of_response(const struct request_kind *request, unsigned status);

/* May a response's status change so? follows: bytes of a body may come, or were set; announced:
 * headers say that some will (content-length). */
bool framing_may_change(const struct request_kind *request, unsigned from, unsigned to,
                        bool follows, bool announced);

/* May an immediate response of this status have a body? To HEAD it may: the proxy leaves it out,
 * and sends its length. */
bool framing_may_answer(const struct request_kind *request, unsigned status);

#endif
