/* poller: one epoll set, and the one thread that handles all that comes out of it. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_POLLER_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_POLLER_H

#include "base/loop/loop.h"
#include "transport/watch.h"

struct poller {
    int epoll_fd, wake_fd; /* -1: none */
    struct loop *loop;
    struct watch on_wake;
    /* Called at the end of each round, after the timers. True: there is more to do, so that the
     * next round must not wait. */
    bool (*round_ends)(void *arg);
    void *arg;
    bool quit;
};

/* The loop is driven by it from then on. 0 or -errno; then poller_fini() is still to be called. */
int poller_init(struct poller *p, struct loop *loop, bool (*round_ends)(void *arg), void *arg);
void poller_fini(struct poller *p);

/* Until poller_quit(). */
void poller_run(struct poller *p);
void poller_quit(struct poller *p);

#endif
