/* completions: one completion queue, and the one thread that handles all that comes out of it. */
#ifndef EXTPROCD_TRANSPORT_GRPC_QUEUE_COMPLETIONS_H
#define EXTPROCD_TRANSPORT_GRPC_QUEUE_COMPLETIONS_H

#include "base/loop/loop.h"
#include "transport/grpc/queue/cork.h"
#include "transport/grpc/queue/waker.h"

struct completions {
    struct loop *loop;
    grpc_completion_queue *cq;
    struct waker waker;
    struct cork cork;
    bool quit;
};

/* The loop is driven by it from then on. */
void completions_init(struct completions *c, struct loop *loop);
/* Whatever uses the queue must be gone. */
void completions_fini(struct completions *c);

/* Until completions_quit(). A timer with a delay of 0 fires as soon as what has already come has
 * been handled, or a burst is over. */
void completions_run(struct completions *c);
void completions_quit(struct completions *c);

#endif
