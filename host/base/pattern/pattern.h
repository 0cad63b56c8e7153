/* pattern: what an operator compares a value with.
 *
 *     text         equal                *            present
 *     text*        begins with text     ~ regex      found by a regular expression (regex.h)
 *     *text        ends with text       !            before any of them: the opposite
 *
 * An absent value is matched by nothing, and so by every pattern that begins with an exclamation
 * mark.
 */
#ifndef EXTPROCD_BASE_PATTERN_PATTERN_H
#define EXTPROCD_BASE_PATTERN_PATTERN_H

#include "base/pattern/regex.h"

enum pattern_kind {
    PATTERN_EQUAL,
    PATTERN_PREFIX,
    PATTERN_SUFFIX,
    PATTERN_PRESENT,
    PATTERN_REGEX,
    N_PATTERN_KINDS
};

struct pattern {
    enum pattern_kind kind;
    bool negated;
    bool fold;               /* case does not matter */
    struct extproc_str text; /* EQUAL, PREFIX, SUFFIX */
    struct regex *regex;     /* REGEX */
};

/* A value that is looked at. */
struct pattern_value {
    bool present;
    struct extproc_str text; /* ptr NULL: it has none (a list), so it can only be present */
};

/* Borrows the text. 0, then pattern_fini() is owed; -ENOMEM; -EINVAL with *ret_why, what is wrong
 * and what would be right. */
int pattern_init(struct pattern *p, struct extproc_str text, bool fold, struct arena *arena,
                 const char **ret_why);
void pattern_fini(struct pattern *p);

/* scratch: for regular expressions. FAILED also where the pattern is negated. */
enum match pattern_matches(const struct pattern *p, const struct pattern_value *value,
                           struct regex_scratch *scratch);

#endif
