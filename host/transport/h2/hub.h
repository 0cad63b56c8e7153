/* hub: what all connections of a loop share, and what is done to all of them. */
#ifndef EXTPROCD_TRANSPORT_H2_HUB_H
#define EXTPROCD_TRANSPORT_H2_HUB_H

#include "transport/h2/channel/channel.h"
#include "transport/h2/channel/gather.h"
#include "transport/h2/channel/tls/tls_context.h"
#include "transport/h2/framing/gzip.h"
#include "transport/h2/poller.h"
#include "transport/limits.h"

#include <nghttp2/nghttp2.h>

struct idle_list {
    struct conn *first, **end;
};

/* Of a listener: what its connections share. */
struct gate {
    struct hub *hub;
    const struct transport_listener *listener;
    size_t n_conns;
    /* Connections without a call that has said something, the longest idle one first: those that never
     * had one, and those that had. */
    struct idle_list strangers, known;
    nghttp2_option *option;
    struct tls_context *tls; /* NULL: cleartext */
};

/* What calls used, in bytes: the most since memory was given back, and since it was last looked at. */
struct reserve {
    size_t most, most_lately;
    struct timer look;
};

struct hub {
    const struct transport_options *options;
    struct loop *loop;
    struct poller *poller;
    struct health *health;
    struct limits limits;
    struct gate *gates; /* as many as listeners */
    nghttp2_session_callbacks *callbacks;
    struct conn *conns;
    size_t n_conns;
    uint64_t n_idled;     /* times that one became idle           */
    struct conn *dirty;   /* to be flushed when the round ends   */
    struct conn *dead;    /* to be freed then                    */
    struct h2_call *idle; /* memory for calls to come            */
    unsigned n_idle;
    size_t n_calls;             /* open */
    size_t n_held;              /* bytes: of messages that have come, and of answers that wait */
    size_t n_held_most;         /* since the round began */
    size_t n_zipped;            /* bytes that were unpacked and packed in this round */
    size_t n_later;             /* calls whose messages wait for a later round, see intake */
    struct reserve reserve;     /* of memory that was in use, and is the C library's now */
    bool stopping;              /* calls are being ended: TRANSPORT_STOPPED */
    void (*emptied)(void *arg); /* there are no connections any more        */
    void *arg;
    struct frame_pool frames;
    struct gzip gzip;
    struct gather gather;
    struct channel_input input;
};

/* 0; or -errno, with *ret_why (in the arena) if there is more to say. In any case hub_fini() is still to
 * be called. */
int hub_init(struct hub *hub, const struct transport_options *options, struct poller *poller,
             struct health *health, struct arena *arena, const char **ret_why);
/* Breaks what is still there. */
void hub_fini(struct hub *hub);

/* So many bytes more are held. */
static inline void hub_hold(struct hub *hub, size_t len)
{
    hub->n_held += len;
    if (hub->n_held > hub->n_held_most)
        hub->n_held_most = hub->n_held;
}

/* A connection has no call that has said something; only its client's end is waited for; it has such
 * calls, or is gone. */
void hub_put_idle(struct conn *c);
void hub_put_gone(struct conn *c);
void hub_take_idle(struct conn *c);

/* A connection has come to the i-th listener: takes it over. */
void hub_admit(struct hub *hub, size_t i, int fd, const char *peer);
/* There is no descriptor left: closes the idle connection that is missed least. False: there is none. */
bool hub_make_room(struct hub *hub);
/* At the end of a round: sends what has come together. True: there is more to send. */
bool hub_flush(struct hub *hub);
/* Every connection: no new calls, in the two steps that lose none. */
void hub_drain(struct hub *hub);
/* Ends every call, and every connection behind it. */
void hub_stop(struct hub *hub);

#endif
