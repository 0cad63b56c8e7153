/* loop: one completion queue, and the one thread that handles all that comes out of it. */
#ifndef EXTPROCD_TRANSPORT_GRPC_LOOP_H
#define EXTPROCD_TRANSPORT_GRPC_LOOP_H

#include "transport/grpc/cork.h"
#include "transport/grpc/waker.h"
#include "transport/inbox.h"
#include "transport/timers.h"

struct loop {
    grpc_completion_queue *cq;
    struct inbox inbox;
    struct waker waker;
    struct timers timers;
    struct cork cork;
    bool quit;
};

void loop_init(struct loop *loop);
/* Whatever uses the queue must be gone. */
void loop_fini(struct loop *loop);

/* Until loop_quit(). */
void loop_run(struct loop *loop);
void loop_quit(struct loop *loop);

/* In the loop: fn(arg) once, not before the delay. With a delay of 0, as soon as what has already
 * come has been handled, or a burst is over. 0 or -ENOMEM. */
int loop_after(struct loop *loop, uint64_t delay_ms, void (*fn)(void *arg), void *arg);

#endif
