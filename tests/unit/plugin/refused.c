/* Why an edit is refused: whose rule it is, and what would change it. */
#include "plugin/api/setup/refused.h"

#include "base/str.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static const struct rules_name guarded[] = {
    {.name = EXTPROC_STR("x-own-"), .prefix = true, .remedy = "unlock its own"},
};
static const struct rules with_remedy = {.proxy = "the proxy of the test",
                                         .names = guarded,
                                         .n_names = 1,
                                         .limits_remedy = "raise the limits"};
static const struct rules without = {.proxy = "the proxy of the test"};
static const struct rules_context in_request = {.map = EXTPROC_MAP_REQUEST};
static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 1024);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(refused, .init = begin, .fini = end);

static void expect(const struct rules *rules, enum extproc_edit op, const char *name,
                   const char *value, int r, const char *wanted)
{
    struct extproc_str text = refused_edit(&arena, rules, &in_request, op, extproc_str_of(name),
                                           extproc_str_of(value), r);
    char copy[256];
    snprintf(copy, sizeof copy, "%.*s", EXTPROC_ARG(text));
    cr_expect(lines_match(copy, wanted), "%s: %s", wanted, copy);
}

Test(refused, what_http_forbids_names_no_proxy)
{
    expect(&with_remedy, EXTPROC_EDIT_SET, "content-length", "1", -EPERM,
           "not allowed: ~length of the body");
    expect(&with_remedy, EXTPROC_EDIT_REMOVE, ":path", NULL, -EPERM,
           "not allowed: ~overwritten, but not removed");
}

Test(refused, what_the_proxy_forbids_names_it_and_the_remedy)
{
    expect(&with_remedy, EXTPROC_EDIT_SET, "X-Own-A", "1", -EPERM,
           "the proxy of the test would ignore it (unlock its own)");
}

Test(refused, a_limit_says_what_would_raise_it_where_something_would)
{
    expect(&with_remedy, EXTPROC_EDIT_SET, "x-a", "1", -ENOSPC,
           "more than the proxy of the test takes (raise the limits)");
    expect(&without, EXTPROC_EDIT_SET, "x-a", "1", -ENOSPC,
           "more than the proxy of the test takes");
}

Test(refused, what_is_invalid_is_shown)
{
    expect(&without, EXTPROC_EDIT_SET, "x a", "1", -EINVAL, "~header name~a space");
    expect(&without, EXTPROC_EDIT_SET, "x-a", "a\nb", -EINVAL, "~header value~a line break");
    expect(&without, EXTPROC_EDIT_REMOVE, "x a", NULL, -EINVAL, "~header name~a space");
}

Test(refused, other_reasons_have_the_words_of_the_header)
{
    expect(&without, EXTPROC_EDIT_SET, ":status", "204", -EPROTO, "~status or the method~");
}
