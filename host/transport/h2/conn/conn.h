/* conn: one connection: its bytes, what it may cost, its end. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_CONN_H
#define EXTPROCD_TRANSPORT_H2_CONN_CONN_H

#include "transport/h2/conn/commons.h"
#include "transport/h2/framing/head.h"
#include "transport/h2/framing/seam.h"
#include "transport/peername.h"

#include <stddef.h>

/* Drawn at the top of conn.c. */
enum conn_state {
    CONN_NEW,
    CONN_OPEN,
    CONN_DRAINING,
    CONN_ENDING,
    CONN_STOPPING,
    CONN_BROKEN,
    CONN_LINGERING,
    CONN_DEAD,
    N_CONN_STATES
};

struct conn {
    struct watch watch;
    struct streams streams;
    struct hub *hub;
    struct gate *gate;
    enum conn_state state;
    struct conn *next, **link;
    struct conn *next_dirty;
    struct conn *next_idle, **idle_link; /* of its list; list NULL: it is not idle */
    struct idle_list *idle_list;
    uint64_t idle_since, idle_ms; /* counts: see struct hub; and when that was */
    struct channel channel;
    size_t n_lingered;  /* bytes discarded                  */
    struct timer timer; /* of its state: for what it waits for: handshake, drain or end */
    struct timer stall; /* to look whether what waits is taken */
    struct timer idle, age;
    uint64_t moved_ms; /* when the socket took something, or became full */
    struct timer rest; /* for the rest of what the client has begun */
    struct seam seam;
    uint32_t n_heard_before; /* the same, when `idle` last fired */
    uint32_t n_done_before;  /* of the seam, when `rest` was set */
    unsigned n_quiet;        /* times that `idle` fired since a call was open */
    unsigned n_stuck;        /* times that `rest` fired since the seam went on */
    struct budget resets, idles;
    uint32_t n_updates_due, n_resets_due; /* frames that a client sends for what it has got */
    struct head head;                     /* of the request that is being read */
    struct metadata *metadata;            /* of it, what is wanted; NULL: nothing */
    char peer[PEERNAME_MAX];
    bool dirty;
    bool deaf; /* the socket is full: nothing is read */
};

/* The connection of these streams. */
static inline struct conn *conn_of(struct streams *s)
{
    return (struct conn *)((char *)s - offsetof(struct conn, streams));
}

/* Takes over a connection that was accepted, and its TLS (NULL: cleartext). 0, or -errno: it is
 * over. */
int conn_open(struct gate *gate, int fd, const char *peer, struct tls *tls, struct conn **ret);
/* Ends it immediately. */
void conn_die(struct conn *c);
/* All is said: only the client's end is waited for, or nothing. */
static inline bool conn_is_over(const struct conn *c)
{
    return c->state >= CONN_LINGERING;
}
/* There is something to send. */
void conn_touch(struct conn *c);
/* Sends. True: it has had its turn, and there is more. */
bool conn_flush(struct conn *c);
/* No new calls, in two steps. */
void conn_drain(struct conn *c);
/* Ends its calls, and then itself. */
void conn_stop(struct conn *c, const char *why);
/* Closes it, which is idle, to make room: see limits_exceeded(). */
void conn_evict(struct conn *c, enum limit which, const char *amount);

/* For patience. 0 or -ENOMEM. */
int conn_set_timer(struct conn *c, struct timer *timer, uint64_t delay_ms);
enum { CONN_TICKS = 4 }; /* in which a time is counted: so it is over at most a quarter late */
static inline uint64_t conn_tick_ms(uint64_t limit_ms)
{
    return limit_ms / CONN_TICKS + 1;
}
bool conn_is_torn(const struct conn *c);
/* 0 or -ENOMEM. */
int conn_watch_writes(struct conn *c);
/* Something has begun, and its rest may not come. */
void conn_await_rest(struct conn *c);

/* The client's preface has come. */
void conn_greeted(struct conn *c);
/* The client has answered the ping between the two GOAWAYs. */
void conn_last_goaway(struct conn *c);
/* It has exceeded a limit: counts and logs that. `amount`: see limits_exceeded(). */
void conn_exceeds(const struct conn *c, enum limit which, const char *amount);
void conn_exceeds_by(const struct conn *c, enum limit which, size_t amount);
/* A stream of it has, before it became a call. */
void conn_stream_exceeds(const struct conn *c, int32_t id, enum limit which, size_t amount);
/* The same, and it ends with ENHANCE_YOUR_CALM. */
void conn_break(struct conn *c, enum limit which, size_t amount);

#endif
