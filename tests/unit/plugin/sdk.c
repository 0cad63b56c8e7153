/* What the SDK header does by itself, without a host. */
#include <extproc/plugin.h>

#include <criterion/criterion.h>

Test(sdk, a_c_string_as_a_view)
{
    cr_expect_eq(extproc_str_of("abc").len, 3);
    cr_expect(extproc_str_of("").ptr, "empty is not absent");
    cr_expect(!extproc_str_of(NULL).ptr);
}

Test(sdk, equal_bytes)
{
    struct extproc_str absent = {NULL, 0};
    cr_expect(extproc_eq(EXTPROC_S("a\0b"), EXTPROC_S("a\0b")));
    cr_expect_not(extproc_eq(EXTPROC_S("a"), EXTPROC_S("A")));
    cr_expect_not(extproc_eq(EXTPROC_S("a"), EXTPROC_S("ab")));
    cr_expect_not(extproc_eq(EXTPROC_S(""), absent));
    cr_expect(extproc_eq(absent, absent));
}

Test(sdk, equal_but_for_case)
{
    struct extproc_str absent = {NULL, 0};
    cr_expect(extproc_eq_nocase(EXTPROC_S("X-Az\xC0"), EXTPROC_S("x-aZ\xC0")));
    cr_expect_not(extproc_eq_nocase(EXTPROC_S("\xC0"), EXTPROC_S("\xE0")), "no ASCII letters");
    cr_expect_not(extproc_eq_nocase(EXTPROC_S("@[`{"), EXTPROC_S("`{@[")), "no letters");
    cr_expect_not(extproc_eq_nocase(EXTPROC_S("a"), EXTPROC_S("ab")));
    cr_expect_not(extproc_eq_nocase(absent, EXTPROC_S("")));
    cr_expect(extproc_eq_nocase(absent, absent));
}

Test(sdk, an_action_of_a_result)
{
    cr_expect_eq(extproc_continue(0), EXTPROC_ACTION_CONTINUE);
    cr_expect_eq(extproc_continue(-EPERM), EXTPROC_ACTION_FAIL);
}

Test(sdk, an_error_in_words)
{
    cr_expect_str_eq(extproc_strerror(-EPERM), "it would have no effect");
    cr_expect_str_eq(extproc_strerror(-ENOENT), strerror(ENOENT));
}

Test(sdk, the_direction_of_a_phase)
{
    static const enum extproc_phase phases[] = {
        (enum extproc_phase)0,          EXTPROC_PHASE_REQUEST_HEADERS,  EXTPROC_PHASE_REQUEST_BODY,
        EXTPROC_PHASE_REQUEST_TRAILERS, EXTPROC_PHASE_RESPONSE_HEADERS, EXTPROC_PHASE_RESPONSE_BODY,
        EXTPROC_PHASE_RESPONSE_TRAILERS};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct extproc_txn x = {.phase = phases[i]};
        cr_expect_eq(extproc_is_response(&x), i > 3);
    }
}
