/* transport: gRPC in and out, as the other floors see it: bytes, queues, wake-ups.
 *
 * A transport drives the loop: one thread that runs every callback below. It does not know what the
 * messages mean. This header has several implementations (grpc/, h2/); the one to run is chosen by
 * name, and no other code may depend on which one it is.
 */
#ifndef EXTPROCD_TRANSPORT_TRANSPORT_H
#define EXTPROCD_TRANSPORT_TRANSPORT_H

#include "base/arena.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/message.h"
#include "base/metrics.h"
#include "base/status.h"
#include "transport/budget.h"

#include <stdbool.h>
#include <stdint.h>

struct transport;

/* One call of a client: a stream of messages each way. The head of the implementation's own. */
struct transport_call {
    const struct transport_ops *ops;
    const char
        *peer; /* the address of its connection's other end; stays until closed has returned */
};

enum transport_end {
    TRANSPORT_FINISHED, /* our status went out                       */
    TRANSPORT_RESET,    /* the client ended it: RST_STREAM, a deadline, a limit that it exceeded */
    TRANSPORT_LOST,     /* its connection has gone; a transport that cannot know says RESET */
    TRANSPORT_STOPPED   /* the service stops and could wait no longer */
};

/* What answers the calls of one path. */
struct transport_handler {
    const char *path; /* "/package.Service/Method" */
    /* A call has come; arg is its listener's. The result is handed to the callbacks below. NULL:
     * out of memory, the call ends with RESOURCE_EXHAUSTED. */
    void *(*open)(void *arg, struct transport_call *call);
    /* One message. The handler takes ownership, and releases it in the loop, or, when run() has
     * returned, before destroy() and in its thread. Until then, the transport may make the client
     * wait before it sends much more. */
    void (*message)(void *stream, const struct message *message);
    void (*half_close)(void *stream); /* the client has finished sending */
    /* Always, once, last; never from within a transport_send() or transport_finish(). */
    void (*closed)(void *stream, enum transport_end why);
    /* There is room for answers again: after transport_has_room() has returned false, once. NULL:
     * it is not wanted. */
    void (*room)(void *stream);
    /* The transaction's id, for the log. NULL: these streams have none. */
    struct extproc_str (*transaction)(void *stream);
};

/* TLS of a listener; PEM files, read again when they have changed. */
struct transport_tls {
    /* Our certificate, and those between it and its CA; NULL: cleartext. Its key. */
    const char *cert, *key;
    const char *client_ca; /* whose certificates clients must have; NULL: they need none */
    bool hidden;           /* these paths are not to be shown: their keys' names are */
    /* What a client's certificate must be for, one of them: a DNS name or a URI, which may end in
     * "*" for any end. 0: any. */
    const char *const *client_names;
    size_t n_client_names;
};

/* What clients of a listener may cost. 0: no limit. A connection that goes beyond one ends; where
 * another is named, only its call does. */
struct transport_limits {
    /* bytes; more ends the call with RESOURCE_EXHAUSTED, both sizes named */
    size_t max_message;
    /* bytes of a call's metadata; the same, unless they are many times as much */
    size_t max_header_list;
    uint32_t max_streams; /* calls of a connection at a time; more are refused */
    uint64_t idle_ms;     /* that a connection may be without a call           */
    uint64_t age_ms;      /* of a connection; open calls may finish            */
    uint64_t grace_ms;    /* that they may take for it                         */
    /* The rest is for transports that have TRANSPORT_OWN_LIMITS. */
    uint32_t max_connections;   /* at a time; more are closed as they come */
    uint64_t handshake_ms;      /* until a connection has begun to speak HTTP/2 */
    uint64_t first_message_ms;  /* for what a client has begun: a call, a frame, ... */
    uint64_t write_ms;          /* until a connection takes some of what we send */
    size_t max_queued;          /* bytes of answers that wait on a connection; calls end */
    size_t stream_window;       /* bytes that a client may send ahead in a call */
    uint32_t max_continuations; /* CONTINUATION frames of one head */
    struct budget_rate resets;  /* of calls that are being worked on */
    struct budget_rate idles;   /* of frames without content: PING, SETTINGS, empty DATA, ... */
};

struct transport_listener {
    const char *name;    /* of the section, for messages     */
    const char *address; /* as written, for messages         */
    int fd;              /* bound and listening; drain() and stop() close it, nothing else does */
    bool tcp;            /* else a unix socket               */
    void *arg;           /* for transport_handler.open       */
    struct transport_limits limits;
    struct transport_tls tls;
};

struct transport_options {
    struct loop *loop; /* only we drive it between create() and destroy() */
    struct log *log;
    struct metrics *metrics; /* where limits that were broken are counted; NULL: nowhere */
    /* With TRANSPORT_OWN_LIMITS: bytes of messages that have come, in part or complete, and of
     * answers that wait, in all connections; when there are more, calls of the connection with the
     * most end. 0: no limit. */
    size_t max_held;
    const struct transport_listener *const *listeners;
    size_t n_listeners;
    const struct transport_handler *handlers; /* health is the transport's own */
    size_t n_handlers;
    /* Of a call's request, the metadata that handlers ask for, by their names in lower case. No
     * others are kept, and what is kept is within max_header_list. */
    const char *const *metadata;
    size_t n_metadata;
    /* Services that grpc.health.v1.Health knows by name, beside "". */
    const char *const *health_names;
    size_t n_health_names;
    /* A descriptor of the owner's: whenever it has become readable, on_notice(arg) is called in the
     * loop, which is to read it. on_notice NULL: there is none. */
    int notice_fd;
    void (*on_notice)(void *arg);
    void *arg;
};

