/* pattern: the five ways to compare, and the texts that would be misread.
 *
 * A star means something at one end only. Elsewhere it is refused: who writes one means any text
 * there, and a pattern that silently matched nothing would be found late.
 */
#include "base/pattern/pattern.h"

#include "base/rows.h"

#include <extproc/text.h>

#include <errno.h>

static bool begins(struct extproc_str text, char c)
{
    return text.len > 0 && *text.ptr == c;
}

static bool ends(struct extproc_str text, char c)
{
    return text.len > 0 && text.ptr[text.len - 1] == c;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EINVAL;
}

static int read_regex(struct pattern *p, struct extproc_str text, struct arena *arena,
                      const char **ret_why)
{
    const char *why = NULL;
    p->kind = PATTERN_REGEX;
    if (text.len == 0)
        return refuse(ret_why, "expected a regular expression after ~");
    int r = regex_new(text, p->fold, arena, &p->regex, &why);
    if (r == -EINVAL) {
        *ret_why = arena_format(arena, "invalid regular expression: %s", why).ptr;
        return *ret_why ? -EINVAL : -ENOMEM;
    }
    return r;
}

static int read_text(struct pattern *p, struct extproc_str text, const char **ret_why)
{
    bool first = begins(text, '*'), last = ends(text, '*');
    p->kind = first ? PATTERN_SUFFIX : last ? PATTERN_PREFIX : PATTERN_EQUAL;
    if (text.len == 1 && first) {
        p->kind = PATTERN_PRESENT;
        return 0;
    }
    p->text = extproc_from(text, first);
    p->text.len -= !first && last;
    if (extproc_find(p->text, EXTPROC_S("*")).ptr)
        return refuse(ret_why, "a pattern has one *, at its beginning or at its end (for anything "
                               "else write a regular expression: ~ ^/a/.*/b$)");
    return 0;
}

int pattern_init(struct pattern *p, struct extproc_str text, bool fold, struct arena *arena,
                 const char **ret_why)
{
    text = extproc_trim(text);
    *p = (struct pattern){.negated = begins(text, '!'), .fold = fold};
    if (p->negated)
        text = extproc_trim(extproc_from(text, 1));
    if (text.len == 0)
        return refuse(ret_why, "expected text, text*, *text, * or ~ regex, with or without ! "
                               "before it (~ ^$ matches an empty value)");
    if (begins(text, '!'))
        return refuse(ret_why, "a second ! has no meaning (for a text that begins with one write a "
                               "regular expression: ~ ^!)");
    return begins(text, '~') ? read_regex(p, extproc_trim(extproc_from(text, 1)), arena, ret_why)
                             : read_text(p, text, ret_why);
}

void pattern_fini(struct pattern *p)
{
    p->regex = regex_free(p->regex);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool equal(const struct pattern *p, struct extproc_str part)
{
    return part.len == p->text.len &&
           (p->fold ? extproc_eq_nocase(part, p->text) : extproc_eq(part, p->text));
}

static enum match compare(const struct pattern *p, struct extproc_str text,
                          struct regex_scratch *scratch)
{
    size_t len = p->text.len;
    switch (p->kind) {
    case PATTERN_EQUAL:
        return equal(p, text) ? MATCH_YES : MATCH_NO;
    case PATTERN_PREFIX:
        return equal(p, extproc_first(text, len)) ? MATCH_YES : MATCH_NO;
    case PATTERN_SUFFIX:
        return text.len >= len && equal(p, extproc_from(text, text.len - len)) ? MATCH_YES
                                                                               : MATCH_NO;
    case PATTERN_REGEX:
        return regex_find(p->regex, text, scratch);
    case PATTERN_PRESENT:
    case N_PATTERN_KINDS:
        break;
    }
    return MATCH_YES;
}

enum match pattern_matches(const struct pattern *p, const struct pattern_value *value,
                           struct regex_scratch *scratch)
{
    enum match result = MATCH_NO;
    if (value->present && (value->text.ptr || p->kind == PATTERN_PRESENT))
        result = compare(p, value->text, scratch);
    if (result == MATCH_FAILED || !p->negated)
        return result;
    return result == MATCH_YES ? MATCH_NO : MATCH_YES;
}
