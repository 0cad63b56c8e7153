/* wait: one callback that waits for a result, which another thread or a timer brings.
 *
 * Two threads meet here: the loop's, which waits, and the plugin's, which brings the result. What
 * the second one touches is guarded by the mutex of all waits; the rest is the loop's alone.
 *
 * A plugin that resumes twice must do no harm, although the first call has given the wait away. So
 * the memory of waits is never freed while the loop lives, a wait is used again only after
 * IDLE_MIN others, and each time with another face: a pointer that was used up is recognised, until
 * IDLE_MIN * N_FACES further waits have been made.
 */
#include "plugin/wait/wait.h"

#include "base/loop/pool.h"
#include "base/rows.h"
#include "base/str.h"
#include "plugin/generation.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MIN = 256, N_FACES = 8, NAME_SIZE = 33, ID_SIZE = 64 };

enum wait_state {
    WAIT_IDLE,
    WAIT_RESERVED,
    WAIT_AWAITED,
    WAIT_UNWANTED,
    WAIT_FORSAKEN,
    N_WAIT_STATES
};
enum wait_kind {
    WAIT_PLUGIN, /* the plugin has a face of it, and resumes */
    WAIT_TIME,   /* it ends by its timer                     */
    WAIT_WORK    /* when a job of the pool is done           */
};

/* What the plugin has of a wait. */
struct wait_face {
    struct extproc_wait pub; /* first */
    struct wait *wait;
    bool pending; /* it has not been resumed */
    /* of the plugin, and the transaction's id: for a line about a second call */
    char name[NAME_SIZE], transaction[ID_SIZE];
};

struct wait {
    struct waits *all;
    struct wait *next;     /* of the idle */
    struct wait *next_all; /* of all      */
    enum wait_state state;
    enum wait_kind kind;
    struct wait_for what;
    struct timer timer;
    enum extproc_wake timer_means;
    struct errand errand; /* the result has come */
    struct job job;
    void (*fn)(void *arg); /* what the job does */
    bool postponed;        /* it has ended while its turn was busy */

    /* guarded by the mutex */
    void *result;
    bool arrived;
    bool armed;    /* what arrives goes to the loop immediately */
    unsigned face; /* in use */
    struct wait_face faces[N_FACES];

    void (*cancel)(void *arg);
    void *cancel_arg;
};

struct waits {
    struct loop *loop;
    struct pool *pool;
    struct log *log;
    size_t n_held, max_held;
    pthread_mutex_t mutex;
    bool closed;
    struct wait *every;
    struct wait *idle, **idle_end;
    unsigned n_idle;
};

