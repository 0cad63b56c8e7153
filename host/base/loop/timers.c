/* timers: functions to call at a given time, the nearest one first.
 *
 * A binary heap in an array: no timer is due before its parent, (i - 1) / 2, and each knows its
 * place, so that it can be removed from any place. Timers due at the same time fire in the order
 * they were added.
 */
#include "base/loop/timers.h"

#include <errno.h>
#include <stdlib.h>

static void forget(struct timer *timer)
{
    if (timer->from_heap)
        free(timer);
}

void timers_fini(struct timers *timers)
{
    for (size_t i = 0; i < timers->n_heap; i++) {
        timers->heap[i]->place = 0;
        forget(timers->heap[i]);
    }
    free(timers->heap);
    *timers = (struct timers){0};
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put(struct timers *timers, size_t i, struct timer *timer)
{
    timers->heap[i] = timer;
    timer->place = i + 1;
}

static void swap(struct timers *timers, size_t i, size_t j)
{
    struct timer *timer = timers->heap[i];
    put(timers, i, timers->heap[j]);
    put(timers, j, timer);
}

static void rise(struct timers *timers, size_t i)
{
    while (i > 0 && timer_before(timers->heap[i], timers->heap[(i - 1) / 2])) {
        swap(timers, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static void sink(struct timers *timers, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < timers->n_heap &&
            timer_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (child >= timers->n_heap || !timer_before(timers->heap[child], timers->heap[i]))
            return;
        swap(timers, i, child);
        i = child;
    }
}

static int make_room(struct timers *timers)
{
    if (timers->n_heap < timers->size)
        return 0;
    size_t size = timers->size ? 2 * timers->size : 16;
    struct timer **heap = reallocarray(timers->heap, size, sizeof(struct timer *));
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;
    timers->size = size;
    return 0;
}

int timers_set(struct timers *timers, struct timer *timer, uint64_t due_ms)
{
    timers_cancel(timers, timer);
    int r = make_room(timers);
    if (r)
        return r;
    timer->due_ms = due_ms;
    timer->order = timers->n_added++;
    put(timers, timers->n_heap, timer);
    rise(timers, timers->n_heap++);
    return 0;
}

int timers_add(struct timers *timers, uint64_t due_ms, void (*fn)(void *arg), void *arg)
{
    struct timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return -ENOMEM;
    timer->fn = fn;
    timer->arg = arg;
    timer->from_heap = true;
    int r = timers_set(timers, timer, due_ms);
    if (r)
        free(timer);
    return r;
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (!timer->place)
        return;
    size_t i = timer->place - 1;
    struct timer *last = timers->heap[--timers->n_heap];
    timer->place = 0;
    if (last == timer)
        return;
    put(timers, i, last);
    rise(timers, i);
    sink(timers, last->place - 1);
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->n_heap ? timers->heap[0]->due_ms : UINT64_MAX;
}

void timers_fire(struct timers *timers, uint64_t now_ms)
{
    /* Timers added from here on are due now at the earliest, so they come after all that were
     * there. */
    uint64_t n_added = timers->n_added;
    while (timers_next(timers) <= now_ms && timers->heap[0]->order < n_added) {
        struct timer *timer = timers->heap[0];
        void (*fn)(void *arg) = timer->fn;
        void *arg = timer->arg;
        timers_cancel(timers, timer);
        forget(timer);
        fn(arg); /* which may free a timer that is its own */
    }
}
