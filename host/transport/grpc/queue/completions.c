/* completions: one completion queue, and the one thread that handles all that comes out of it.
 *
 * Events come in bursts: the events in the queue are handled with connections corked. When the
 * queue is empty, or a burst has become long, the connections are released, timers fire, and only
 * then the thread sleeps. So nothing that was written waits for longer than a burst.
 *
 * The queue's own deadline is the nearest timer: no descriptor and no second thread for time.
 * gRPC's monotonic clock is the system's, and so is the loop's.
 */
#include "transport/grpc/queue/completions.h"

enum { BURST_MAX = 512 }; /* events */

static void wake(void *arg)
{
    waker_wake(arg);
}

static void awake(void *owner, bool ok)
{
    loop_awake(owner);
}

void completions_init(struct completions *c, struct loop *loop)
{
    *c = (struct completions){.loop = loop, .cq = grpc_completion_queue_create_for_next(NULL)};
    cork_init(&c->cork);
    waker_init(&c->waker, c->cq, awake, loop);
    loop_wakes(loop, wake, &c->waker);
}

void completions_fini(struct completions *c)
{
    loop_wakes(c->loop, NULL, NULL);
    waker_fini(&c->waker);
    grpc_completion_queue_shutdown(c->cq);
    grpc_event event;
    do {
        event = grpc_completion_queue_next(c->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    } while (event.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(c->cq);
    cork_fini(&c->cork);
}

static gpr_timespec deadline(const struct completions *c)
{
    if (c->cork.n_corked)
        return gpr_time_0(GPR_CLOCK_MONOTONIC);
    uint64_t next = loop_next(c->loop);
    if (next / 1000 >= INT64_MAX / 1000)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    gpr_timespec at = gpr_time_0(GPR_CLOCK_MONOTONIC);
    at.tv_sec = (int64_t)(next / 1000);
    at.tv_nsec = (int32_t)(next % 1000 * 1000000);
    return at;
}

static void end_burst(struct completions *c)
{
    cork_release(&c->cork);
    loop_begins_round(c->loop);
    loop_fires(c->loop);
}

void completions_run(struct completions *c)
{
    unsigned n_events = 0;
    while (!c->quit) {
        if (n_events == 0)
            loop_rests(c->loop);
        grpc_event event = grpc_completion_queue_next(c->cq, deadline(c), NULL);
        if (n_events == 0) /* it may have been waited for */
            loop_begins_round(c->loop);
        if (event.type == GRPC_OP_COMPLETE) {
            const struct tag *tag = event.tag;
            tag->done(tag->owner, event.success);
        }
        if (event.type == GRPC_QUEUE_TIMEOUT || ++n_events == BURST_MAX) {
            end_burst(c);
            n_events = 0;
        }
    }
    end_burst(c);
    c->quit = false;
}

void completions_quit(struct completions *c)
{
    c->quit = true;
}
