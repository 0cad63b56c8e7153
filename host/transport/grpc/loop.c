/* loop: one completion queue, and the one thread that handles all that comes out of it.
 *
 * Events come in bursts: what is there already is handled with connections corked, and when there is
 * no more, or a burst has become long, they are released, timers fire, and only then the thread
 * sleeps. So nothing that was written waits for longer than a burst.
 *
 * The queue's own deadline is the nearest timer: no descriptor and no second thread for time.
 */
#include "transport/grpc/loop.h"

enum { BURST_MAX = 512 }; /* events */

static void wake(void *arg)
{
    waker_wake(arg);
}

static void awake(void *owner, bool ok)
{
    inbox_awake(owner);
}

void loop_init(struct loop *loop)
{
    *loop = (struct loop){.cq = grpc_completion_queue_create_for_next(NULL)};
    cork_init(&loop->cork);
    inbox_init(&loop->inbox, wake, &loop->waker);
    waker_init(&loop->waker, loop->cq, awake, &loop->inbox);
}

void loop_fini(struct loop *loop)
{
    inbox_fini(&loop->inbox);
    waker_fini(&loop->waker);
    grpc_completion_queue_shutdown(loop->cq);
    grpc_event event;
    do {
        event = grpc_completion_queue_next(loop->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    } while (event.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(loop->cq);
    timers_fini(&loop->timers);
    cork_fini(&loop->cork);
}

static uint64_t now_ms(void)
{
    gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int loop_after(struct loop *loop, uint64_t delay_ms, void (*fn)(void *arg), void *arg)
{
    uint64_t now = now_ms();
    /* Of the millisecond that has begun some is over: one more makes sure of the delay. */
    uint64_t due = delay_ms ? now + 1 : now;
    due = delay_ms < UINT64_MAX - due ? due + delay_ms : UINT64_MAX - 1;
    return timers_add(&loop->timers, due, fn, arg);
}

static gpr_timespec deadline(const struct loop *loop)
{
    if (loop->cork.n_corked)
        return gpr_time_0(GPR_CLOCK_MONOTONIC);
    uint64_t next = timers_next(&loop->timers);
    if (next / 1000 >= INT64_MAX / 1000)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    gpr_timespec at = gpr_time_0(GPR_CLOCK_MONOTONIC);
    at.tv_sec = (int64_t)(next / 1000);
    at.tv_nsec = (int32_t)(next % 1000 * 1000000);
    return at;
}

static void end_burst(struct loop *loop)
{
    cork_release(&loop->cork);
    if (timers_next(&loop->timers) != UINT64_MAX)
        timers_fire(&loop->timers, now_ms());
}

void loop_run(struct loop *loop)
{
    unsigned n_events = 0;
    while (!loop->quit) {
        grpc_event event = grpc_completion_queue_next(loop->cq, deadline(loop), NULL);
        if (event.type == GRPC_OP_COMPLETE) {
            const struct tag *tag = event.tag;
            tag->done(tag->owner, event.success);
        }
        if (event.type == GRPC_QUEUE_TIMEOUT || ++n_events == BURST_MAX) {
            end_burst(loop);
            n_events = 0;
        }
    }
    end_burst(loop);
    loop->quit = false;
}

void loop_quit(struct loop *loop)
{
    loop->quit = true;
}
