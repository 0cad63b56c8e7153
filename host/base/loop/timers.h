/* timers: functions to call at a given time, the nearest one first.
 *
 * It has no clock of its own: times are milliseconds of the clock that its owner reads.
 */
#ifndef EXTPROCD_BASE_LOOP_TIMERS_H
#define EXTPROCD_BASE_LOOP_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its owner fills in fn and arg; the rest is zero. */
struct timer {
    void (*fn)(void *arg);
    void *arg;
    uint64_t due_ms, order;
    size_t place; /* in the heap, counted from 1; 0: it is not set */
    bool from_heap;
};

/* All zero: none. */
struct timers {
    struct timer **heap;
    size_t n_heap, size;
    uint64_t n_added;
};

/* Forgets those that are set. */
void timers_fini(struct timers *timers);

/* A timer that has no owner and cannot be cancelled. 0 or -ENOMEM. */
int timers_add(struct timers *timers, uint64_t due_ms, void (*fn)(void *arg), void *arg);
/* One that is its owner's until it has fired or is cancelled; one that is set already is moved. 0
 * or
 * -ENOMEM. */
int timers_set(struct timers *timers, struct timer *timer, uint64_t due_ms);
/* Does nothing for a timer that is not set. */
void timers_cancel(struct timers *timers, struct timer *timer);

/* UINT64_MAX: there is none. */
uint64_t timers_next(const struct timers *timers);
/* Calls, in order, those that are due. One that is added meanwhile waits for the next time, due or
 * not, so that a timer that sets itself anew cannot hold up its caller. */
void timers_fire(struct timers *timers, uint64_t now_ms);

#endif
