#include "base/keys/keys.h"
#include "failing.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;
static const char *why;

static void given_an_arena(void)
{
    arena_init(&arena, 1024);
}
static void free_it(void)
{
    arena_fini(&arena);
}
TestSuite(keys_table, .init = given_an_arena, .fini = free_it);

static bool is_valid(struct extproc_key key)
{
    const struct extproc_key keys[] = {key, {NULL}};
    return keys_table_valid((struct keys_table){keys, sizeof *keys}, &arena, &why);
}

Test(keys_table, what_is_right)
{
    static const struct extproc_key keys[] = {
        {"request.set", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_LIST},
        {"timeout", EXTPROC_KEY_TYPE_DURATION, 0, "150ms"},
        {"mode", EXTPROC_KEY_TYPE_CHOICE, 0, "b", "a|b"},
        {"token", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_REQUIRED | EXTPROC_KEY_SECRET},
        {"status", EXTPROC_KEY_TYPE_INT, 0, "200", .min = "200", .max = "599"},
        {NULL},
    };
    cr_assert(keys_table_valid((struct keys_table){keys, sizeof *keys}, &arena, &why));
    cr_assert(keys_table_valid((struct keys_table){NULL, 0}, &arena, &why));
}

Test(keys_table, names_that_could_not_be_written)
{
    static const char *const names[] = {
        "",   "a:b", "a=b", "a b",      "a\n",
        "[a", ";a",  "#a",  "\xC3\xA4", "a234567890123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect_not(is_valid((struct extproc_key){.name = names[i]}), "%s", names[i]);
        cr_expect_not_null(strstr(why, "invalid key name"));
    }
    cr_assert(is_valid((struct extproc_key){.name = names[9] + 1}));
}

Test(keys_table, a_plugin_has_no_families_of_keys)
{
    cr_assert_not(is_valid((struct extproc_key){.name = "when.*"}));
    cr_assert(lines_match(why, "~key when.*: ~.*"), "%s", why);
    cr_assert(is_valid((struct extproc_key){.name = ".*"}));
}

Test(keys_table, types_and_flags_that_are_not_known)
{
    cr_assert_not(is_valid((struct extproc_key){.name = "k", .type = (enum extproc_key_type)8}));
    cr_assert(lines_match(why, "~key k: unknown type 8"), "%s", why);
    cr_assert_not(is_valid((struct extproc_key){.name = "k", .flags = 8 | EXTPROC_KEY_LIST}));
    cr_assert(lines_match(why, "~key k: unknown flags 0x8"), "%s", why);
}

Test(keys_table, invalid_choices)
{
    static const char *const choices[] = {NULL, "", "a|", "|a", "a||b"};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        cr_expect_not(is_valid((struct extproc_key){
            .name = "k", .type = EXTPROC_KEY_TYPE_CHOICE, .choices = choices[i]}));
        cr_expect(lines_match(why, "~key k: missing choices~"), "%s", why);
    }
}

Test(keys_table, fallbacks_that_cannot_be)
{
    cr_assert_not(is_valid(
        (struct extproc_key){.name = "k", .flags = EXTPROC_KEY_REQUIRED, .fallback = "x"}));
    cr_assert(lines_match(why, "~key k: ~required~fallback"), "%s", why);
    cr_assert_not(
        is_valid((struct extproc_key){.name = "k", .type = EXTPROC_KEY_TYPE_INT, .fallback = "x"}));
    cr_assert(lines_match(why, "~key k: ~fallback \"x\"~"), "%s", why);
}

Test(keys_table, limits_that_cannot_be)
{
    cr_assert_not(is_valid(
        (struct extproc_key){.name = "k", .type = EXTPROC_KEY_TYPE_INT, .min = "1", .max = "0"}));
    cr_assert(lines_match(why, "~key k: min exceeds max~"), "%s", why);
    cr_assert_not(
        is_valid((struct extproc_key){.name = "k", .type = EXTPROC_KEY_TYPE_STR, .max = "9"}));
    cr_assert(lines_match(why, "~key k: ~min~numbers~"), "%s", why);
    cr_assert_not(is_valid((struct extproc_key){
        .name = "k", .type = EXTPROC_KEY_TYPE_SIZE, .fallback = "2k", .max = "1k"}));
    cr_assert(lines_match(why, "~key k: ~fallback \"2k\"~"), "%s", why);
}

Test(keys_table, a_name_stands_once)
{
    static const struct extproc_key keys[] = {{"a"}, {"b"}, {"a"}, {NULL}};
    cr_assert_not(keys_table_valid((struct keys_table){keys, sizeof *keys}, &arena, &why));
    cr_assert(lines_match(why, "~key a: duplicate~"), "%s", why);
}

Test(keys_table, without_memory_the_answer_is_still_no)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    fail_after(0);
    bool valid = is_valid((struct extproc_key){.name = "a b"});
    fail_no_more();
    cr_assert_not(valid);
    cr_assert_str_eq(why, "out of memory");
}

Test(keys_table, refuses_limits_that_are_not_of_the_type)
{
    cr_expect_not(
        is_valid((struct extproc_key){.name = "k", .type = EXTPROC_KEY_TYPE_INT, .min = "1k"}));
    cr_expect_not(
        is_valid((struct extproc_key){.name = "k", .type = EXTPROC_KEY_TYPE_DURATION, .max = "5"}));
    cr_expect(is_valid((struct extproc_key){
        .name = "k", .type = EXTPROC_KEY_TYPE_FLOAT, .min = "-0.5", .max = "0", .fallback = "0"}));
}
