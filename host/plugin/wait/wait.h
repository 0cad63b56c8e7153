/* wait: one callback that waits for a result, which a thread of the plugin's or of the pool, or a
 * timer, brings.
 *
 *     RESERVED ──the callback has returned, see blocking/call──► AWAITED, FORSAKEN or IDLE
 *
 *     AWAITED ──the result is here──► resume() ──► IDLE
 *      │    │ its plugin has failed meanwhile
 *      │    ▼
 *      │  UNWANTED ──the result is here──► drop(), the turn goes on ──► IDLE
 *      │    │
 *      │ the time is over: the turn goes on; or no callback waits for it
 *      ▼    ▼
 *     FORSAKEN ──the result is here──► drop() ──► IDLE
 *
 * The plugin's thread has the wait until it calls extproc_resume(), so a wait outlives its
 * transaction, and holds a reference to the generation.
 */
#ifndef EXTPROCD_PLUGIN_WAIT_WAIT_H
#define EXTPROCD_PLUGIN_WAIT_WAIT_H

#include "base/log/log.h"
#include "base/loop/loop.h"

struct generation;
struct instance;
struct pool;
struct wait;
struct waits; /* those of one loop */

/* All of these must stay until waits_free(). NULL: out of memory. */
struct waits *waits_new(struct loop *loop, struct pool *pool, struct log *log);
/* The loop has ended, and no transaction is open. From now on results are dropped in the thread
 * that brings them, so that fini() may wait for the plugin's threads. */
void waits_close(struct waits *all);
struct waits *waits_free(struct waits *all);

/* Bytes that are held for plugins that wait: more, or fewer. */
void waits_hold(struct waits *all, size_t len);
void waits_unhold(struct waits *all, size_t len);
/* No callback may begin to wait while more than `max` are held; 0: any number. */
void waits_limit(struct waits *all, size_t max);
/* Is there more than that? Then *ret_held is how much. */
bool waits_exceed(const struct waits *all, size_t *ret_held);

/* What a wait is for. */
struct wait_for {
    struct instance *instance;
    struct generation *generation;  /* the instance's; a reference is taken */
    struct extproc_str transaction; /* its id, for a line about a second extproc_resume(): copied */
    void (*drop)(struct extproc_instance *instance, void *result); /* may be NULL */
    /* In the loop, once, but not after wait_forsake(). */
    void (*woken)(void *arg, enum extproc_wake why, void *result);
    /* Can it not go on now? Then wait_again() says when. NULL: it always can. */
    bool (*busy)(void *arg);
    void *arg;
};

/* What is done in the pool. */
struct work {
    struct wait_for what;
    void (*fn)(void *arg);
    void *arg;
    const char *name; /* for a line about the end of the process; NULL: "work" */
};

/* A result is awaited, for limit_ms at most (UINT64_MAX: without end). *ret is what the plugin
 * passes to extproc_resume(). NULL: out of memory. */
struct wait *wait_new(struct waits *all, const struct wait_for *what, uint64_t limit_ms,
                      struct extproc_wait **ret);
/* The same for the end of a time; where the limit ends before, that is a timeout. */
struct wait *wait_after(struct waits *all, const struct wait_for *what, uint64_t ms,
                        uint64_t limit_ms);
/* The same for fn(arg), which is called in the pool; then arg is the result. 0 with *ret; -EAGAIN:
 * the pool is full; -ENOMEM. */
int wait_work(struct waits *all, const struct work *work, uint64_t limit_ms, struct wait **ret);
/* The same for what has to be done, and no callback waits for: drop() follows. However full the
 * pool is; it may also be done by waits_close(). 0; -EAGAIN: there is no thread; -ENOMEM. */
int wait_run(struct waits *all, const struct work *work);
/* No callback waits for it: see extproc_on_cancel(). */
void wait_forsake(struct wait *w);
/* Whatever comes is of no use: it ends soon, as a timeout. */
void wait_abandon(struct wait *w);
/* It was busy, and is no longer. */
void wait_again(struct wait *w);

/* One that a callback in the pool may want. NULL: out of memory. */
struct wait *wait_reserve(struct waits *all, const struct wait_for *what);
/* Any thread, once: the callback wants it. */
struct extproc_wait *wait_lend_reserved(struct wait *w, const struct wait_for *what);
/* It was lent, and the callback has returned: what has come, or comes, wakes from now on, as of
 * wait_new(). 0 or -ENOMEM. */
int wait_arm(struct wait *w, uint64_t limit_ms);
/* It was not lent. */
void wait_unreserve(struct wait *w);

/* What the SDK's functions of these names do. */
void wait_on_cancel(struct extproc_wait *pub, void (*cancel)(void *arg), void *arg);
void wait_resume(struct extproc_wait *pub, void *result);

#endif
