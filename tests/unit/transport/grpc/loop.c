/* The loop, its inbox and its clock, without any server. */
#include "transport/grpc/loop.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static struct loop loop;
static int n_done, order[16];

static void begin(void)
{
    grpc_init();
    loop_init(&loop);
}

static void end(void)
{
    loop_fini(&loop);
    grpc_shutdown_blocking();
}

TestSuite(loop, .init = begin, .fini = end, .timeout = 60);

enum { THREADS = 4, EACH = 5000 };

static void count(void *arg)
{
    if (++n_done == THREADS * EACH)
        loop_quit(&loop);
}

static void *poster(void *arg)
{
    for (int i = 0; i < EACH; i++)
        cr_assert_eq(inbox_post(&loop.inbox, count, NULL), 0);
    return NULL;
}

Test(loop, all_that_other_threads_post_arrives)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, poster, NULL);
    loop_run(&loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(n_done, THREADS * EACH);
}

static void quit(void *arg)
{
    loop_quit(&loop);
}

static void post_more(void *arg)
{
    if (++n_done < 1000)
        inbox_post(&loop.inbox, post_more, NULL);
    else
        loop_quit(&loop);
}

Test(loop, an_errand_may_post_the_next)
{
    inbox_post(&loop.inbox, post_more, NULL);
    loop_run(&loop);
    cr_assert_eq(n_done, 1000);
}

static void post_quit(void *arg)
{
    n_done++;
    inbox_post(&loop.inbox, quit, NULL);
}

Test(loop, an_errand_that_waits_is_not_put_twice)
{
    struct errand errand = {.fn = post_quit};
    inbox_put(&loop.inbox, &errand);
    inbox_put(&loop.inbox, &errand);
    loop_run(&loop);
    cr_assert_eq(n_done, 1);
    inbox_put(&loop.inbox, &errand);
    loop_run(&loop);
    cr_assert_eq(n_done, 2);
}

Test(loop, what_was_not_done_is_forgotten)
{
    static struct errand errand = {.fn = quit};
    inbox_put(&loop.inbox, &errand);
    inbox_post(&loop.inbox, quit, NULL);
}

static void note(void *arg)
{
    order[n_done++] = (int)(intptr_t)arg;
    if (n_done == 3)
        loop_quit(&loop);
}

Test(loop, after_a_delay_and_in_order)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    loop_after(&loop, 30, note, (void *)30);
    loop_after(&loop, 0, note, (void *)0);
    loop_after(&loop, 20, note, (void *)20);
    loop_run(&loop);
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert(order[0] == 0 && order[1] == 20 && order[2] == 30);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    cr_assert_geq(ms, 30); /* never too early; how late, is the machine's business */
}

Test(loop, a_delay_beyond_all_time)
{
    cr_assert_eq(loop_after(&loop, UINT64_MAX, note, NULL), 0);
    loop_after(&loop, 0, quit, NULL);
    loop_run(&loop);
    cr_assert_eq(n_done, 0);
}