/* The one place where the state changes: wait.h has the picture. */
static void wait_become(struct wait *w, enum wait_state next)
{
    static const bool may[N_WAIT_STATES][N_WAIT_STATES] = {
        [WAIT_IDLE] = {[WAIT_RESERVED] = true, [WAIT_AWAITED] = true},
        [WAIT_RESERVED] = {[WAIT_IDLE] = true, [WAIT_AWAITED] = true, [WAIT_FORSAKEN] = true},
        [WAIT_AWAITED] = {[WAIT_IDLE] = true, [WAIT_UNWANTED] = true, [WAIT_FORSAKEN] = true},
        [WAIT_UNWANTED] = {[WAIT_IDLE] = true, [WAIT_FORSAKEN] = true},
        [WAIT_FORSAKEN] = {[WAIT_IDLE] = true},
    };
    ROWS(may, N_WAIT_STATES, 5);
    assert(may[w->state][next]);
    w->state = next;
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct waits *waits_new(struct loop *loop, struct pool *pool, struct log *log)
{
    struct waits *all = malloc(sizeof *all);
    if (!all)
        return NULL;
    *all = (struct waits){.loop = loop, .pool = pool, .log = log};
    all->idle_end = &all->idle;
    pthread_mutex_init(&all->mutex, NULL);
    return all;
}

struct waits *waits_free(struct waits *all)
{
    if (!all)
        return NULL;
    while (all->every) {
        struct wait *w = all->every;
        all->every = w->next_all;
        free(w);
    }
    pthread_mutex_destroy(&all->mutex);
    free(all);
    return NULL;
}

static void on_result(void *arg);
static void on_time(void *arg);
static void on_work(void *arg);

static struct wait *wait_make(struct waits *all)
{
    struct wait *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->all = all;
    w->timer = (struct timer){.fn = on_time, .arg = w};
    w->errand = (struct errand){.fn = on_result, .arg = w};
    w->job = (struct job){.fn = on_work, .arg = w};
    for (unsigned i = 0; i < N_FACES; i++)
        w->faces[i].wait = w;
    w->next_all = all->every;
    all->every = w;
    return w;
}

static struct wait *wait_take(struct waits *all)
{
    struct wait *w = all->idle;
    if (all->n_idle <= IDLE_MIN)
        return wait_make(all);
    all->idle = w->next;
    all->n_idle--;
    return w;
}

/* Has the result come? Then the errand is on its way. */
static bool wait_has_arrived(struct wait *w)
{
    pthread_mutex_lock(&w->all->mutex);
    bool arrived = w->arrived;
    pthread_mutex_unlock(&w->all->mutex);
    return arrived;
}

static void wait_put(struct wait *w)
{
    struct waits *all = w->all;
    w->next = NULL;
    *all->idle_end = w;
    all->idle_end = &w->next;
    all->n_idle++;
}

/* Call it when neither the loop nor the plugin has the wait. */
static void wait_end(struct wait *w)
{
    struct generation *generation = w->what.generation;
    wait_become(w, WAIT_IDLE);
    wait_put(w);
    generation_unref(generation);
}

/* ---- what is held meanwhile ------------------------------------------------------------------ */

void waits_hold(struct waits *all, size_t len)
{
    all->n_held += len;
}

void waits_unhold(struct waits *all, size_t len)
{
    all->n_held -= len;
}

void waits_limit(struct waits *all, size_t max)
{
    all->max_held = max;
}

bool waits_exceed(const struct waits *all, size_t *ret_held)
{
    *ret_held = all->n_held;
    return all->max_held && all->n_held > all->max_held;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void wait_ready(struct wait *w, enum wait_kind kind, const struct wait_for *what)
{
    w->what = *what;
    w->kind = kind;
    w->timer_means = EXTPROC_WAKE_TIMEOUT;
    w->arrived = w->postponed = false;
    w->armed = true;
    w->cancel = NULL;
    generation_ref(what->generation);
}

/* False: out of memory. */
static bool wait_begin(struct wait *w, enum wait_kind kind, const struct wait_for *what,
                       uint64_t ms)
{
    if (ms != UINT64_MAX && loop_set(w->all->loop, &w->timer, ms) < 0) {
        wait_put(w);
        return false;
    }
    wait_ready(w, kind, what);
    wait_become(w, WAIT_AWAITED);
    return true;
}

/* Now it is the plugin's too. */
static struct extproc_wait *wait_lend(struct wait *w)
{
    pthread_mutex_lock(&w->all->mutex);
    w->face = (w->face + 1) % N_FACES;
    struct wait_face *face = &w->faces[w->face];
    face->pub.api = w->what.instance->pub.api;
    face->pending = true;
    snprintf(face->name, sizeof face->name, "%s", w->what.instance->name);
    snprintf(face->transaction, sizeof face->transaction, "%.*s", EXTPROC_ARG(w->what.transaction));
    w->what.transaction = STR_ABSENT; /* which lives as long as the transaction */
    pthread_mutex_unlock(&w->all->mutex);
    return &face->pub;
}

struct wait *wait_new(struct waits *all, const struct wait_for *what, uint64_t limit_ms,
                      struct extproc_wait **ret)
{
    struct wait *w = wait_take(all);
    if (!w || !wait_begin(w, WAIT_PLUGIN, what, limit_ms))
        return NULL;
    *ret = wait_lend(w);
    return w;
}

struct wait *wait_after(struct waits *all, const struct wait_for *what, uint64_t ms,
                        uint64_t limit_ms)
{
    struct wait *w = wait_take(all);
    if (!w || !wait_begin(w, WAIT_TIME, what, ms <= limit_ms ? ms : limit_ms))
        return NULL;
    if (ms <= limit_ms)
        w->timer_means = EXTPROC_WAKE_RESULT;
    return w;
}

/* It has begun. 0; or -EAGAIN, and it is IDLE. */
static int wait_put_work(struct wait *w, const struct work *work, bool owed)
{
    w->fn = work->fn;
    w->result = work->arg;
    w->job.plugin = &work->what.instance->who;
    w->job.name = work->name;
    w->job.owed = owed;
    int r = pool_put(w->all->pool, &w->job);
    if (r == 0)
        return 0;
    loop_cancel(w->all->loop, &w->timer);
    wait_end(w);
    return r;
}

int wait_work(struct waits *all, const struct work *work, uint64_t limit_ms, struct wait **ret)
{
    struct wait *w = wait_take(all);
    if (!w || !wait_begin(w, WAIT_WORK, &work->what, limit_ms))
        return -ENOMEM;
    int r = wait_put_work(w, work, false);
    if (r == 0)
        *ret = w;
    return r;
}

int wait_run(struct waits *all, const struct work *work)
{
    struct wait *w = wait_take(all);
    if (!w || !wait_begin(w, WAIT_WORK, &work->what, UINT64_MAX))
        return -ENOMEM;
    int r = wait_put_work(w, work, true);
    if (r == 0)
        wait_become(w, WAIT_FORSAKEN);
    return r;
}

/* ---- in advance ------------------------------------------------------------------------------ */

struct wait *wait_reserve(struct waits *all, const struct wait_for *what)
{
    struct wait *w = wait_take(all);
    if (!w)
        return NULL;
    wait_ready(w, WAIT_PLUGIN, what);
    w->armed = false;
    wait_become(w, WAIT_RESERVED);
    return w;
}

struct extproc_wait *wait_lend_reserved(struct wait *w, const struct wait_for *what)
{
    struct generation *generation = w->what.generation;
    w->what = *what;
    w->what.generation = generation;
    return wait_lend(w);
}

/* A result that has come is on its way to the loop, or will be. True: it has come. */
static bool wait_open(struct wait *w)
{
    pthread_mutex_lock(&w->all->mutex);
    bool arrived = w->arrived;
    w->armed = true;
    if (arrived)
        loop_put(w->all->loop, &w->errand);
    pthread_mutex_unlock(&w->all->mutex);
    return arrived;
}

int wait_arm(struct wait *w, uint64_t limit_ms)
{
    if (limit_ms != UINT64_MAX && loop_set(w->all->loop, &w->timer, limit_ms) < 0)
        return -ENOMEM;
    wait_become(w, WAIT_AWAITED);
    (void)wait_open(w);
    return 0;
}

void wait_unreserve(struct wait *w)
{
    wait_end(w);
}

/* ---- forsaken ---------------------------------------------------------------------------- */

static void wait_drop(struct wait *w)
{
    if (w->what.drop)
        w->what.drop(&w->what.instance->pub, w->result);
}

void wait_forsake(struct wait *w)
{
    loop_cancel(w->all->loop, &w->timer);
    wait_become(w, WAIT_FORSAKEN);
    switch (w->kind) {
    case WAIT_PLUGIN:
        if (!wait_open(w) && w->cancel)
            w->cancel(w->cancel_arg);
        break;
    case WAIT_TIME:
        wait_end(w);
        break;
    case WAIT_WORK: /* it need not begin */
        if (!wait_open(w) && pool_recall(w->all->pool, &w->job)) {
            wait_drop(w);
            wait_end(w);
        }
        break;
    }
}

/* By its timer, since the caller is at work on the other direction. Where that cannot be set, it
 * ends with the result. */
void wait_abandon(struct wait *w)
{
    wait_become(w, WAIT_UNWANTED);
    w->timer_means = EXTPROC_WAKE_TIMEOUT;
    if (w->kind == WAIT_TIME || !wait_open(w))
        (void)loop_set(w->all->loop, &w->timer, 0);
}

/* The turn cannot go on now. */
static bool wait_postpone(struct wait *w)
{
    w->postponed = w->state != WAIT_FORSAKEN && w->what.busy && w->what.busy(w->what.arg);
    return w->postponed;
}

void wait_again(struct wait *w)
{
    if (!w->postponed)
        return;
    w->postponed = false;
    if (w->kind == WAIT_TIME || !wait_open(w))
        (void)loop_set(w->all->loop, &w->timer, 0); /* its place is there still */
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The loop's thread: the result is here. */
static void on_result(void *arg)
{
    struct wait *w = arg;
    loop_cancel(w->all->loop, &w->timer);
    if (wait_postpone(w))
        return;
    if (w->state != WAIT_AWAITED)
        wait_drop(w);
    if (w->state == WAIT_AWAITED)
        w->what.woken(w->what.arg, EXTPROC_WAKE_RESULT, w->result);
    else if (w->state == WAIT_UNWANTED)
        w->what.woken(w->what.arg, EXTPROC_WAKE_TIMEOUT, NULL);
    wait_end(w);
}

/* Its time is over. A result that has come meanwhile is awaited still. */
static void on_time(void *arg)
{
    struct wait *w = arg;
    if ((w->kind != WAIT_TIME && wait_has_arrived(w)) || wait_postpone(w))
        return;
    struct wait_for what = w->what;
    enum extproc_wake why = w->timer_means;
    wait_forsake(w);
    what.woken(what.arg, why, NULL);
}

/* Work that no callback waits for, which has ended or has not begun: no thread will take it now.
 * False: there is none. */
static bool waits_end_one(struct waits *all)
{
    for (struct wait *w = all->every; w; w = w->next_all) {
        if (w->state != WAIT_FORSAKEN || w->kind != WAIT_WORK)
            continue;
        bool recalled = pool_recall(all->pool, &w->job);
        if (recalled)
            w->fn(w->result);
        if (!recalled && !wait_has_arrived(w))
            continue;
        loop_recall(all->loop, &w->errand);
        wait_drop(w);
        wait_end(w);
        return true;
    }
    return false;
}

void waits_close(struct waits *all)
{
    while (waits_end_one(all)) /* more may follow from one, as close() does */
        ;
    pthread_mutex_lock(&all->mutex);
    all->closed = true;
    pthread_mutex_unlock(&all->mutex);
    for (struct wait *w = all->every; w; w = w->next_all) {
        if (w->state == WAIT_IDLE || !wait_has_arrived(w))
            continue;
        assert(w->state == WAIT_FORSAKEN); /* every transaction has ended */
        loop_recall(all->loop, &w->errand);
        wait_drop(w);
        wait_end(w);
    }
}

/* ---- results --------------------------------------------------------------------------------- */

/* With the mutex held. False: the loop has stopped looking at it, see wait_end_here(). */
static bool wait_arrive(struct wait *w, void *result)
{
    w->result = result;
    if (w->all->closed)
        return false;
    w->arrived = true;
    if (w->armed)
        loop_put(w->all->loop, &w->errand);
    return true;
}

static void wait_end_here(struct wait *w)
{
    wait_drop(w);
    generation_unref(w->what.generation);
}

/* A thread of the pool. */
static void on_work(void *arg)
{
    struct wait *w = arg;
    w->fn(w->result);
    pthread_mutex_lock(&w->all->mutex);
    bool taken = wait_arrive(w, w->result);
    pthread_mutex_unlock(&w->all->mutex);
    if (!taken)
        wait_end_here(w);
}

void wait_on_cancel(struct extproc_wait *pub, void (*cancel)(void *arg), void *arg)
{
    struct wait *w = ((struct wait_face *)pub)->wait;
    w->cancel = cancel;
    w->cancel_arg = arg;
}

static void log_twice(struct waits *all, const struct wait_face *face)
{
    struct log_context context = {.plugin = face->name};
    if (*face->transaction)
        context.transaction = extproc_str_of(face->transaction);
    log_line(all->log, EXTPROC_LEVEL_ERROR, &context,
             "extproc_resume() was called twice for one wait; the second call has no effect");
}

void wait_resume(struct extproc_wait *pub, void *result)
{
    struct wait_face *face = (struct wait_face *)pub;
    struct wait *w = face->wait;
    struct waits *all = w->all;
    pthread_mutex_lock(&all->mutex);
    const struct wait_face seen = *face;
    face->pending = false;
    bool taken = !seen.pending || wait_arrive(w, result);
    pthread_mutex_unlock(&all->mutex);

    if (!seen.pending)
        log_twice(all, &seen);
    else if (!taken)
        wait_end_here(w);
}
