/* cork: TCP connections whose writes are held back while a burst of events is handled. */
#ifndef EXTPROCD_TRANSPORT_GRPC_QUEUE_CORK_H
#define EXTPROCD_TRANSPORT_GRPC_QUEUE_CORK_H

#include <stddef.h>
#include <stdint.h>

/* All zero, and burst 1: nothing is corked. */
struct cork {
    int *corked; /* in this burst */
    size_t n_corked;
    uint64_t *last_burst; /* by descriptor: in which it was corked last */
    size_t n_fds;         /* both arrays have room for this many */
    uint64_t burst;
};

void cork_init(struct cork *cork);
void cork_fini(struct cork *cork);
/* Holds back what is written to fd until cork_release(). fd < 0: nothing. */
void cork_hold(struct cork *cork, int fd);
/* Lets everything go, and begins a new burst. */
void cork_release(struct cork *cork);

#endif
