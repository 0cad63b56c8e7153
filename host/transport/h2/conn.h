/* conn: one connection, and what all connections of a loop share. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_H
#define EXTPROCD_TRANSPORT_H2_CONN_H

#include "transport/budget.h"
#include "transport/h2/gather.h"
#include "transport/h2/head.h"
#include "transport/h2/poller.h"
#include "transport/transport.h"

#include <nghttp2/nghttp2.h>

enum { CONN_INPUT = 256 * 1024 }; /* bytes that a connection may bring in one round */

/* What all connections of a loop share. */
struct hub {
    const struct transport_options *options;
    struct poller *poller;
    struct health *health;
    nghttp2_option *option;
    nghttp2_session_callbacks *callbacks;
    struct conn *conns;
    size_t n_conns;
    struct conn *dirty;   /* to be flushed when the round ends   */
    struct conn *dead;    /* to be freed then                    */
    struct h2_call *idle; /* memory for calls to come          */
    unsigned n_idle;
    size_t n_calls, n_calls_peak; /* open, and the most of them since memory was given back */
    bool stopping;                /* calls are being ended: TRANSPORT_STOPPED */
    void (*emptied)(void *arg);   /* there are no connections any more        */
    void *arg;
    struct frame_pool frames;
    struct gather gather;
    uint8_t input[CONN_INPUT];
};

/* 0 or -ENOMEM; then hub_fini() is still to be called. */
int hub_init(struct hub *hub, const struct transport_options *options, struct poller *poller,
             struct health *health);
/* Breaks what is still there. */
void hub_fini(struct hub *hub);
/* At the end of a round: sends what has come together. True: there is more to send. */
bool hub_flush(struct hub *hub);
/* Every connection: no new calls, in the two steps that lose none. */
void hub_drain(struct hub *hub);
/* Ends every call, and every connection behind it. */
void hub_stop(struct hub *hub);

struct conn {
    struct watch watch;
    struct hub *hub;
    const struct transport_listener *listener;
    nghttp2_session *session; /* NULL: all is said, and only the client's end is waited for */
    struct conn *next, **link;
    struct conn *next_dirty;
    struct h2_call *calls;
    size_t n_queued; /* bytes of answers, in all calls */
    uint8_t *left;   /* what the socket did not take; NULL: nothing */
    size_t left_len, n_left_done;
    size_t n_lingered;  /* bytes thrown away */
    struct timer timer; /* preface, drain, end: whatever is to be waited for */
    struct timer stall; /* for the socket to take something */
    struct budget resets, idles;
    struct head head; /* of the request that is being read */
    int fd;
    bool dirty;
    bool greeted;  /* its preface has come              */
    bool draining; /* the first GOAWAY is on its way    */
    bool ended;    /* the last one is                   */
    bool broken;   /* it has gone beyond a limit        */
    bool failed;   /* there was no memory for it        */
    bool dead;
};

/* Takes over a connection that was accepted. */
void conn_open(struct hub *hub, const struct transport_listener *listener, int fd);
/* There is something to send. */
void conn_touch(struct conn *c);
/* The client's preface has come. */
void conn_greeted(struct conn *c);
/* The client has answered the ping between the two GOAWAYs. */
void conn_last_goaway(struct conn *c);
/* It has gone beyond a limit: ends with ENHANCE_YOUR_CALM. */
void conn_break(struct conn *c, const char *what);

#endif
