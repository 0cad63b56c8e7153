#include "base/str.h"

#include <criterion/criterion.h>

static struct extproc_str s(const char *text)
{
    return str_c(text);
}

Test(str, a_view_of_null_is_absent)
{
    cr_assert_null(str_c(NULL).ptr);
    cr_assert_eq(str_c(NULL).len, 0);
    cr_assert_eq(str_c("abc").len, 3);
    cr_assert_not_null(str_c("").ptr);
}

Test(str, absent_equals_absent_only)
{
    cr_assert(str_eq_c(STR_ABSENT, NULL));
    cr_assert_not(str_eq_c(s(""), NULL));
    cr_assert(str_eq_c(s("x"), "x"));
}

Test(str, a_prefix)
{
    cr_assert(str_has_prefix(s("file:x"), "file:"));
    cr_assert(str_has_prefix(s("file"), ""));
    cr_assert_not(str_has_prefix(s("fil"), "file"));
    cr_assert_not(str_has_prefix(s("File"), "file"));
    cr_assert_not(str_has_prefix(STR_ABSENT, ""));
}

Test(str, utf8_as_rfc_3629_has_it)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF3\xBF\xBF\xBF",
                                       "\xF4\x8F\xBF\xBF",
                                       "a\xC3\xA4z"};
    static const char *const bad[] = {
        "\x80",             /* begins with what continues   */
        "\xC0\x80",         /* overlong                     */
        "\xC1\xBF",         /* overlong                     */
        "\xE0\x9F\xBF",     /* overlong                     */
        "\xF0\x8F\xBF\xBF", /* overlong                     */
        "\xED\xA0\x80",     /* a surrogate                  */
        "\xF4\x90\x80\x80", /* above U+10FFFF               */
        "\xF5\x80\x80\x80", /* far above                    */
        "\xC3",             /* ends too early               */
        "\xE2\x82",         /* ends too early               */
        "\xF0\x9F\x98",     /* ends too early               */
        "\xC3(",            /* goes on with something else  */
        "\xE2\x82(",        /* goes on with something else  */
        "\xFF",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(str_is_utf8(s(good[i])), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(str_is_utf8(s(bad[i])), "bad %zu", i);
    cr_assert(str_is_utf8(STR_ABSENT));
}

Test(str, the_length_of_one_character)
{
    struct extproc_str text = s("a\xC3\xA4\xF0\x9F\x98\x80\xFF");
    cr_assert_eq(str_utf8_at(text, 0), 1);
    cr_assert_eq(str_utf8_at(text, 1), 2);
    cr_assert_eq(str_utf8_at(text, 3), 4);
    cr_assert_eq(str_utf8_at(text, 7), 0);
}

Test(str, distance_counts_edits)
{
    cr_assert_eq(str_distance("plugin", "plugin", 3), 0);
    cr_assert_eq(str_distance("plugin", "plugins", 3), 1);
    cr_assert_eq(str_distance("plugin", "plgin", 3), 1);
    cr_assert_eq(str_distance("plugin", "plugim", 3), 1);
    cr_assert_eq(str_distance("plugin", "plugni", 3), 1); /* a swap */
    cr_assert_eq(str_distance("", "abc", 3), 3);
    cr_assert_eq(str_distance("abc", "", 3), 3);
    cr_assert_eq(str_distance("kitten", "sitting", 9), 3);
}

Test(str, distance_stops_at_its_limit)
{
    char longer[100];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';

    cr_assert_eq(str_distance("kitten", "sitting", 1), 2);
    cr_assert_eq(str_distance("abc", "xyz", 0), 1);
    cr_assert_eq(str_distance(longer, "x", 3), 4);
    cr_assert_eq(str_distance(longer, longer, 3), 0);
}

Test(str, the_nearest_name_is_the_one_that_was_meant)
{
    static const char *const keys[] = {"log_level", "log_file", "plugin_dir", "file", "drain"};
    const size_t n = sizeof keys / sizeof *keys;
    cr_assert_str_eq(str_nearest("log_levle", keys, n), "log_level");
    cr_assert_str_eq(str_nearest("loglevel", keys, n), "log_level");
    cr_assert_str_eq(str_nearest("LOG_FILE", keys, n), "log_file");
    cr_assert_str_eq(str_nearest("fil", keys, n), "file");
    cr_assert_null(str_nearest("workers", keys, n));
    cr_assert_null(str_nearest("x", keys, n));
    cr_assert_null(str_nearest("drain", keys, 0));
    cr_assert_null(str_nearest("a", (const char *const[]){"b"}, 1));
}
