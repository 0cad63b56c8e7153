/* loop: what the work of one thread hangs on: a clock, timers, what other threads want done, memory
 * for the messages that are being worked on, which plugin runs, and the numbers that it counts.
 *
 * An object that is driven: a transport calls it between what its descriptors bring, the tests' kit
 * lets its clock jump from one timer to the next. All functions are for the thread that drives it,
 * but those that say "any thread".
 */
#ifndef EXTPROCD_BASE_LOOP_LOOP_H
#define EXTPROCD_BASE_LOOP_LOOP_H

#include "base/arena.h"
#include "base/loop/inbox.h"
#include "base/loop/running.h"
#include "base/loop/timers.h"
#include "base/metrics.h"

struct regex_scratch; /* base/pattern: only what has conditions is linked with that */

/* Milliseconds that only grow, from whenever. */
struct loop_clock {
    uint64_t (*read)(void *arg);
    void *arg;
    bool exact; /* it goes on between rounds only: none begins within a millisecond */
};

struct loop {
    struct loop_clock clock;
    uint64_t now_ms; /* when the round began: see loop_begins_round() */
    struct timers timers;
    struct inbox inbox;
    struct arena_pool memory; /* of messages */
    struct running running;
    void (*wake_watch)(void *arg); /* which sleeps while the thread rests; NULL: there is none */
    void *watch;
    struct metrics *metrics;     /* NULL: nothing counts    */
    struct metrics_shard *shard; /* NULL: it has none of its own */
    pthread_t thread;            /* that drives it */
    /* What regular expressions take while they are matched, made when it is first needed. */
    struct regex_scratch *regexes;
    struct regex_scratch *(*free_regexes)(struct regex_scratch *);
};

/* clock NULL: the system's. The thread is the caller's. */
void loop_init(struct loop *loop, const struct loop_clock *clock);
/* Call it before the metrics are freed. Timers are dropped; errands of other threads are dropped
 * too (struct errand). */
void loop_fini(struct loop *loop);

/* ---- time ------------------------------------------------------------------------------------ */

static inline uint64_t loop_now(const struct loop *loop)
{
    return loop->clock.read(loop->clock.arg);
}
/* When a delay that begins now is over for certain. */
uint64_t loop_due(const struct loop *loop, uint64_t delay_ms);

/* fn(arg) once, not before the delay. 0 or -ENOMEM. */
int loop_after(struct loop *loop, uint64_t delay_ms, void (*fn)(void *arg), void *arg);
/* The same for a timer of the caller's: see timers_set(). */
int loop_set(struct loop *loop, struct timer *timer, uint64_t delay_ms);
static inline void loop_cancel(struct loop *loop, struct timer *timer)
{
    timers_cancel(&loop->timers, timer);
}

/* ---- other threads --------------------------------------------------------------------------- */

/* Any thread: calls fn(arg) in the loop, soon; or drop(arg), if it is not NULL, where the loop ends
 * before.
 * 0 or -ENOMEM. */
int loop_post(struct loop *loop, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);
/* Any thread: the same with an errand of the caller's, which is not put twice. */
static inline void loop_put(struct loop *loop, struct errand *errand)
{
    inbox_put(&loop->inbox, errand);
}
static inline void loop_recall(struct loop *loop, struct errand *errand)
{
    inbox_recall(&loop->inbox, errand);
}

/* ---- which plugin runs ----------------------------------------------------------------------- */

static inline void loop_runs(struct loop *loop, const struct running_plugin *plugin,
                             const char *phase)
{
    running_begin(&loop->running, plugin, phase);
}
/* See running_end(). */
static inline uint64_t loop_ran(struct loop *loop)
{
    return running_end(&loop->running);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* It has numbers of its own among these from now on. */
void loop_counts(struct loop *loop, struct metrics *metrics);
/* metric NULL: nothing counts. */
static inline void loop_count(struct loop *loop, const struct metric *metric, uint64_t n)
{
    if (metric && loop->shard)
        metrics_shard_add(loop->shard, metric, n);
    else if (metric)
        metric_add(metric, n);
}

/* ---- for the thread that drives it ----------------------------------------------------------- */

/* The calling thread drives it from now on. */
void loop_enter(struct loop *loop);
/* From now on wake(arg) calls for loop_awake(): see inbox_wakes(). */
static inline void loop_wakes(struct loop *loop, void (*wake)(void *arg), void *arg)
{
    inbox_wakes(&loop->inbox, wake, arg);
}
static inline void loop_awake(struct loop *loop)
{
    inbox_awake(&loop->inbox);
}
/* Its last round is over: runs the errands that have come by now, so that fewer have to be
 * dropped. */
static inline void loop_catches_up(struct loop *loop)
{
    (void)inbox_run(&loop->inbox);
}
/* Reads the clock, so that all that happens in a round happens at one time. */
static inline void loop_begins_round(struct loop *loop)
{
    loop->now_ms = loop_now(loop);
    if (running_go_on(&loop->running))
        loop->wake_watch(loop->watch);
}
/* Nothing happens in the thread before the next round begins. */
static inline void loop_rests(struct loop *loop)
{
    running_rest(&loop->running);
}
/* When the next timer is due; UINT64_MAX: there is none. */
static inline uint64_t loop_next(const struct loop *loop)
{
    return timers_next(&loop->timers);
}
/* Fires the timers that are due in this round. */
static inline void loop_fires(struct loop *loop)
{
    timers_fire(&loop->timers, loop->now_ms);
}
/* A round of a driver that has no descriptors: errands, and timers that are due. False: there was
 * nothing to do. */
bool loop_round(struct loop *loop);

#endif
