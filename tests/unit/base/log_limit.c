#include "base/log_limit.h"

#include <criterion/criterion.h>

static struct log_limit limit;

static void given_a_limit(void)
{
    log_limit_init(&limit);
}
static void end_the_limit(void)
{
    log_limit_fini(&limit);
}
TestSuite(log_limit, .init = given_a_limit, .fini = end_the_limit);

/* How many of n lines pass at a time; *ret_left_out is what the last of them told. */
static unsigned passed(uint64_t key, int64_t now_ms, unsigned n, unsigned *ret_left_out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        count += log_limit_pass(&limit, key, now_ms, ret_left_out);
    return count;
}

Test(log_limit, a_burst_passes_and_the_rest_is_counted)
{
    unsigned left_out = 99;
    cr_assert_eq(passed(1, 0, LOG_LIMIT_BURST + 37, &left_out), LOG_LIMIT_BURST);
    cr_assert_eq(left_out, 0);

    cr_assert(log_limit_pass(&limit, 1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 37, "the next that passes tells");
    cr_assert(log_limit_pass(&limit, 1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 0, "once");
}

Test(log_limit, a_window_begins_with_its_first_line)
{
    unsigned left_out;
    passed(1, 5000, LOG_LIMIT_BURST, &left_out);
    cr_assert_not(log_limit_pass(&limit, 1, 5000 + LOG_LIMIT_WINDOW_MS - 1, &left_out));
    cr_assert(log_limit_pass(&limit, 1, 5000 + LOG_LIMIT_WINDOW_MS, &left_out));
}

Test(log_limit, kinds_do_not_count_for_one_another)
{
    unsigned left_out;
    passed(1, 0, LOG_LIMIT_BURST, &left_out);
    cr_assert_not(log_limit_pass(&limit, 1, 0, &left_out));
    cr_assert(log_limit_pass(&limit, 1 + LOG_LIMIT_SETS, 0, &left_out), "in the same set");
    cr_assert(log_limit_pass(&limit, 2, 0, &left_out));
}

Test(log_limit, a_kind_that_owes_a_count_is_not_forgotten_for_one_that_does_not)
{
    unsigned left_out = 0;
    passed(1, 0, LOG_LIMIT_BURST + 5, &left_out); /* the oldest of its set, and owes 5 */
    for (unsigned i = 1; i < 100; i++)
        passed(1 + i * LOG_LIMIT_SETS, i, 1, &left_out);

    cr_assert(log_limit_pass(&limit, 1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 5);
}

Test(log_limit, more_kinds_than_there_is_room_for_all_pass)
{
    unsigned left_out;
    for (uint64_t key = 1; key < 10000; key++)
        cr_assert(log_limit_pass(&limit, key, 0, &left_out));
}

Test(log_limit, a_key_is_of_all_its_texts)
{
    uint64_t ab_c = log_limit_key(log_limit_key(0, "ab"), "c");
    cr_assert_eq(ab_c, log_limit_key(log_limit_key(0, "ab"), "c"));
    cr_assert_neq(ab_c, log_limit_key(log_limit_key(0, "a"), "bc"));
    cr_assert_neq(log_limit_key(0, NULL), log_limit_key(0, ""));
}
