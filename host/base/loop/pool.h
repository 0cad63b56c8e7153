/* pool: a few threads for work that blocks.
 *
 * They are started one by one, as there is work for them, and stay. All functions may be called in
 * any thread, unless they say otherwise.
 */
#ifndef EXTPROCD_BASE_LOOP_POOL_H
#define EXTPROCD_BASE_LOOP_POOL_H

#include "base/loop/running.h"

#include <stdbool.h>

/* One piece of work. Its owner's, who may free it or put it again as soon as fn has been called. */
struct job {
    void (*fn)(void *arg);
    void *arg;
    const struct running_plugin *plugin; /* whose code it runs */
    const char *name;                    /* "work", ...: what it is of the plugin's */
    bool owed;                           /* it may wait beside any number of others */
    struct job *next;
    bool queued;
};

struct pool;

/* max_queued: jobs that may wait for a thread. NULL: out of memory. */
struct pool *pool_new(unsigned n_threads, unsigned max_queued);
/* It was stopped, or has no work. */
struct pool *pool_free(struct pool *pool);

/* 0; -EAGAIN: too many are waiting, it has been stopped, or no thread could be started. */
int pool_put(struct pool *pool, struct job *job);
/* True: the job was still waiting, and will not be run. */
bool pool_recall(struct pool *pool, struct job *job);
/* The same, and waits for its end if it runs. */
void pool_forget(struct pool *pool, struct job *job);

/* The plugin that has the most threads: how many, and of how many. NULL: none has one. */
const struct running_plugin *pool_holder(struct pool *pool, unsigned *ret_n, unsigned *ret_threads);

/* Waits until there is no work. */
void pool_settle(struct pool *pool);
/* From now on no job begins; waits for those that run. False: some ran longer than limit_ms, and
 * *ret_plugin is the plugin of one. */
bool pool_stop(struct pool *pool, unsigned limit_ms, const struct running_plugin **ret_plugin);

/* Also in a handler of a signal: the plugin whose code the calling thread runs, and the job's name;
 * NULL: it is none of the pool's. */
const struct running_plugin *pool_runs_here(const struct pool *pool, const char **ret_name);

#endif
