/* results: what plugins wait for, and who brings it: each is used once, in resume() or in drop(),
 * whatever happens.
 */
#ifndef EXTPROCD_TESTS_SIM_RESULTS_H
#define EXTPROCD_TESTS_SIM_RESULTS_H

#include "base/loop/pool.h"

#include <extproc/plugin.h>

struct result {
    struct result *next;
    struct extproc_wait *wait; /* NULL: not one that is resumed by hand */
    bool given;                /* a plugin waits for it, or did */
    bool begun;                /* work: a thread is at it */
    bool brought;              /* by hand */
    bool cancelled;            /* it has stopped waiting before it was there */
    _Atomic unsigned n_used;
};

void results_begin(struct pool *pool);
/* Every one was used once. */
void results_end(void);

/* The plugin begins to wait for one: by hand, or for work in the pool. NULL: the host does not let
 * it; *ret is what it has returned. */
struct result *result_defer(struct extproc_txn *x, uint32_t ms);
struct result *result_work(struct extproc_txn *x, int *ret);
/* resume() has been passed it. */
void result_use(struct result *r);

/* How many are to be brought by hand; brings one of them, sometimes twice. */
size_t results_n_pending(void);
void results_bring_one(void);
/* This one, which was the last to be waited for: before the callback has returned. */
void results_bring_last(void);
unsigned results_n_dropped(void);

/* A callback in the pool: it waits until the loop's thread waits for it. */
void world_enter(void);
void world_leave(void);
/* The loop's thread waits until the pool has no work. */
void world_settle(struct pool *pool);

/* Work does not go on while the gate is shut: one piece has been begun, the others wait. */
void gate_shut(void);
void gate_open(void);

#endif
