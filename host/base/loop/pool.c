/* pool: a few threads for work that blocks.
 *
 * Invariant: a job that waits is in the queue, and one that runs is named by its thread's slot; a
 * job is not touched once its function has been called.
 */
#include "base/loop/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct pool_thread {
    struct pool *pool;
    pthread_t id;
    const struct job *job; /* that it runs; NULL: none */
    const struct running_plugin *plugin;
    const char *name;
};

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* there is some, or the end of it  */
    pthread_cond_t done; /* a job is                         */
    struct job *first, **end;
    unsigned n_queued, max_queued;
    unsigned n_idle; /* threads that wait for work */
    unsigned n_threads, max_threads;
    bool stops;
    struct pool_thread threads[];
};

struct pool *pool_new(unsigned n_threads, unsigned max_queued)
{
    struct pool *pool = calloc(1, sizeof *pool + n_threads * sizeof *pool->threads);
    pthread_condattr_t attributes;
    if (!pool)
        return NULL;
    pool->max_threads = n_threads;
    pool->max_queued = max_queued;
    pool->end = &pool->first;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, &attributes);
    pthread_condattr_destroy(&attributes);
    return pool;
}

struct pool *pool_free(struct pool *pool)
{
    if (!pool)
        return NULL;
    pool_stop(pool, 0, NULL);
    for (unsigned i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i].id, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return NULL;
}

/* ---- the threads ----------------------------------------------------------------------------- */

/* There is one. */
static struct job *take(struct pool *pool)
{
    struct job *job = pool->first;
    assert(job && job->queued);
    pool->first = job->next;
    if (!pool->first)
        pool->end = &pool->first;
    pool->n_queued--;
    job->queued = false;
    return job;
}

static void *run(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *pool = t->pool;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        pool->n_idle++;
        while (!pool->first && !pool->stops)
            pthread_cond_wait(&pool->work, &pool->mutex);
        pool->n_idle--;
        if (pool->stops)
            break;
        struct job *job = take(pool);
        void (*fn)(void *arg) = job->fn;
        void *fn_arg = job->arg;
        t->plugin = job->plugin;
        t->name = job->name;
        t->job = job;
        pthread_mutex_unlock(&pool->mutex);
        fn(fn_arg);
        pthread_mutex_lock(&pool->mutex);
        t->job = NULL;
        t->plugin = NULL;
        pthread_cond_broadcast(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* With the lock held. Signals are for the thread of the loop: none of these may take one. */
static void add_thread(struct pool *pool)
{
    struct pool_thread *t = &pool->threads[pool->n_threads];
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->pool = pool;
    if (pthread_create(&t->id, NULL, run, t) == 0)
        pool->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

int pool_put(struct pool *pool, struct job *job)
{
    int r = -EAGAIN;
    pthread_mutex_lock(&pool->mutex);
    if (pool->n_queued >= pool->n_idle && pool->n_threads < pool->max_threads && !pool->stops)
        add_thread(pool);
    if (pool->n_threads > 0 && !pool->stops && (job->owed || pool->n_queued < pool->max_queued)) {
        job->queued = true;
        job->next = NULL;
        *pool->end = job;
        pool->end = &job->next;
        pool->n_queued++;
        pthread_cond_signal(&pool->work);
        r = 0;
    }
    pthread_mutex_unlock(&pool->mutex);
    return r;
}

static bool recall_locked(struct pool *pool, struct job *job)
{
    struct job **link = &pool->first;
    if (!job->queued)
        return false;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (!*link)
        pool->end = link;
    pool->n_queued--;
    job->queued = false;
    return true;
}

bool pool_recall(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->mutex);
    bool recalled = recall_locked(pool, job);
    pthread_mutex_unlock(&pool->mutex);
    return recalled;
}

static bool runs(const struct pool *pool, const struct job *job)
{
    for (unsigned i = 0; i < pool->n_threads; i++)
        if (pool->threads[i].job == job)
            return true;
    return false;
}

void pool_forget(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->mutex);
    recall_locked(pool, job);
    while (runs(pool, job))
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static unsigned held_by(const struct pool *pool, const struct running_plugin *plugin)
{
    unsigned n = 0;
    for (unsigned i = 0; i < pool->n_threads; i++)
        n += pool->threads[i].job && pool->threads[i].plugin == plugin;
    return n;
}

const struct running_plugin *pool_holder(struct pool *pool, unsigned *ret_n, unsigned *ret_threads)
{
    const struct running_plugin *most = NULL;
    unsigned n_most = 0;
    pthread_mutex_lock(&pool->mutex);
    for (unsigned i = 0; i < pool->n_threads; i++) {
        const struct pool_thread *t = &pool->threads[i];
        unsigned n = t->job ? held_by(pool, t->plugin) : 0;
        if (n > n_most) {
            n_most = n;
            most = t->plugin;
        }
    }
    *ret_n = n_most;
    *ret_threads = pool->max_threads;
    pthread_mutex_unlock(&pool->mutex);
    return most;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The plugin of a job that runs. NULL: none does. */
static const struct pool_thread *busy(const struct pool *pool)
{
    for (unsigned i = 0; i < pool->n_threads; i++)
        if (pool->threads[i].job)
            return &pool->threads[i];
    return NULL;
}

void pool_settle(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->first || busy(pool))
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

bool pool_stop(struct pool *pool, unsigned limit_ms, const struct running_plugin **ret_plugin)
{
    const struct pool_thread *last;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += limit_ms / 1000;
    end.tv_nsec += (long)(limit_ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->stops = true;
    pthread_cond_broadcast(&pool->work);
    while (busy(pool) && limit_ms)
        if (pthread_cond_timedwait(&pool->done, &pool->mutex, &end) == ETIMEDOUT)
            break;
    last = busy(pool);
    if (last && ret_plugin)
        *ret_plugin = last->plugin;
    pthread_mutex_unlock(&pool->mutex);
    return !last;
}

const struct running_plugin *pool_runs_here(const struct pool *pool, const char **ret_name)
{
    for (unsigned i = 0; i < pool->n_threads; i++) {
        const struct pool_thread *t = &pool->threads[i];
        if (!pthread_equal(t->id, pthread_self()))
            continue;
        *ret_name = t->name;
        return t->plugin;
    }
    return NULL;
}
