/* Rounds, errands and timers, without any connection. */
#include "transport/h2/channel/poller.h"

#include <criterion/criterion.h>
#include <pthread.h>

static struct loop loop;
static struct poller poller;
static int n_rounds, n_done, order[4];

/* Asks for ten rounds more, so that none of them waits. */
static bool round_ends(void *arg)
{
    return ++n_rounds < 10;
}

static void begin(void)
{
    loop_init(&loop, NULL);
    cr_assert_eq(poller_init(&poller, &loop, round_ends, NULL), 0);
}

static void end(void)
{
    poller_fini(&poller);
    loop_fini(&loop);
}

TestSuite(poller, .init = begin, .fini = end, .timeout = 60);

static void note(void *arg)
{
    order[n_done++] = *(int *)arg;
    if (n_done == 3)
        poller_quit(&poller);
}

Test(poller, timers_fire_in_order_and_not_too_early)
{
    static int delays[] = {30, 0, 20};
    uint64_t before = loop_now(&loop);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(loop_after(&loop, (uint64_t)delays[i], note, &delays[i]), 0);
    poller_run(&poller);
    cr_assert(order[0] == 0 && order[1] == 20 && order[2] == 30);
    cr_assert_geq(loop_now(&loop) - before, 30);
}

static void quit(void *arg)
{
    poller_quit(&poller);
}

Test(poller, a_delay_beyond_all_time)
{
    loop_after(&loop, UINT64_MAX, note, &n_done);
    loop_after(&loop, 0, quit, NULL);
    poller_run(&poller);
    cr_assert_eq(n_done, 0);
}

static void quit_after_rounds(void *arg)
{
    if (n_rounds >= 10)
        poller_quit(&poller);
    else
        loop_post(&loop, quit_after_rounds, NULL, NULL);
}

Test(poller, errands_may_post_the_next_and_every_round_has_its_end)
{
    loop_post(&loop, quit_after_rounds, NULL, NULL);
    poller_run(&poller);
    cr_assert_geq(n_rounds, 10);
}

enum { EACH = 5000 };

static void count(void *arg)
{
    if (++n_done == 2 * EACH)
        poller_quit(&poller);
}

static void *post_many(void *arg)
{
    for (int i = 0; i < EACH; i++)
        cr_assert_eq(loop_post(&loop, count, NULL, NULL), 0);
    return NULL;
}

Test(poller, all_that_other_threads_post_arrives)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, post_many, NULL);
    poller_run(&poller);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(n_done, 2 * EACH);
}
