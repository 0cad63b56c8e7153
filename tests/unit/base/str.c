#include "base/str.h"

#include <criterion/criterion.h>

static struct extproc_str s(const char *text)
{
    return extproc_str_of(text);
}

Test(str, absent_equals_absent_only)
{
    cr_assert(str_eq_c(STR_ABSENT, NULL));
    cr_assert_not(str_eq_c(s(""), NULL));
    cr_assert(str_eq_c(s("x"), "x"));
}

Test(str, a_list_has_what_was_put_into_it)
{
    static const struct extproc_str strs[] = {EXTPROC_STR("a"), EXTPROC_STR("bc")};
    const struct str_list list = STR_LIST(strs), none = {0};
    cr_expect(str_in_list(s("bc"), list));
    cr_expect_not(str_in_list(s("BC"), list));
    cr_expect_not(str_in_list(s("b"), list));
    cr_expect_not(str_in_list(s("a"), none));
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

Test(str, the_nearest_name_was_meant)
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
