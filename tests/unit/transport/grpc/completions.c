/* A loop that is driven by a completion queue, without any server. */
#include "transport/grpc/queue/completions.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static struct loop loop;
static struct completions completions;
static int n_done, order[16];

static void begin(void)
{
    grpc_init();
    loop_init(&loop, NULL);
    completions_init(&completions, &loop);
}

static void end(void)
{
    completions_fini(&completions);
    loop_fini(&loop);
    grpc_shutdown_blocking();
}

TestSuite(completions, .init = begin, .fini = end, .timeout = 60);

enum { THREADS = 4, EACH = 5000 };

static void count(void *arg)
{
    if (++n_done == THREADS * EACH)
        completions_quit(&completions);
}

static void *poster(void *arg)
{
    for (int i = 0; i < EACH; i++)
        cr_assert_eq(loop_post(&loop, count, NULL, NULL), 0);
    return NULL;
}

Test(completions, all_that_other_threads_post_arrives)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, poster, NULL);
    completions_run(&completions);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(n_done, THREADS * EACH);
}

static void quit(void *arg)
{
    completions_quit(&completions);
}

static void post_more(void *arg)
{
    if (++n_done < 1000)
        loop_post(&loop, post_more, NULL, NULL);
    else
        completions_quit(&completions);
}

Test(completions, an_errand_may_post_the_next)
{
    loop_post(&loop, post_more, NULL, NULL);
    completions_run(&completions);
    cr_assert_eq(n_done, 1000);
}

static void post_quit(void *arg)
{
    n_done++;
    loop_post(&loop, quit, NULL, NULL);
}

Test(completions, an_errand_that_waits_is_not_put_twice)
{
    struct errand errand = {.fn = post_quit};
    loop_put(&loop, &errand);
    loop_put(&loop, &errand);
    completions_run(&completions);
    cr_assert_eq(n_done, 1);
    loop_put(&loop, &errand);
    completions_run(&completions);
    cr_assert_eq(n_done, 2);
}

static void note(void *arg)
{
    order[n_done++] = (int)(intptr_t)arg;
    if (n_done == 3)
        completions_quit(&completions);
}

Test(completions, after_a_delay_and_in_order)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    loop_after(&loop, 30, note, (void *)30);
    loop_after(&loop, 0, note, (void *)0);
    loop_after(&loop, 20, note, (void *)20);
    completions_run(&completions);
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert(order[0] == 0 && order[1] == 20 && order[2] == 30);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    cr_assert_geq(ms, 30); /* never too early; how late, is the machine's business */
}

Test(completions, a_delay_beyond_all_time)
{
    cr_assert_eq(loop_after(&loop, UINT64_MAX, note, NULL), 0);
    loop_after(&loop, 0, quit, NULL);
    completions_run(&completions);
    cr_assert_eq(n_done, 0);
}
