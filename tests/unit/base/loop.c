/* The loop and its inbox, driven by hand. */
#include "base/loop/loop.h"

#include <criterion/criterion.h>

static struct loop loop;
static uint64_t now;
static char journal[64];

static uint64_t read_clock(void *arg)
{
    return now;
}

static void begin(void)
{
    now = 1000;
    *journal = '\0';
    loop_init(&loop, &(struct loop_clock){.read = read_clock});
}

static void end(void)
{
    loop_fini(&loop);
}

TestSuite(loop, .init = begin, .fini = end, .timeout = 60);

static void note(void *arg)
{
    strcat(journal, arg);
}

static void note_drop(void *arg)
{
    strcat(journal, "-");
    strcat(journal, arg);
}

#define TEXT(s) ((void *)(uintptr_t)(s))

/* ---- time ------------------------------------------------------------------------------------ */

Test(loop, a_delay_is_never_over_too_early)
{
    loop_after(&loop, 5, note, TEXT("a"));
    now = 1005; /* and 1000 may have been as good as 1001 */
    cr_assert_not(loop_round(&loop));
    now = 1006;
    cr_assert(loop_round(&loop));
    cr_assert_str_eq(journal, "a");
}

Test(loop, a_delay_is_exact_where_the_clock_is)
{
    loop.clock.exact = true;
    loop_after(&loop, 5, note, TEXT("a"));
    now = 1005;
    cr_assert(loop_round(&loop));
}

Test(loop, a_delay_of_0_is_over_in_the_next_round)
{
    loop_after(&loop, 0, note, TEXT("a"));
    cr_assert(loop_round(&loop));
    cr_assert_not(loop_round(&loop));
    cr_assert_str_eq(journal, "a");
}

Test(loop, a_delay_beyond_all_time)
{
    cr_assert_eq(loop_after(&loop, UINT64_MAX, note, TEXT("a")), 0);
    now = UINT64_MAX / 2;
    cr_assert_not(loop_round(&loop));
    cr_assert_lt(loop_next(&loop), UINT64_MAX, "the timer is there");
}

Test(loop, a_timer_that_is_set_again_is_moved_and_one_that_is_cancelled_is_gone)
{
    struct timer timer = {.fn = note, .arg = TEXT("a")};
    loop_set(&loop, &timer, 5);
    loop_set(&loop, &timer, 50);
    now = 1010;
    cr_assert_not(loop_round(&loop));
    loop_cancel(&loop, &timer);
    now = 2000;
    cr_assert_not(loop_round(&loop));
    cr_assert_str_empty(journal);
}

Test(loop, the_system_s_clock_goes_on)
{
    struct loop real;
    loop_init(&real, NULL);
    uint64_t before = loop_now(&real);
    cr_assert_gt(before, 0);
    cr_assert_leq(before, loop_now(&real));
    loop_fini(&real);
}

/* ---- errands --------------------------------------------------------------------------------- */

static void post_another(void *arg)
{
    note(arg);
    loop_post(&loop, note, NULL, TEXT("b"));
}

Test(loop, errands_come_before_timers_and_what_they_post_waits_for_the_next_round)
{
    loop_after(&loop, 0, note, TEXT("t"));
    loop_post(&loop, post_another, NULL, TEXT("a"));
    cr_assert(loop_round(&loop));
    cr_assert_str_eq(journal, "at");
    cr_assert(loop_round(&loop));
    cr_assert_str_eq(journal, "atb");
}

Test(loop, what_was_not_done_is_returned)
{
    struct loop other;
    loop_init(&other, NULL);
    loop_post(&other, note, note_drop, TEXT("a"));
    loop_post(&other, note, NULL, TEXT("b")); /* which is not dropped later */
    struct errand errand = {.fn = note, .drop = note_drop, .arg = TEXT("c")};
    loop_put(&other, &errand);
    loop_fini(&other);
    cr_assert_str_eq(journal, "-a-c");
}

Test(loop, what_was_done_is_not_returned)
{
    struct loop other;
    loop_init(&other, NULL);
    loop_post(&other, note, note_drop, TEXT("a"));
    loop_round(&other);
    loop_fini(&other);
    cr_assert_str_eq(journal, "a");
}

Test(loop, an_errand_that_is_recalled_is_neither_done_nor_returned)
{
    struct errand a = {.fn = note, .drop = note_drop, .arg = TEXT("a")}, b = a, c = a;
    b.arg = TEXT("b");
    c.arg = TEXT("c");
    loop_put(&loop, &a);
    loop_put(&loop, &b);
    loop_put(&loop, &c);
    loop_recall(&loop, &b);
    loop_recall(&loop, &c); /* the last one: what is put next stands in its place */
    loop_put(&loop, &b);
    loop_recall(&loop, &c); /* which does not wait */
    loop_round(&loop);
    cr_assert_str_eq(journal, "ab");
}

/* ---- wake-ups -------------------------------------------------------------------------------- */

static void count_wake(void *arg)
{
    ++*(unsigned *)arg;
}

Test(loop, the_first_errand_wakes_and_the_others_do_not)
{
    unsigned n = 0;
    loop_wakes(&loop, count_wake, &n);
    loop_post(&loop, note, NULL, TEXT("a"));
    loop_post(&loop, note, NULL, TEXT("b"));
    cr_assert_eq(n, 1);
    loop_awake(&loop);
    loop_post(&loop, note, NULL, TEXT("c"));
    cr_assert_eq(n, 2);
    loop_awake(&loop);
    cr_assert_str_eq(journal, "abc");
}

Test(loop, errands_wait_for_somebody_to_drive_it)
{
    unsigned n = 0;
    loop_post(&loop, note, NULL, TEXT("a"));
    loop_wakes(&loop, count_wake, &n);
    cr_assert_eq(n, 1, "there was one already");
    loop_wakes(&loop, NULL, NULL);
    loop_post(&loop, note, NULL, TEXT("b"));
    cr_assert_eq(n, 1, "nobody drives it");
    loop_wakes(&loop, count_wake, &n);
    cr_assert_eq(n, 2);
}
