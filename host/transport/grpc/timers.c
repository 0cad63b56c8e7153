/* timers: functions that are to be called at a time, the nearest one first.
 *
 * A binary heap in an array: no timer is due before its parent, (i - 1) / 2. Timers due at the same
 * time fire in the order they were added.
 */
#include "transport/grpc/timers.h"

#include <errno.h>
#include <stdlib.h>

struct timer {
    uint64_t due_ms;
    uint64_t order;
    void (*fn)(void *arg);
    void *arg;
};

void timers_fini(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void timer_swap(struct timer *a, struct timer *b)
{
    struct timer c = *a;
    *a = *b;
    *b = c;
}

static void rise(struct timer *heap, size_t i)
{
    while (i > 0 && timer_before(&heap[i], &heap[(i - 1) / 2])) {
        timer_swap(&heap[i], &heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sink(struct timer *heap, size_t n, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < n && timer_before(&heap[child + 1], &heap[child]))
            child++;
        if (child >= n || !timer_before(&heap[child], &heap[i]))
            return;
        timer_swap(&heap[i], &heap[child]);
        i = child;
    }
}

int timers_add(struct timers *timers, uint64_t due_ms, void (*fn)(void *arg), void *arg)
{
    if (timers->n_heap == timers->size) {
        size_t size = timers->size ? 2 * timers->size : 16;
        struct timer *heap = reallocarray(timers->heap, size, sizeof *heap);
        if (!heap)
            return -ENOMEM;
        timers->heap = heap;
        timers->size = size;
    }
    timers->heap[timers->n_heap] = (struct timer){due_ms, timers->n_added++, fn, arg};
    rise(timers->heap, timers->n_heap++);
    return 0;
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->n_heap ? timers->heap[0].due_ms : UINT64_MAX;
}

static struct timer take_first(struct timers *timers)
{
    struct timer first = timers->heap[0];
    timers->heap[0] = timers->heap[--timers->n_heap];
    sink(timers->heap, timers->n_heap, 0);
    return first;
}

void timers_fire(struct timers *timers, uint64_t now_ms)
{
    /* What is added from here on is due now at the earliest, so it stands behind all that were there. */
    uint64_t n_added = timers->n_added;
    while (timers_next(timers) <= now_ms && timers->heap[0].order < n_added) {
        struct timer timer = take_first(timers);
        timer.fn(timer.arg);
    }
}
