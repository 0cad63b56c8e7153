/* routine: what an instance does again and again, apart from transactions.
 *
 * The loop's timer puts it into the pool, and the pool's thread sends an errand to the loop when it
 * is done, which sets the timer anew: so a routine never overlaps itself.
 */
#include "plugin/routine.h"

#include "base/loop/pool.h"
#include "plugin/instance.h"

#include <assert.h>
#include <errno.h>

struct routine {
    struct routine *next;
    struct instance *instance;
    uint64_t ms;
    void (*fn)(struct extproc_instance *instance);
    struct timer timer;
    struct job job;
    struct errand errand;
    bool under_way; /* from its timer until its errand: the loop's thread alone sets it */
};

static void routine_wait(void *arg)
{
    struct routine *routine = arg;
    routine->under_way = false;
    (void)loop_set(routine->instance->env->loop, &routine->timer,
                   routine->ms); /* its place is there still */
}

static void routine_due(void *arg)
{
    struct routine *routine = arg;
    assert(!routine->under_way);
    routine->under_way = true;
    if (pool_put(routine->instance->env->pool, &routine->job) < 0) /* full: next time */
        routine_wait(routine);
}

static void routine_run(void *arg)
{
    struct routine *routine = arg;
    routine->fn(&routine->instance->pub);
    loop_put(routine->instance->env->loop, &routine->errand);
}

int routine_add(struct instance *in, uint32_t ms, void (*fn)(struct extproc_instance *instance))
{
    if (!in->env->pool || !in->env->loop)
        return -EOPNOTSUPP;
    struct routine *routine = arena_zalloc(&in->arena, sizeof *routine);
    if (!routine)
        return -ENOMEM;
    *routine = (struct routine){
        .next = in->routines,
        .instance = in,
        .ms = ms,
        .fn = fn,
        .timer = {.fn = routine_due, .arg = routine},
        .job = {.fn = routine_run, .arg = routine, .plugin = &in->who},
        .errand = {.fn = routine_wait, .arg = routine},
    };
    if (!in->pub.testing && loop_set(in->env->loop, &routine->timer, ms) < 0)
        return -ENOMEM;
    in->routines = routine;
    return 0;
}

void routines_stop(struct instance *in)
{
    for (struct routine *routine = in->routines; routine; routine = routine->next) {
        loop_cancel(in->env->loop, &routine->timer);
        pool_forget(in->env->pool, &routine->job);
        loop_recall(in->env->loop, &routine->errand);
    }
    in->routines = NULL;
}
