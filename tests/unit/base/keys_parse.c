#include "base/keys/keys.h"
#include "base/str.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <stdint.h>

enum { REFUSED = -99 };

static struct arena arena;
static const char *why;

static void given_an_arena(void)
{
    arena_init(&arena, 64);
}
static void free_it(void)
{
    arena_fini(&arena);
}
TestSuite(keys_parse, .init = given_an_arena, .fini = free_it);

/* The number, or REFUSED, which must leave the result alone. */
static int64_t parse_key(struct extproc_key key, const char *text)
{
    int64_t number = REFUSED;
    why = NULL;
    bool right = keys_parse(&key, extproc_str_of(text), &arena, &number, &why);
    cr_assert_eq(right, why == NULL);
    cr_assert(right || number == REFUSED);
    return number;
}

static int64_t parse(enum extproc_key_type type, const char *text)
{
    return parse_key((struct extproc_key){"k", type, .choices = "one|two|three"}, text);
}

static void expect_refused(enum extproc_key_type type, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(parse(type, texts[i]), REFUSED, "\"%s\"", texts[i]);
}
#define EXPECT_REFUSED(type, ...)                                                                  \
    expect_refused(type, (const char *const[]){__VA_ARGS__},                                       \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(keys_parse, any_text_is_a_text)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_STR, "anything"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_STR, ""), 0);
}

Test(keys_parse, integers)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "0"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "42"), 42);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "007"), 7);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "-1"), -1);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "9223372036854775807"), INT64_MAX);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_INT, "-9223372036854775808"), INT64_MIN);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_INT, "", "-", "+1", "1 ", " 1", "1.5", "0x10", "one", "1k",
                   "--1", "-9223372036854775809");
    cr_assert(lines_match(why, "an integer"));
}

Test(keys_parse, what_is_too_large_is_named_so)
{
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_INT, "9223372036854775808", "99999999999999999999");
    cr_expect_str_eq(why, "at most 9223372036854775807");
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_DURATION, "9223372036854775808us", "2562047789h");
    cr_expect_str_eq(why, "at most 2562047788h");
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_SIZE, "9223372036854775808", "8589934592g");
    cr_expect_str_eq(why, "at most 8589934591g");

    struct extproc_key key = {"k", EXTPROC_KEY_TYPE_SIZE, .min = "1k", .max = "2k"};
    cr_expect_eq(parse_key(key, "99999999999g"), REFUSED);
    cr_expect_str_eq(why, "1k to 2k");
}

Test(keys_parse, booleans)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "yes"), 1);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "true"), 1);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "on"), 1);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "no"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "false"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_BOOL, "off"), 0);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_BOOL, "", "1", "0", "Yes", "y", "yes please");
    cr_assert_str_eq(why, "yes, no, true, false, on or off");
}

Test(keys_parse, durations_are_microseconds)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "150us"), 150);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "150ms"), 150000);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "2s"), 2000000);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "5m"), 300000000);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "1h"), 3600000000);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "0s"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_DURATION, "0"), 0);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_DURATION, "", "5", "s", "-1s", "1.5s", "1 s", "1d", "1sec",
                   "1S");
    cr_assert(lines_match(why, "a duration~150us~"));
}

Test(keys_parse, sizes_are_bytes)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_SIZE, "0"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_SIZE, "1000"), 1000);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_SIZE, "64k"), 65536);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_SIZE, "4m"), 4194304);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_SIZE, "1g"), 1073741824);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_SIZE, "", "k", "-1", "1.5m", "64kb", "1 k", "1t");
    cr_assert(lines_match(why, "a size~64k~"));
}

Test(keys_parse, choices_are_their_places)
{
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_CHOICE, "one"), 0);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_CHOICE, "two"), 1);
    cr_assert_eq(parse(EXTPROC_KEY_TYPE_CHOICE, "three"), 2);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_CHOICE, "", "on", "One", "one|two", "threee");
    cr_assert_str_eq(why, "one of one, two, three");
}

Test(keys_parse, limits_are_part_of_the_range)
{
    const struct extproc_key status = {"k", EXTPROC_KEY_TYPE_INT, .min = "200", .max = "599"};
    cr_assert_eq(parse_key(status, "200"), 200);
    cr_assert_eq(parse_key(status, "599"), 599);
    cr_assert_eq(parse_key(status, "199"), REFUSED);
    cr_assert_eq(parse_key(status, "600"), REFUSED);
    cr_assert_str_eq(why, "200 to 599");
    cr_assert_eq(parse_key(status, "many"), REFUSED);
    cr_assert_str_eq(why, "an integer", "one thing at a time");
}

Test(keys_parse, limits_are_shown_as_they_would_be_written)
{
    static const struct {
        struct extproc_key key;
        const char *wrong, *said;
    } cases[] = {
        {{"k", EXTPROC_KEY_TYPE_INT, .min = "-5", .max = "0"}, "1", "-5 to 0"},
        {{"k", EXTPROC_KEY_TYPE_INT, .min = "1"}, "0", "1 or more"},
        {{"k", EXTPROC_KEY_TYPE_DURATION, .min = "1500ms", .max = "2h"}, "1s", "1500ms to 2h"},
        {{"k", EXTPROC_KEY_TYPE_DURATION, .min = "0", .max = "1m"}, "61s", "0 to 1m"},
        {{"k", EXTPROC_KEY_TYPE_SIZE, .min = "1k", .max = "2147483647"}, "1", "1k to 2147483647"},
        {{"k", EXTPROC_KEY_TYPE_INT, .min = "0"}, "-1", "0 or more"},
        {{"k", EXTPROC_KEY_TYPE_INT, .max = "0"}, "1", "at most 0"},
        {{"k", EXTPROC_KEY_TYPE_FLOAT, .min = "0", .max = "1"}, "1.01", "0 to 1"},
        {{"k", EXTPROC_KEY_TYPE_SIZE, .min = "1m"}, "1k", "1m or more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(parse_key(cases[i].key, cases[i].wrong), REFUSED);
        cr_expect_str_eq(why, cases[i].said);
    }
}

Test(keys_parse, what_a_broken_table_asks_for_is_refused)
{
    cr_assert_eq(parse_key((struct extproc_key){"k", EXTPROC_KEY_TYPE_CHOICE}, "x"), REFUSED);
    cr_assert_str_eq(why, "a choice");
    cr_assert_eq(parse((enum extproc_key_type)99, "x"), REFUSED);
}

Test(keys_parse, numbers_may_have_a_fraction)
{
    static const char *const right[] = {"0", "2", "0.5", "-1.25", "10.0"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_assert_eq(parse(EXTPROC_KEY_TYPE_FLOAT, right[i]), 0, "%s", right[i]);
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_FLOAT, "", "-", ".5", "1.", "1e3", "0x1", "inf", "nan", "1,5",
                   "1.2.3", " 1", "+1");
    EXPECT_REFUSED(EXTPROC_KEY_TYPE_PATH, "");
}
