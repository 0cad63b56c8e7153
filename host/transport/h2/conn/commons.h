/* commons: what connections share, with those of their listener and with all of the loop. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_COMMONS_H
#define EXTPROCD_TRANSPORT_H2_CONN_COMMONS_H

#include "transport/h2/channel/channel.h"
#include "transport/h2/channel/poller.h"
#include "transport/h2/channel/tls/tls_context.h"
#include "transport/h2/stream/streams.h"

struct conn;

struct idle_list {
    struct conn *first, **end;
};

/* One listener: what its connections share. */
struct gate {
    struct hub *hub;
    const struct transport_listener *listener;
    size_t n_conns;
    /* Connections without a call that has said something, the longest idle one first: those that
     * never had one, and those that had. */
    struct idle_list strangers, known;
    nghttp2_option *option;
    struct tls_context *tls; /* NULL: cleartext */
};

/* What calls used, in bytes: the most since memory was returned to the kernel, and since the last
 * check. */
struct reserve {
    size_t most, most_lately;
    struct timer look;
};

/* What a connection hears, and has others make sense of: handed down. */
struct conn_ears {
    /* Bytes have come. False: the connection cannot go on. */
    bool (*feed)(struct conn *c, const uint8_t *bytes, size_t len);
    struct http2_events http2;
    struct streams_owner streams;
};

struct hub {
    struct stream_commons streams;
    const struct transport_options *options;
    struct poller *poller;
    struct health *health;
    struct gate *gates; /* as many as listeners */
    nghttp2_session_callbacks *callbacks;
    const struct conn_ears *ears;
    struct conn *conns;
    size_t n_conns;
    uint64_t n_idled;           /* times that one became idle           */
    struct conn *dirty;         /* to be flushed when the round ends   */
    struct conn *dead;          /* to be freed then                    */
    struct reserve reserve;     /* of memory that was in use, and is the C library's now */
    void (*emptied)(void *arg); /* there are no connections left            */
    void *arg;
    struct channel_input input;
};

#endif
