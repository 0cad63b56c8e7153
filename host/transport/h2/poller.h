/* poller: one epoll set, and the one thread that handles all that comes out of it. */
#ifndef EXTPROCD_TRANSPORT_H2_POLLER_H
#define EXTPROCD_TRANSPORT_H2_POLLER_H

#include "transport/inbox.h"
#include "transport/timers.h"
#include "transport/watch.h"

struct poller {
    int epoll_fd, wake_fd; /* -1: none */
    struct watch on_wake;
    struct inbox inbox;
    struct timers timers;
    uint64_t now_ms; /* when the round began */
    /* Called at the end of each round, behind the timers. True: there is more to do, so that the next
     * round must not wait. */
    bool (*round_ends)(void *arg);
    void *arg;
    bool quit;
};

/* 0 or -errno; then poller_fini() is still to be called. */
int poller_init(struct poller *p, bool (*round_ends)(void *arg), void *arg);
void poller_fini(struct poller *p);

/* Until poller_quit(). */
void poller_run(struct poller *p);
void poller_quit(struct poller *p);

/* Now, and in `delay_ms` at the earliest: for timers. */
uint64_t poller_now(void);
uint64_t poller_due(uint64_t delay_ms);
/* fn(arg) once, not before the delay. 0 or -ENOMEM. */
int poller_after(struct poller *p, uint64_t delay_ms, void (*fn)(void *arg), void *arg);

#endif
