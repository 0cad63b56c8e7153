/* stream: the edge where the bytes of a gRPC stream become events, and verdicts become bytes.
 *
 * One arena per stream holds the stream itself and all that lives as long as it.
 */
#ifndef EXTPROCD_SESSION_STREAM_H
#define EXTPROCD_SESSION_STREAM_H

#include "session/session.h"

struct stream;

/* The transport's side, handed down: bytes out. */
struct stream_out {
    /* The address of the client, for the log; stays until stream_closed() has returned. NULL: not
     * known. The function NULL: the same. */
    const char *(*peer)(void *call);
    /* A value of the metadata that the stream began with; the function NULL: it has none. */
    struct extproc_str (*field)(void *call, const char *name);
    /* Bytes of the largest answer that may be sent; 0: any. The function NULL: the same. */
    size_t (*max_answer)(void *call);
    /* A buffer of exactly this size for one message; NULL: out of memory. */
    uint8_t *(*reserve)(void *call, size_t len);
    /* The buffer last reserved is full: on its way with it. */
    void (*send)(void *call);
    /* No further message may come until resume(). Both functions NULL: they come as they come. */
    void (*hold)(void *call);
    void (*resume)(void *call);
    /* Ends the stream after what was sent. Call it once at most; nothing may be sent after it. */
    void (*finish)(void *call, enum status status, struct extproc_str message);
};

/* Streams are counted from now on: those that are open, and how they end. */
void stream_env_counts(struct session_env *env, struct metrics *metrics);
/* NULL: out of memory. Takes over one reference to the generation, also where it fails. */
struct stream *stream_open(const struct session_env *env, struct generation *g,
                           struct coverage *coverage, const struct stream_out *out, void *call);
/* One message, taken over: it is released when its answer has been given. */
void stream_message(struct stream *s, const struct message *message);
/* Its transaction's id; one of our own where the request has none. */
struct extproc_str stream_transaction(struct stream *s);
/* The proxy will not send anything further: finishes with OK. */
void stream_half_close(struct stream *s);
/* Its connection has gone, and so the stream: before stream_closed(). */
void stream_lost(struct stream *s);
/* The stream is gone, in whatever way; the last call, frees it. seen: what the transport saw, which
 * session_outcome() judges; of a stream that had failed the end is FAILED. */
void stream_closed(struct stream *s, enum extproc_end seen);

#endif
