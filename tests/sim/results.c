/* results: all of a round stay until its end, so that one that is used again is seen.
 *
 * The pool has one thread. What it does must not depend on the moment: after each piece of work
 * that is put it is waited for, until the work is done or, where the gate is shut, until it stands
 * there.
 */
#include "results.h"

#include "chance.h"
#include "reached.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PENDING_MAX = 4096 };

static struct pool *pool;
static struct result *all;
static struct result *pending[PENDING_MAX];
static size_t n_pending;
static atomic_uint n_dropped, n_begun;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER; /* what the simulation knows */
static bool shut;
static unsigned n_behind; /* pieces of work, since it was shut */

static struct result *result_new(void)
{
    struct result *r = calloc(1, sizeof *r);
    DEMAND(r);
    r->next = all;
    all = r;
    return r;
}

void results_begin(struct pool *of)
{
    DEMAND(!all && n_pending == 0);
    pool = of;
    n_dropped = 0;
}

void results_end(void)
{
    DEMAND(n_pending == 0);
    while (all) {
        struct result *r = all;
        DEMAND(r->n_used == (r->given ? 1 : 0));
        all = r->next;
        free(r);
    }
}

void result_use(struct result *r)
{
    DEMAND(r->given);
    DEMAND(atomic_fetch_add(&r->n_used, 1) == 0);
}

static void drop(struct extproc_instance *instance, void *arg)
{
    const struct result *r = arg;
    atomic_fetch_add(&n_dropped, 1);
    reached(r->wait || r->begun ? REACHED_DROP : REACHED_RECALL);
    result_use(arg);
}

static void cancel(void *arg)
{
    struct result *r = arg;
    DEMAND(!r->cancelled && !r->brought && r->wait);
    r->cancelled = true;
    reached(REACHED_CANCEL);
}

struct result *result_defer(struct extproc_txn *x, uint32_t ms)
{
    DEMAND(n_pending < PENDING_MAX);
    struct extproc_wait *wait = extproc_defer(x, ms, drop);
    if (!wait)
        return NULL;
    struct result *r = result_new();
    r->wait = wait;
    r->given = true;
    extproc_on_cancel(wait, cancel, r);
    pending[n_pending++] = r;
    return r;
}

/* ---- callbacks in the pool ------------------------------------------------------------------- */

void world_enter(void)
{
    pthread_mutex_lock(&world);
}

void world_leave(void)
{
    pthread_mutex_unlock(&world);
}

void world_settle(struct pool *of)
{
    world_leave();
    pool_settle(of);
    world_enter();
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Not one that was dropped before a thread had begun with it. */
static void work(void *arg)
{
    struct result *r = arg;
    DEMAND(r->n_used == 0);
    r->begun = true;
    atomic_fetch_add(&n_begun, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

void gate_shut(void)
{
    DEMAND(!shut);
    pool_settle(pool);
    pthread_mutex_lock(&gate);
    shut = true;
    n_behind = 0;
}

void gate_open(void)
{
    DEMAND(shut);
    shut = false;
    pthread_mutex_unlock(&gate);
    pool_settle(pool);
}

struct result *result_work(struct extproc_txn *x, int *ret)
{
    struct result *r = result_new();
    unsigned before = n_begun;
    *ret = extproc_work(x, work, r, drop);
    if (*ret == -EAGAIN)
        reached(REACHED_POOL_FULL);
    if (*ret < 0)
        return NULL;
    r->given = true;
    if (!shut)
        pool_settle(pool);
    for (bool first = shut && n_behind++ == 0; first && n_begun == before;)
        sched_yield();
    return r;
}

/* ---- by hand --------------------------------------------------------------------------------- */

size_t results_n_pending(void)
{
    return n_pending;
}

unsigned results_n_dropped(void)
{
    return n_dropped;
}

static void bring(size_t i)
{
    struct result *r = pending[i];
    pending[i] = pending[--n_pending];
    r->brought = true;
    extproc_resume(r->wait, r);
    if (chance(16) == 0) { /* reported, and without effect: what it brings is not used */
        extproc_resume(r->wait, result_new());
        reached(REACHED_TWICE);
    }
}

void results_bring_one(void)
{
    bring(chance((uint32_t)n_pending));
}

void results_bring_last(void)
{
    bring(n_pending - 1);
}
