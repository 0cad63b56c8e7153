#include "base/log/log_limit.h"

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

static bool passes(uint64_t key, int64_t now_ms, unsigned *ret_left_out)
{
    const struct log_limit_line line = {.kind = key, .message = key, .text = EXTPROC_S("text")};
    return log_limit_pass(&limit, &line, now_ms, ret_left_out);
}

/* How many of n lines pass at a time; *ret_left_out is what the last of them reported. */
static unsigned passed(uint64_t key, int64_t now_ms, unsigned n, unsigned *ret_left_out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        count += passes(key, now_ms, ret_left_out);
    return count;
}

Test(log_limit, a_burst_passes_and_the_rest_is_counted)
{
    unsigned left_out = 99;
    cr_assert_eq(passed(1, 0, LOG_LIMIT_BURST + 37, &left_out), LOG_LIMIT_BURST);
    cr_assert_eq(left_out, 0);

    cr_assert(passes(1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 37, "the next that passes tells");
    cr_assert(passes(1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 0, "once");
}

Test(log_limit, a_window_begins_with_its_first_line)
{
    unsigned left_out;
    passed(1, 5000, LOG_LIMIT_BURST, &left_out);
    cr_assert_not(passes(1, 5000 + LOG_LIMIT_WINDOW_MS - 1, &left_out));
    cr_assert(passes(1, 5000 + LOG_LIMIT_WINDOW_MS, &left_out));
}

Test(log_limit, kinds_do_not_count_for_one_another)
{
    unsigned left_out;
    passed(1, 0, LOG_LIMIT_BURST, &left_out);
    cr_assert_not(passes(1, 0, &left_out));
    cr_assert(passes(1 + LOG_LIMIT_SETS, 0, &left_out), "in the same set");
    cr_assert(passes(2, 0, &left_out));
}

Test(log_limit, a_kind_that_owes_a_count_is_not_forgotten_for_one_that_does_not)
{
    unsigned left_out = 0;
    passed(1, 0, LOG_LIMIT_BURST + 5, &left_out); /* the oldest of its set, and owes 5 */
    for (unsigned i = 1; i < 100; i++)
        passed(1 + i * LOG_LIMIT_SETS, i, 1, &left_out);

    cr_assert(passes(1, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 5);
}

Test(log_limit, more_kinds_than_there_is_room_for_all_pass)
{
    unsigned left_out;
    for (uint64_t key = 1; key < 10000; key++)
        cr_assert(passes(key, 0, &left_out));
}

/* ---- messages of a kind ---------------------------------------------------------------------- */

static unsigned n_passed_of_kind(unsigned n_messages, unsigned n_each, unsigned *ret_left_out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n_messages * n_each; i++) {
        const struct log_limit_line line = {.kind = 1, .message = 1 + i % n_messages};
        count += log_limit_pass(&limit, &line, 0, ret_left_out);
    }
    return count;
}

Test(log_limit, messages_of_a_kind_do_not_count_for_one_another)
{
    unsigned left_out;
    cr_assert_eq(n_passed_of_kind(5, 100, &left_out), 5 * LOG_LIMIT_BURST);
}

Test(log_limit, a_kind_has_a_limit_of_its_own)
{
    unsigned left_out;
    cr_assert_eq(n_passed_of_kind(1000, 2, &left_out), LOG_LIMIT_BURST_KIND);
    const struct log_limit_line next = {.kind = 1, .message = 5000};
    cr_assert(log_limit_pass(&limit, &next, LOG_LIMIT_WINDOW_MS, &left_out));
    cr_assert_eq(left_out, 2 * 1000 - LOG_LIMIT_BURST_KIND);
}

static uint64_t message(const char *text)
{
    return log_limit_message_key(1, extproc_str_of(text));
}

Test(log_limit, numbers_addresses_and_ids_make_no_message_a_new_one)
{
    cr_expect_eq(message("took 17 ms"), message("took 4711 ms"));
    cr_expect_eq(message("192.0.2.1:80: closed"), message("192.0.2.99:4711: closed"));
    cr_expect_eq(message("id 7f3a-00b1"), message("id 1e0-9a"));
    cr_expect_neq(message("user not found"), message("user not allowed"));
    cr_expect_neq(message("a: b"), message("a, b"));
    cr_expect_neq(message(""), message("a"));
    cr_expect_neq(log_limit_message_key(1, EXTPROC_S("a")),
                  log_limit_message_key(2, EXTPROC_S("a")));
}

/* ---- what is owed at the end ----------------------------------------------------------------- */

Test(log_limit, what_was_left_out_can_be_taken_once)
{
    unsigned left_out;
    struct log_limit_slot owed;
    const struct log_limit_line line = {.kind = 1,
                                        .message = 1,
                                        .level = EXTPROC_LEVEL_WARN,
                                        .plugin = "tags",
                                        .text = EXTPROC_S("no value")};
    for (unsigned i = 0; i < LOG_LIMIT_BURST + 7; i++)
        log_limit_pass(&limit, &line, 0, &left_out);
    cr_assert(log_limit_take(&limit, &owed));
    cr_assert_eq(owed.left_out, 7);
    cr_assert_eq(owed.level, EXTPROC_LEVEL_WARN);
    cr_assert_str_eq(owed.plugin, "tags");
    cr_assert(extproc_eq((struct extproc_str){owed.sample, owed.sample_len}, line.text));
    cr_assert_not(log_limit_take(&limit, &owed));
}

Test(log_limit, what_is_forgotten_is_counted)
{
    unsigned left_out;
    for (uint64_t i = 1; i <= LOG_LIMIT_WAYS + 1; i++)
        passed(i * LOG_LIMIT_SETS, 0, LOG_LIMIT_BURST + 3, &left_out);
    cr_assert_eq(log_limit_forgotten(&limit), 3);
    cr_assert_eq(log_limit_forgotten(&limit), 0);
}

Test(log_limit, a_key_is_of_all_its_texts)
{
    uint64_t ab_c = log_limit_key(log_limit_key(0, "ab"), "c");
    cr_assert_eq(ab_c, log_limit_key(log_limit_key(0, "ab"), "c"));
    cr_assert_neq(ab_c, log_limit_key(log_limit_key(0, "a"), "bc"));
    cr_assert_neq(log_limit_key(0, NULL), log_limit_key(0, ""));
}
