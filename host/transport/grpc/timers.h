/* timers: functions that are to be called at a time, the nearest one first.
 *
 * Knows no clock: times are milliseconds of whatever clock its owner reads.
 */
#ifndef EXTPROCD_TRANSPORT_GRPC_TIMERS_H
#define EXTPROCD_TRANSPORT_GRPC_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;

/* All zero: none. */
struct timers {
    struct timer *heap;
    size_t n_heap, size;
    uint64_t n_added;
};

void timers_fini(struct timers *timers);
/* 0 or -ENOMEM. */
int timers_add(struct timers *timers, uint64_t due_ms, void (*fn)(void *arg), void *arg);
/* UINT64_MAX: there is none. */
uint64_t timers_next(const struct timers *timers);
/* Calls, in order, those that are due. One that is added meanwhile waits for the next time, due or
 * not, so that a timer that sets itself anew cannot hold up its caller. */
void timers_fire(struct timers *timers, uint64_t now_ms);

#endif
