/* What a value is compared with, and how long that may take. */
#include "base/pattern/pattern.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct arena arena;
static struct regex_scratch *scratch;
static const char *why;

static void begin(void)
{
    arena_init(&arena, 256);
    scratch = regex_scratch_new();
    why = NULL;
}

static void end(void)
{
    regex_scratch_free(scratch);
    arena_fini(&arena);
}

TestSuite(pattern, .init = begin, .fini = end);

static enum match match_value(const char *text, bool fold, struct pattern_value value)
{
    struct pattern p;
    int r = pattern_init(&p, extproc_str_of(text), fold, &arena, &why);
    cr_assert_eq(r, 0, "\"%s\": %s", text, why);
    enum match m = pattern_matches(&p, &value, scratch);
    pattern_fini(&p);
    return m;
}

static enum match match(const char *text, const char *value)
{
    return match_value(text, false,
                       (struct pattern_value){value != NULL, {value, value ? strlen(value) : 0}});
}

static const struct {
    const char *pattern, *value; /* NULL: absent */
    enum match match;
} cases[] = {
    {"a", "a", MATCH_YES},
    {"a", "ab", MATCH_NO},
    {"a", "", MATCH_NO},
    {"a", NULL, MATCH_NO},
    {"!a", "a", MATCH_NO},
    {"! a", "b", MATCH_YES},
    {"!a", NULL, MATCH_YES},
    {"/api/*", "/api/", MATCH_YES},
    {"/api/*", "/api/v1", MATCH_YES},
    {"/api/*", "/api", MATCH_NO},
    {"/api/*", NULL, MATCH_NO},
    {"*.html", "/index.html", MATCH_YES},
    {"*.html", ".html", MATCH_YES},
    {"*.html", "html", MATCH_NO},
    {"!*.html", "html", MATCH_YES},
    {"*", "", MATCH_YES},
    {"*", "anything", MATCH_YES},
    {"*", NULL, MATCH_NO},
    {"!*", NULL, MATCH_YES},
    {"!*", "", MATCH_NO},
    {"~ ^/v[0-9]+/", "/v12/x", MATCH_YES},
    {"~^/v[0-9]+/", "/v12/x", MATCH_YES},
    {"~ b+", "abbb", MATCH_YES},
    {"~ ^b", "ab", MATCH_NO},
    {"! ~ ^b", "ab", MATCH_YES},
    {"!~ ^b", NULL, MATCH_YES},
    {"~ ^$", "", MATCH_YES},
    {"~ ^$", NULL, MATCH_NO},
    {"~ a$", "a\n", MATCH_NO},    /* the end is the end                       */
    {"~ a.c", "a\nc", MATCH_YES}, /* and no byte is special                   */
    {"~ \\xff", "\xff", MATCH_YES},
    {"~ ^(a)\\1$", "aa", MATCH_YES},
    {"~ ^\\*$", "*", MATCH_YES},
    {"A", "a", MATCH_NO},
};

Test(pattern, matches_what_it_says)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(match(cases[i].pattern, cases[i].value), cases[i].match, "\"%s\" and \"%s\"",
                     cases[i].pattern, cases[i].value ? cases[i].value : "(absent)");
}

Test(pattern, a_value_without_a_text_is_only_present)
{
    const struct pattern_value list = {.present = true};
    cr_expect_eq(match_value("*", false, list), MATCH_YES);
    cr_expect_eq(match_value("!*", false, list), MATCH_NO);
    cr_expect_eq(match_value("~ ^$", false, list), MATCH_NO);
    cr_expect_eq(match_value("!a", false, list), MATCH_YES);
}

Test(pattern, case_can_be_folded_in_every_kind)
{
    static const char *const patterns[] = {"EXAMPLE.com", "Exam*", "*.COM", "~ ^exAmple"};
    const struct pattern_value value = {true, EXTPROC_STR("example.Com")};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        cr_expect_eq(match_value(patterns[i], true, value), MATCH_YES, "%s", patterns[i]);
        cr_expect_eq(match_value(patterns[i], false, value), MATCH_NO, "%s", patterns[i]);
    }
}

static const struct {
    const char *pattern, *why;
} refused[] = {
    {"", "expected text"},
    {"!", "expected text"},
    {"!!a", "second !"},
    {"*a*", "one *"},
    {"a*b", "one *"},
    {"**", "one *"},
    {"~", "after ~"},
    {"~ (a", "invalid regular expression: missing closing parenthesis at byte 2"},
    {"~ a[", "at byte 2"},
};

Test(pattern, what_would_be_misread_is_refused)
{
    struct pattern p;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        why = NULL;
        cr_assert_eq(pattern_init(&p, extproc_str_of(refused[i].pattern), false, &arena, &why),
                     -EINVAL, "\"%s\"", refused[i].pattern);
        cr_expect(strstr(why, refused[i].why), "\"%s\": %s", refused[i].pattern, why);
    }
}

/* An expression that takes exponentially many steps for this text is given up, and no answer is
 * made up: neither for it nor for its opposite. */
Test(pattern, an_expression_that_takes_too_long_has_no_answer)
{
    static char text[4096];
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = 'b';
    cr_expect_eq(match("~ ^(a+)+$", text), MATCH_FAILED);
    cr_expect_eq(match("!~ ^(a+)+$", text), MATCH_FAILED);
    cr_expect_eq(match("~ ^a+b$", text), MATCH_YES);
}

Test(pattern, without_memory_to_match_there_is_no_answer)
{
    struct pattern p;
    const struct pattern_value value = {true, EXTPROC_STR("a")};
    cr_assert_eq(pattern_init(&p, EXTPROC_S("~ a"), false, &arena, &why), 0);
    cr_expect_eq(pattern_matches(&p, &value, NULL), MATCH_FAILED);
    pattern_fini(&p);
}
