/* The kit's loop, whose clock is virtual. */
#include "kit/kit.h"

#include <criterion/criterion.h>
#include <pthread.h>

static struct kit *k;
static char journal[64];

static void begin(void)
{
    k = kit_new(&(struct kit_options){.ini = ""});
}

static void end(void)
{
    kit_free(k);
}

TestSuite(kit_loop, .init = begin, .fini = end, .timeout = 60);

static void note(void *arg)
{
    strcat(journal, arg);
}

#define TEXT(s) ((void *)(uintptr_t)(s))

Test(kit_loop, runs_until_it_is_idle_however_far_away_that_is)
{
    loop_after(kit_loop(k), 3600 * 1000, note, TEXT("hour "));
    loop_after(kit_loop(k), 20, note, TEXT("20 "));
    loop_post(kit_loop(k), note, NULL, TEXT("errand "));
    kit_run(k);
    cr_assert_str_eq(journal, "errand 20 hour ");
    cr_assert_eq(loop_now(kit_loop(k)), 3600 * 1000);
}

Test(kit_loop, runs_until_a_time)
{
    loop_after(kit_loop(k), 30, note, TEXT("30 "));
    loop_after(kit_loop(k), 31, note, TEXT("31 "));
    kit_run_until(k, 30);
    cr_assert_str_eq(journal, "30 ");
    kit_run_until(k, 100);
    cr_assert_str_eq(journal, "30 31 ");
    cr_assert_eq(loop_now(kit_loop(k)), 100);
}

static void again(void *arg)
{
    unsigned *n = arg;
    if (++*n < 10)
        loop_after(kit_loop(k), 7, again, n);
}

Test(kit_loop, a_timer_may_set_the_next)
{
    unsigned n = 0;
    loop_after(kit_loop(k), 7, again, &n);
    kit_run(k);
    cr_assert_eq(n, 10);
    cr_assert_eq(loop_now(kit_loop(k)), 70);
}

static void *post(void *arg)
{
    loop_post(kit_loop(k), note, NULL, TEXT("thread "));
    return NULL;
}

Test(kit_loop, does_what_another_thread_has_asked_for)
{
    pthread_t thread;
    pthread_create(&thread, NULL, post, NULL);
    pthread_join(thread, NULL);
    cr_assert_str_empty(journal);
    kit_run(k);
    cr_assert_str_eq(journal, "thread ");
}
