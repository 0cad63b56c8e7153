/* answer: what is said on a stream: heads, messages, statuses, and why there is no call. */
#ifndef EXTPROCD_TRANSPORT_H2_HTTP2_ANSWER_H
#define EXTPROCD_TRANSPORT_H2_HTTP2_ANSWER_H

#include "transport/h2/http2/http2.h"

/* Which fields the head of an answer has beside those of all. */
enum answer_head { ANSWER_PLAIN, ANSWER_TAKES_GZIP, ANSWER_PACKS_GZIP };

/* An answer's head; its messages and its status are asked for by http2_events.ready. */
void answer_begin(struct http2 *h, int32_t id, enum answer_head head, void *stream);
/* There is something new to send. */
void answer_resume(struct http2 *h, int32_t id);

/* A status; its text is escaped. */
struct answer_status {
    enum status code;
    const char *text;
    size_t text_len;
};
/* For http2_events.trailers: the status comes after the answers. */
void answer_trailers(struct http2 *h, int32_t id, const struct answer_status *status);
/* The status is the head as well: there are no answers. */
void answer_status(struct http2 *h, int32_t id, const struct answer_status *status);
/* Ends the stream immediately. */
void answer_reset(struct http2 *h, int32_t id, enum status status);

/* For a request that is not a gRPC call. */
void answer_refuse(struct http2 *h, int32_t id, enum status status, struct extproc_str why);
/* is_head: the request is a HEAD, whose answer has no body. */
void answer_not_post(struct http2 *h, int32_t id, bool is_head);
void answer_not_grpc(struct http2 *h, int32_t id, bool is_head);

#endif
