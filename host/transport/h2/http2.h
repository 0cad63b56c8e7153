/* http2: nghttp2's session of a connection: what it may do, what it tells, what it is told. */
#ifndef EXTPROCD_TRANSPORT_H2_HTTP2_H
#define EXTPROCD_TRANSPORT_H2_HTTP2_H

#include "transport/h2/stream/call.h"

/* What all sessions share, and what those of a listener do. NULL: out of memory. */
nghttp2_session_callbacks *http2_callbacks_new(void);
nghttp2_option *http2_option_new(const struct transport_limits *limits);

/* The connection's session, with our SETTINGS in it. 0 or -ENOMEM. */
int http2_open(struct conn *c);
/* False: the connection cannot go on. What there is to say about it is to be sent. */
bool http2_feed(struct conn *c, const uint8_t *bytes, size_t len);
/* Fills the hub's gather. 1: it is full, 0: that was all, or -errno. */
int http2_gather(struct conn *c);
/* Nothing is to be said or heard any more. */
bool http2_is_over(const struct conn *c);

/* The two steps of an end. */
void http2_announce_end(struct conn *c);
void http2_end(struct conn *c);
/* An end at once: ENHANCE_YOUR_CALM. */
void http2_calm(struct conn *c);

/* The client's windows are open: what is sent will go. */
bool http2_can_send(const struct h2_call *call);
/* The client may send so many bytes more in this stream. */
void http2_consume(struct h2_call *call, size_t len);

#endif
