/* http2: nghttp2's session of a connection: what it is asked to do, and what it reports.
 *
 * It does not know our types of connections and streams: events are reported through a table of
 * functions that its user passes, with a pointer that stands for the connection, or one that stands
 * for the stream.
 */
#ifndef EXTPROCD_TRANSPORT_H2_HTTP2_HTTP2_H
#define EXTPROCD_TRANSPORT_H2_HTTP2_HTTP2_H

#include "base/str.h"
#include "transport/h2/channel/gather.h"
#include "transport/transport.h"

#include <nghttp2/nghttp2.h>

/* arg: the connection; stream: what http2_set_stream() was given, never NULL where it does not say
 * so. */
struct http2_events {
    /* May more be read? Called after every other event of received bytes. */
    bool (*goes_on)(void *arg);
    void (*head_begins)(void *arg);
    void (*field)(void *arg, struct extproc_str name, struct extproc_str value);
    void (*request)(void *arg, int32_t id);
    /* stream NULL: the bytes are not used. */
    void (*data)(void *arg, void *stream, const uint8_t *bytes, size_t len);
    void (*half_closed)(void *arg, void *stream);
    /* The client resets a stream; stream NULL: of one that is refused, if it is `known`. */
    void (*reset)(void *arg, void *stream, bool known);
    void (*settings)(void *arg);
    void (*pong)(void *arg);
    void (*closed)(void *arg, void *stream);
    void (*sent)(void *arg);                /* a frame of an answer is with the socket */
    void (*ended)(void *arg, void *stream); /* and so is our END_STREAM */
    void (*reset_by_us)(void *arg);         /* a stream, which the client made us do */

    /* For answers, see answer_begin(): how many of their bytes may be sent now, `most` at most, and
     * whether the status follows them. */
    size_t (*ready)(void *stream, size_t most, bool *ret_last);
    void (*trailers)(void *stream);
    /* Puts `len` of their bytes into the gather. */
    void (*take)(void *stream, size_t len);
};

struct http2 {
    nghttp2_session *session; /* NULL: it is over */
    struct gather *gather;
    const struct http2_events *events;
    void *arg;
    uint32_t max_streams; /* announced to the client; 0: none */
    uint32_t n_open;      /* streams of the client that are not closed, calls or not */
    bool greeted;         /* our settings, the first frame, are on their way */
    bool failed;          /* there was no memory for something */
};

/* What all sessions share, and what those of a listener do. NULL: out of memory. */
nghttp2_session_callbacks *http2_callbacks_new(void);
nghttp2_option *http2_option_new(const struct transport_limits *limits);

/* A session with our SETTINGS in it; its owner has set all but the session. 0 or -ENOMEM. */
int http2_open(struct http2 *h, const nghttp2_session_callbacks *callbacks,
               const nghttp2_option *option, const struct transport_limits *limits);
void http2_close(struct http2 *h);

enum http2_fed {
    HTTP2_FED,
    HTTP2_CONTINUATIONS, /* too many of one head */
    HTTP2_LOST           /* the connection cannot go on */
};
enum http2_fed http2_feed(struct http2 *h, const uint8_t *bytes, size_t len);
/* Fills the gather. 1: it is full, 0: that was all, or -ENOMEM. */
int http2_gather(struct http2 *h);
bool http2_wants_to_read(const struct http2 *h);
bool http2_wants_to_write(const struct http2 *h);

/* If we call nghttp2 correctly, it fails only when memory is exhausted. */
static inline void http2_check(struct http2 *h, int r)
{
    h->failed |= r < 0;
}

/* The two steps of an end: GOAWAY with the highest id and a PING, GOAWAY with the last one. */
void http2_announce_end(struct http2 *h);
void http2_end(struct http2 *h);
/* Ends it immediately, with ENHANCE_YOUR_CALM. */
void http2_calm(struct http2 *h);

/* The pointer that stands for a stream from now on. */
void http2_set_stream(struct http2 *h, int32_t id, void *stream);
/* The stream is not looked at: REFUSED_STREAM, so that the client may try it again. */
void http2_refuse(struct http2 *h, int32_t id);
/* The client's windows are open: what is sent will go. */
bool http2_can_send(const struct http2 *h, int32_t id);
/* The client may send `len` more bytes in this stream. */
void http2_consume(struct http2 *h, int32_t id, size_t len);

#endif
