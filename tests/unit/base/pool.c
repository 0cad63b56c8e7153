/* pool: jobs in threads, those that are taken back, and the end. */
#include "base/loop/pool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

static sem_t begun, may_end;
static atomic_int n_done;

static void count(void *arg)
{
    atomic_fetch_add(&n_done, 1);
}

/* Runs until it is let. */
static void block(void *arg)
{
    sem_post(&begun);
    sem_wait(&may_end);
    count(NULL);
}

static struct pool *begin(unsigned n_threads, unsigned max_queued)
{
    sem_init(&begun, 0, 0);
    sem_init(&may_end, 0, 0);
    struct pool *pool = pool_new(n_threads, max_queued);
    cr_assert(pool);
    return pool;
}

Test(pool, jobs_run)
{
    struct pool *pool = begin(2, 8);
    struct job jobs[8];
    for (int i = 0; i < 8; i++) {
        jobs[i] = (struct job){.fn = count};
        cr_assert_eq(pool_put(pool, &jobs[i]), 0);
    }
    pool_settle(pool);
    cr_expect_eq(n_done, 8);
    pool_free(pool);
}

Test(pool, as_many_at_a_time_as_there_are_threads)
{
    struct pool *pool = begin(2, 8);
    struct job jobs[3] = {{.fn = block}, {.fn = block}, {.fn = block}};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pool_put(pool, &jobs[i]), 0);
    sem_wait(&begun);
    sem_wait(&begun); /* two run, and neither ends before it is let */
    cr_expect(jobs[2].queued);
    for (int i = 0; i < 3; i++)
        sem_post(&may_end);
    pool_settle(pool);
    cr_expect_eq(n_done, 3);
    pool_free(pool);
}

Test(pool, what_does_not_fit_is_refused)
{
    struct pool *pool = begin(1, 1);
    struct job first = {.fn = block}, second = {.fn = count}, third = {.fn = count};
    cr_assert_eq(pool_put(pool, &first), 0);
    sem_wait(&begun);
    cr_assert_eq(pool_put(pool, &second), 0);
    cr_expect_eq(pool_put(pool, &third), -EAGAIN);
    sem_post(&may_end);
    pool_settle(pool);
    cr_expect_eq(n_done, 2);
    pool_free(pool);
}

Test(pool, a_job_that_waits_can_be_taken_back)
{
    struct pool *pool = begin(1, 4);
    struct job first = {.fn = block}, second = {.fn = count}, third = {.fn = count};
    pool_put(pool, &first);
    sem_wait(&begun);
    pool_put(pool, &second);
    pool_put(pool, &third);
    cr_expect_not(pool_recall(pool, &first)); /* it runs */
    cr_expect(pool_recall(pool, &third));
    cr_expect_not(pool_recall(pool, &third));
    sem_post(&may_end);
    pool_settle(pool);
    cr_expect_eq(n_done, 2);
    cr_assert_eq(pool_put(pool, &third), 0); /* it may come again */
    pool_settle(pool);
    cr_expect_eq(n_done, 3);
    pool_free(pool);
}

static void *let_it_end(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    sem_post(&may_end);
    return NULL;
}

Test(pool, forgetting_waits_for_a_job_that_runs)
{
    struct pool *pool = begin(1, 1);
    struct job job = {.fn = block};
    pthread_t thread;
    pool_put(pool, &job);
    sem_wait(&begun);
    pthread_create(&thread, NULL, let_it_end, NULL);
    pool_forget(pool, &job);
    cr_expect_eq(n_done, 1);
    pthread_join(thread, NULL);
    pool_free(pool);
}

Test(pool, stopping_names_the_plugin_that_does_not_end)
{
    static const struct running_plugin who = {.name = "slow"};
    const struct running_plugin *busy = NULL;
    struct pool *pool = begin(1, 4);
    struct job first = {.fn = block, .plugin = &who}, second = {.fn = count};
    pool_put(pool, &first);
    sem_wait(&begun);
    pool_put(pool, &second);
    cr_expect_not(pool_stop(pool, 20, &busy));
    cr_expect_eq(busy, &who);
    cr_expect_eq(pool_put(pool, &second), -EAGAIN);
    sem_post(&may_end);
    cr_expect(pool_stop(pool, 60000, &busy));
    cr_expect_eq(n_done, 1); /* the second never began */
    pool_free(pool);
}

static const struct running_plugin *seen;
static const char *seen_name;

static void look(void *pool)
{
    seen = pool_runs_here(pool, &seen_name);
}

Test(pool, a_thread_knows_whose_code_it_runs)
{
    static const struct running_plugin who = {.name = "mine"};
    struct pool *pool = begin(1, 1);
    struct job job = {.fn = look, .arg = pool, .plugin = &who};
    pool_put(pool, &job);
    pool_settle(pool);
    cr_expect_eq(seen, &who);
    cr_expect_null(pool_runs_here(pool, &seen_name)); /* this is none of its threads */
    pool_free(pool);
}

Test(pool, names_whose_code_has_the_most_threads)
{
    static const struct running_plugin one = {.name = "one"}, two = {.name = "two"};
    struct pool *pool = begin(3, 8);
    struct job jobs[3] = {{.fn = block, .plugin = &one},
                          {.fn = block, .plugin = &two},
                          {.fn = block, .plugin = &two}};
    unsigned n, n_threads;
    cr_expect_null(pool_holder(pool, &n, &n_threads));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pool_put(pool, &jobs[i]), 0);
    for (int i = 0; i < 3; i++)
        sem_wait(&begun);
    cr_expect_eq(pool_holder(pool, &n, &n_threads), &two);
    cr_expect_eq(n, 2);
    cr_expect_eq(n_threads, 3);
    for (int i = 0; i < 3; i++)
        sem_post(&may_end);
    pool_settle(pool);
    cr_expect_null(pool_holder(pool, &n, &n_threads));
    pool_free(pool);
}
