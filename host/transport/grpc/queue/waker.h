/* waker: wakes a thread that sleeps in a completion queue. */
#ifndef EXTPROCD_TRANSPORT_GRPC_QUEUE_WAKER_H
#define EXTPROCD_TRANSPORT_GRPC_QUEUE_WAKER_H

#include "transport/grpc/queue/tag.h"

#include <grpc/grpc.h>

struct waker {
    struct tag tag;
    grpc_channel *lame;
    grpc_call *call;
};

/* The thread that takes the tag out of the queue calls done(owner), once for each wake-up. */
void waker_init(struct waker *w, grpc_completion_queue *cq, void (*done)(void *owner, bool ok),
                void *owner);
void waker_fini(struct waker *w);

/* Any thread, but not again before done() was called. */
void waker_wake(struct waker *w);

#endif
