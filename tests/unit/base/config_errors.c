#include "base/config/config.h"
#include "failing.h"
#include "scene.h"

#include <criterion/criterion.h>

static const struct config_section section = {
    .type = "plugin", .name = "tags", .file = "main.ini", .line = 3};
static const struct config_section unnamed = {
    .type = "extprocd", .name = "", .file = "main.ini", .line = 1};
static const struct config_entry entry = {.key = "set", .file = "other.ini", .line = 7};

static void forget(void)
{
    config_errors_fini(&errors);
}
TestSuite(config_errors, .fini = forget);

Test(config_errors, a_line_names_the_place_as_far_as_there_is_one)
{
    config_say(&errors, CONFIG_ERROR, &section, &entry, "is %s", "wrong");
    config_say(&errors, CONFIG_ERROR, &section, NULL, "is wrong");
    config_say(&errors, CONFIG_ERROR, &unnamed, &entry, "is wrong");
    config_say(&errors, CONFIG_ERROR, NULL, &entry, "is wrong");
    config_say(&errors, CONFIG_ERROR, NULL, NULL, "is wrong");
    config_say_at(&errors, "main.ini", 9, "is wrong");
    config_say_at(&errors, "main.ini", 0, "is wrong");
    expect_said("other.ini:7: [plugin:tags] set: is wrong\n"
                "other.ini:7: [extprocd] set: is wrong\n"
                "other.ini:7: set: is wrong\n"
                "main.ini: is wrong\n"
                "main.ini:3: [plugin:tags] is wrong\n"
                "main.ini:9: is wrong\n"
                "is wrong\n");
    cr_assert_eq(errors.n_errors, 7);
}

Test(config_errors, lines_come_in_the_order_of_the_files)
{
    config_errors_begin_file(&errors, "main.ini");
    config_errors_begin_file(&errors, "other.ini");
    config_say_at(&errors, "other.ini", 1, "three");
    config_say_at(&errors, "main.ini", 12, "two");
    config_say_at(&errors, "other.ini", 7, "four");
    config_say_at(&errors, "main.ini", 3, "one");
    config_say_at(&errors, "other.ini", 7, "five");
    expect_said("main.ini:3: one\n"
                "main.ini:12: two\n"
                "other.ini:1: three\n"
                "other.ini:7: four\n"
                "other.ini:7: five\n");
}

Test(config_errors, warnings_are_marked_and_not_counted)
{
    config_say(&errors, CONFIG_WARNING, &section, NULL, "is not used");
    expect_said("main.ini:3: [plugin:tags] warning: is not used\n");
    cr_assert_eq(errors.n_lines, 1);
    cr_assert_eq(errors.n_errors, 0);
}

Test(config_errors, a_terminal_is_safe_from_what_stood_in_the_file)
{
    config_say_at(&errors, "m\xc2\x9bin.ini", 1, "a\x1b[2Jb\nc\x7f \\x7f \xe2\x80\xae \xff");
    cr_assert_str_eq(errors.lines[0],
                     "m\\u009bin.ini:1: a\\x1b[2Jb\\nc\\x7f \\\\x7f \\u202e \\xff");
}

Test(config_errors, an_error_counts_also_where_its_line_cannot_be_kept)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    for (long n = 0; n < 12; n++) {
        fail_after(n);
        config_say_at(&errors, "main.ini", 1, "is wrong");
        fail_no_more();
    }
    cr_assert_eq(errors.n_errors, 12);
    cr_assert_lt(errors.n_lines, 12);
}
