/* call: one call of a client, from its head until nothing of it is left. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_CALL_H
#define EXTPROCD_TRANSPORT_H2_STREAM_CALL_H

#include "transport/h2/framing/unpack.h"
#include "transport/h2/stream/streams.h"

/* Drawn at the top of call.c. */
enum h2_call_state {
    CALL_OPEN,
    CALL_ANSWERING,
    CALL_ENDING, /* from here on nothing is added to the queue */
    CALL_TRAILERS_ONLY,
    CALL_RESET,
    CALL_ENDED,
    CALL_CLOSED,
    N_CALL_STATES
};

/* Where messages wait that have come, of a client that compresses them, or while the handler holds
 * the call; only intake uses it. */
struct backlog {
    struct unpack unpack;
    struct timer timer; /* its turn has come */
    bool later;         /* the timer is set */
    bool half_closed;   /* and the handler does not know it yet */
    bool held;          /* see transport_hold() */
};

/* Each field is written by the one file that its group names, or by that file's functions. */
struct h2_call {
    union {
        struct transport_call base;
        struct h2_call *next_idle;
    };

    /* ---- call: its place, its answers, its end ---- */
    struct stream_commons *commons;
    struct streams *streams;      /* of its connection; NULL: its stream is gone */
    struct h2_call *next, **link; /* of those */
    struct outgoing *reserved, *queue, **queue_end;
    char *status_text; /* escaped */
    size_t status_text_len;
    size_t n_in;       /* bytes of memory that messages have: in part, waiting, with the handler */
    size_t n_queued;   /* bytes in the queue that are not sent    */
    size_t n_sent;     /* bytes of its first message that are     */
    size_t n_promised; /* bytes that a frame under way will take  */
    size_t n_unread;   /* bytes that the client may not send again */
    uint64_t moved_ms; /* when answers began to wait, or the last of their bytes went */
    enum h2_call_state state;
    int32_t id;
    int32_t owed;    /* messages received less messages sent */
    uint32_t n_held; /* messages not yet released, and our own hold */
    enum status status;
    bool aborted; /* and not by the handler's will */

    /* ---- backpressure ---- */
    struct h2_call *next_refused, **refused_link; /* see struct streams; link NULL: it is not */

    /* ---- intake: what comes ---- */
    struct messages messages;
    struct backlog *backlog; /* NULL: no message has to wait */
    uint32_t n_silent;       /* times that a message was waited for: see intake_look() */
    bool heard;              /* a message has come                        */
    bool encoded;            /* its messages may be compressed, by whatever */
    bool packs;              /* and ours, as gzip                         */

    /* ---- life ---- */
    const struct transport_handler *handler;
    void *stream;
    struct metadata *metadata; /* of its request; NULL: none that is wanted */
    struct timer *deadline;    /* NULL: none */
    bool shed;                 /* for its memory, which no longer counts */
};

/* It has its status, or has none coming. */
static inline bool h2_call_is_finished(const struct h2_call *call)
{
    return call->state >= CALL_ENDING;
}

/* There are messages that have come and were not handed over. */
static inline bool h2_call_waits(const struct h2_call *call)
{
    return call->backlog && unpack_waits(&call->backlog->unpack);
}

/* The handler holds it. */
static inline bool h2_call_is_held(const struct h2_call *call)
{
    return call->backlog && call->backlog->held;
}

/* Allocates a call and sets it as its stream's pointer; does nothing else. NULL: out of memory. */
struct h2_call *h2_call_new(struct streams *s, int32_t id);
/* Our END_STREAM is with the socket. */
void h2_call_ended(struct h2_call *call);
/* Its stream is gone, and with it all but the messages that the handler has. */
void h2_call_gone(struct h2_call *call);
/* Ends it with this status, and drops unsent answers. */
void h2_call_abort(struct h2_call *call, enum status status, struct extproc_str why);
/* It has exceeded a limit: counts and logs that. `amount`: see limits_exceeded(). */
void h2_call_exceeds(const struct h2_call *call, enum limit which, const char *amount);
/* Ends it after what was sent, because of what the client has sent. */
void h2_call_refuse(struct h2_call *call, enum status status, struct extproc_str why);
/* So many bytes have come, whatever became of them. */
void h2_call_arrived(struct h2_call *call, size_t len);
/* Lets the client send as much as was taken. */
void h2_call_consume(struct h2_call *call);
/* `len` bytes more, or fewer, of messages that have come. */
void h2_call_hold(struct h2_call *call, size_t len);
void h2_call_drop(struct h2_call *call, size_t len);
/* It stays until h2_call_unheld(), for each of them. */
static inline void h2_call_keep(struct h2_call *call)
{
    call->n_held++;
}
/* The same, for a message that the handler gets, which owes an answer to it. */
static inline void h2_call_keep_message(struct h2_call *call)
{
    call->n_held++;
    call->owed++;
}
void h2_call_unheld(struct h2_call *call);
/* Its answers wait, or its status, and the client has let nothing of them through for
 * write_timeout. */
bool h2_call_is_stalled(const struct h2_call *call);
/* It is being worked on, and that work would be wasted if it ended now. */
bool h2_call_is_owed(const struct h2_call *call);

/* Its part of struct http2_events. */
size_t h2_call_ready(void *stream, size_t most, bool *ret_last);
void h2_call_trailers(void *stream);
void h2_call_take(void *stream, size_t len);

/* Frees the memory that is kept for new calls. */
void h2_calls_drop_idle(struct stream_commons *commons);
void h2_calls_fini(struct stream_commons *commons);

/* struct transport_ops, as far as it is of calls. */
struct extproc_str h2_call_metadata(const struct transport_call *base, const char *name);
size_t h2_call_max_answer(const struct transport_call *base);
uint8_t *h2_call_reserve(struct transport_call *base, size_t len);
void h2_call_send(struct transport_call *base);
void h2_call_unprompted(struct transport_call *base);
void h2_call_finish(struct transport_call *base, enum status status, struct extproc_str message);

#endif
