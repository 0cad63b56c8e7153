/* loop: what the work of one thread hangs on. */
#include "base/loop/loop.h"

#include <time.h>

static uint64_t read_system(void *unused)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void loop_init(struct loop *loop, const struct loop_clock *clock)
{
    *loop = (struct loop){.clock = clock ? *clock : (struct loop_clock){.read = read_system}};
    inbox_init(&loop->inbox);
    loop_enter(loop);
    loop_begins_round(loop);
}

void loop_fini(struct loop *loop)
{
    inbox_fini(&loop->inbox);
    timers_fini(&loop->timers);
    arena_pool_fini(&loop->memory);
    if (loop->regexes)
        loop->regexes = loop->free_regexes(loop->regexes);
    if (loop->shard)
        metrics_leave_shard(loop->metrics, loop->shard);
    loop->shard = NULL;
}

void loop_enter(struct loop *loop)
{
    loop->thread = pthread_self();
    if (loop->shard)
        metrics_enter(loop->metrics, loop->shard);
}

void loop_counts(struct loop *loop, struct metrics *metrics)
{
    loop->metrics = metrics;
    loop->shard = metrics_take_shard(metrics);
    if (loop->shard)
        metrics_enter(metrics, loop->shard);
}

uint64_t loop_due(const struct loop *loop, uint64_t delay_ms)
{
    uint64_t now = loop_now(loop);
    /* A part of the current millisecond is over: one more guarantees the delay. */
    uint64_t due = delay_ms && !loop->clock.exact ? now + 1 : now;
    return delay_ms < UINT64_MAX - due ? due + delay_ms : UINT64_MAX - 1;
}

int loop_after(struct loop *loop, uint64_t delay_ms, void (*fn)(void *arg), void *arg)
{
    return timers_add(&loop->timers, loop_due(loop, delay_ms), fn, arg);
}

int loop_set(struct loop *loop, struct timer *timer, uint64_t delay_ms)
{
    return timers_set(&loop->timers, timer, loop_due(loop, delay_ms));
}

int loop_post(struct loop *loop, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    return inbox_post(&loop->inbox, fn, drop, arg);
}

bool loop_round(struct loop *loop)
{
    loop_begins_round(loop);
    bool some = inbox_run(&loop->inbox) || loop_next(loop) <= loop->now_ms;
    loop_fires(loop);
    return some;
}