/* What a transport may have. */
enum {
    TRANSPORT_TLS = 1 << 0,
    TRANSPORT_OWN_LIMITS = 1 << 1 /* see struct transport_limits */
};

struct transport_ops {
    const char *name;  /* "grpc" */
    unsigned features; /* TRANSPORT_TLS, ... */
    /* With TRANSPORT_TLS: can it be used? NULL, or what is wrong (in the arena), and *ret_file says
     * with which of its files. Reads the files and nothing else. */
    const char *(*check_tls)(const struct transport_tls *tls, struct arena *arena,
                             const char **ret_file);
    /* With TRANSPORT_TLS: the name in our certificate that clients must check, and *ret_kind:
     * "DNS", "URI" or "IP_ADDRESS". NULL: it has none, or none that is the name of one host
     * only. */
    const char *(*tls_name)(const struct transport_tls *tls, struct arena *arena,
                            const char **ret_kind);
    /* 0; -errno with *ret_why (in the arena) saying what is wrong. Everything in options must
     * stay. */
    int (*create)(const struct transport_options *options, struct arena *arena,
                  struct transport **ret, const char **ret_why);
    /* Drives the loop until it has been stopped or drained. */
    void (*run)(struct transport *t);
    /* In the loop: takes over a connected socket, as if the i-th listener had accepted it. 0; or
     * -errno, and it stays the caller's: -ESHUTDOWN when the end has begun. */
    int (*adopt)(struct transport *t, size_t i, int fd);
    /* In the loop: health says NOT_SERVING from now on, so that clients leave; all else goes on. */
    void (*lame)(struct transport *t);
    /* In the loop: the same; the connections that wait at the listeners are taken, and the
     * listeners are closed; no new calls, open ones may finish within the time; then the rest is
     * ended, and run() returns. */
    void (*drain)(struct transport *t, uint64_t limit_ms);
    /* In the loop: the same, and ends every call immediately. */
    void (*stop)(struct transport *t);
    struct transport *(*destroy)(struct transport *t);

    /* For a call, in the loop, between open and closed. */
    size_t (*max_answer)(const struct transport_call *call);
    uint8_t *(*reserve)(struct transport_call *call, size_t len);
    void (*send)(struct transport_call *call);
    void (*unprompted)(struct transport_call *call);
    void (*hold)(struct transport_call *call);
    void (*resume)(struct transport_call *call);
    bool (*has_room)(struct transport_call *call);
    struct extproc_str (*metadata)(const struct transport_call *call, const char *name);
    void (*finish)(struct transport_call *call, enum status status, struct extproc_str message);
};

/* The value of a field of the request's metadata, one of transport_options.metadata, until closed()
 * has returned. Values of one name are joined with a comma, in their order; those of names that end
 * in -bin are base64 without padding. ABSENT: it was not sent, or it is HTTP/2's or gRPC's own: a
 * name that begins with ":" or "grpc-", content-type, te. */
static inline struct extproc_str transport_metadata(const struct transport_call *call,
                                                    const char *name)
{
    return call->ops->metadata(call, name);
}
/* Bytes of the largest message that may be sent (max_queued); 0: any. One that is larger ends the
 * call. */
static inline size_t transport_max_answer(const struct transport_call *call)
{
    return call->ops->max_answer(call);
}
/* A buffer for one message; NULL: out of memory. It is sent by the next transport_send(), and any
 * number may be sent in answer to one message, or to none. */
static inline uint8_t *transport_reserve(struct transport_call *call, size_t len)
{
    return call->ops->reserve(call, len);
}
static inline void transport_send(struct transport_call *call)
{
    call->ops->send(call);
}
/* Says that this call may send messages that are not answers. Otherwise a transport may assume that
 * each message is the answer to one message: when every message has had its answer and was
 * released, it may hold back further messages until the client sends again. */
static inline void transport_unprompted(struct transport_call *call)
{
    call->ops->unprompted(call);
}
/* Bytes of a call's answers that wait for its client: with more of them, there is no room. */
enum { TRANSPORT_ROOM = 1024 * 1024 };
/* For a handler that makes answers as fast as they go, beside those that it owes: may it send one
 * more? Not while more than TRANSPORT_ROOM bytes of the call, or half of max_queued in its
 * connection, wait for the client; then, when at most half of that waits, room() is called, by
 * the loop. Not in a call that has its status either, where no room() follows. */
static inline bool transport_has_room(struct transport_call *call)
{
    return call->ops->has_room(call);
}
/* No further message is handed over, nor the half-close, until transport_resume(): what comes stays
 * with the transport, where it counts as before, and the client may send only what it may send
 * ahead. The call can end meanwhile, and then what has waited is dropped. */
static inline void transport_hold(struct transport_call *call)
{
    call->ops->hold(call);
}
/* What has waited is handed over, in its order, by the loop and not from within this call. */
static inline void transport_resume(struct transport_call *call)
{
    call->ops->resume(call);
}
/* Ends the call after what was sent. What the client still sends is discarded. A second finish does
 * nothing. */
static inline void transport_finish(struct transport_call *call, enum status status,
                                    struct extproc_str message)
{
    call->ops->finish(call, status, message);
}

enum { TRANSPORT_WHY = 512 };

/* NULL: it cannot be had, and *ret_why says why. */
const struct transport_ops *transport_find(const char *name, char ret_why[static TRANSPORT_WHY]);
/* The name of the i-th transport of this build; NULL: i is past the last. The first is the
 * default. */
const char *transport_name(size_t i);

#endif
