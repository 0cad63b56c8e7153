/* streams: what streams share, with those of their connection and with all others of the loop. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_STREAMS_H
#define EXTPROCD_TRANSPORT_H2_STREAM_STREAMS_H

#include "base/loop/loop.h"
#include "transport/h2/framing/gzip.h"
#include "transport/h2/http2/http2.h"
#include "transport/limits/limits.h"

/* What the streams of a loop share. */
struct stream_commons {
    const struct transport_ops *ops;
    struct loop *loop;
    struct limits limits;
    struct h2_call *idle; /* memory for calls to come            */
    unsigned n_idle;
    size_t n_calls;     /* open */
    size_t n_held;      /* bytes: of messages that have come, and of answers that wait */
    size_t n_held_most; /* since the round began */
    size_t n_zipped;    /* bytes that were unpacked and packed in this round */
    size_t n_later;     /* calls whose messages wait for a later round, see intake */
    bool stopping;      /* calls are being ended: TRANSPORT_STOPPED */
    struct message_pool pool;
    struct gzip gzip;
    struct gather gather;
};

/* `len` more bytes are held. */
static inline void stream_commons_hold(struct stream_commons *commons, size_t len)
{
    commons->n_held += len;
    if (commons->n_held > commons->n_held_most)
        commons->n_held_most = commons->n_held;
}

struct streams;

/* What streams report to their owner. */
struct streams_owner {
    void (*touched)(struct streams *s); /* there is something to send */
    void (*begun)(struct streams *s);   /* something, and its rest may not come */
    void (*busy)(struct streams *s);    /* the first of its streams has said something */
    void (*heard)(struct streams *s);   /* a message has come */
    void (*idle)(struct streams *s);    /* none of those that are left has */
    void (*queued)(struct streams *s);  /* an answer waits; they may be too many */
};

/* The streams of a connection. */
struct streams {
    struct http2 http2;
    struct stream_commons *commons;
    const struct streams_owner *owner;
    const struct transport_listener *listener;
    const char *peer;
    struct h2_call *calls;
    /* Those whose handlers were refused room, the first one first; only backpressure uses it. */
    struct h2_call *refused, **refused_end;
    struct timer eased;
    size_t n_calls;
    size_t n_talking; /* of them, those that a message has come in */
    size_t n_queued;  /* bytes of answers, in all calls   */
    size_t n_ending;  /* calls whose status waits for answers */
    size_t n_in;      /* bytes of what has come, in all calls */
    uint32_t n_heard; /* calls that a message has come in, ever */
};

#endif
