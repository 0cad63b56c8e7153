/* conditions: read once, held against transactions.
 *
 * Three answers: where a regular expression exceeds its limits, or memory is exhausted, a condition
 * neither holds nor does not. Taking it for either would let a client choose.
 */
#include "plugin/choose/conditions.h"

#include "plugin/choose/look.h"

#include <errno.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct conditions *to;
    size_t prefix_len; /* of "match." */
    const struct config_section *section;
    struct arena *arena;
    struct config_errors *errors;
    bool failed;
};

static void say(struct reading *r, const struct config_entry *entry, int error, const char *why)
{
    r->failed = true;
    config_say(r->errors, CONFIG_ERROR, r->section, entry, "%s",
               error == -ENOMEM ? "out of memory" : why);
}

static void add_pattern(struct reading *r, struct condition *c, const struct config_entry *entry)
{
    const char *why = NULL;
    struct pattern *p = &c->patterns[c->n_patterns];
    int error = pattern_init(p, entry->value, subject_folds(&c->subject), r->arena, &why);
    if (error == 0) {
        c->n_patterns++;
        return;
    }
    r->failed = true;
    if (error == -ENOMEM)
        config_say(r->errors, CONFIG_ERROR, r->section, entry, "out of memory");
    else
        config_say(r->errors, CONFIG_ERROR, r->section, entry, "invalid value %s: %s",
                   config_quote(r->arena, entry, entry->value), why);
}

static bool is_same(const struct subject *a, const struct subject *b)
{
    return a->kind == b->kind && extproc_eq(a->name, b->name) && extproc_eq(a->space, b->space);
}

/* The condition of a subject, a new one where it is the first time. NULL: it was refused. */
static struct condition *condition_of(struct reading *r, const struct config_entry *entry,
                                      size_t n_entries)
{
    struct conditions *all = r->to;
    struct condition now = {.entry = entry};
    const char *why = NULL;
    struct extproc_str name = extproc_str_of(entry->key + r->prefix_len);
    int error = subject_read(name, r->arena, &now.subject, &why);
    for (size_t i = 0; error == 0 && i < all->n; i++)
        if (is_same(&all->items[i].subject, &now.subject))
            return &all->items[i];
    now.patterns = error == 0 ? arena_array(r->arena, n_entries, sizeof *now.patterns) : NULL;
    if (!now.patterns) {
        say(r, entry, error == 0 ? -ENOMEM : error, why);
        return NULL;
    }
    all->items[all->n] = now;
    return &all->items[all->n++];
}

/* Those of the request first; else in their order. */
static void sort(struct conditions *c)
{
    for (size_t i = 0, n = c->n; i < n; n--) {
        for (; i < n && !subject_is_late(&c->items[i].subject, c->late); i++)
            ;
        if (i == n)
            break;
        struct condition late = c->items[i];
        memmove(&c->items[i], &c->items[i + 1], (c->n - i - 1) * sizeof late);
        c->items[c->n - 1] = late;
        c->n_late++;
    }
}

bool conditions_read(struct conditions *c, const struct keys *keys, const char *family,
                     const struct config_section *section, struct arena *arena,
                     struct config_errors *errors)
{
    const struct keys_slot *slot = keys_find(keys, family);
    struct reading r = {.to = c,
                        .prefix_len = strlen(family) - 1,
                        .section = section,
                        .arena = arena,
                        .errors = errors};
    *c = (struct conditions){.late = c->late};
    if (!slot || slot->n_values == 0)
        return true;
    c->items = arena_array(arena, slot->n_values, sizeof *c->items);
    if (!c->items) {
        say(&r, NULL, -ENOMEM, NULL);
        return false;
    }
    for (size_t i = 0; i < slot->n_values; i++) {
        const struct config_entry *entry = slot->values[i].entry;
        struct condition *condition = condition_of(&r, entry, slot->n_values - i);
        if (condition)
            add_pattern(&r, condition, entry);
    }
    sort(c);
    return !r.failed;
}

void conditions_fini(struct conditions *c)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->items[i].n_patterns; k++)
            pattern_fini(&c->items[i].patterns[k]);
    *c = (struct conditions){0};
}

/* ---- what they look at ----------------------------------------------------------------------- */

bool conditions_refuse_late(const struct conditions *c, const struct config_section *section,
                            const char *why, struct config_errors *errors)
{
    for (size_t i = c->n - c->n_late; i < c->n; i++)
        config_say(errors, CONFIG_ERROR, section, c->items[i].entry, "%s", why);
    return c->n_late == 0;
}

uint32_t conditions_read_phases(const struct conditions *c)
{
    uint32_t phases = 0;
    for (size_t i = 0; i < c->n; i++)
        phases |= subject_reads(&c->items[i].subject);
    return phases;
}

int conditions_want(const struct conditions *c, struct wants *wants, struct arena *arena)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n; i++)
        r = subject_wants(&c->items[i].subject, wants, arena);
    return r;
}

/* ---- whether they hold ----------------------------------------------------------------------- */

/* NULL: out of memory. */
static struct regex_scratch *scratch_of(struct loop *loop)
{
    if (!loop->regexes) {
        loop->regexes = regex_scratch_new();
        loop->free_regexes = regex_scratch_free;
    }
    return loop->regexes;
}

static enum match condition_holds(const struct condition *c, const struct facts *facts)
{
    struct pattern_value value;
    enum match held = MATCH_NO;
    if (look(&c->subject, facts, &value) < 0)
        return MATCH_FAILED;
    for (size_t i = 0; i < c->n_patterns && held != MATCH_YES; i++) {
        const struct pattern *p = &c->patterns[i];
        enum match one = pattern_matches(p, &value, p->regex ? scratch_of(facts->loop) : NULL);
        held = one == MATCH_NO ? held : one;
    }
    return held;
}

static enum match hold(const struct condition *first, size_t n, const struct facts *facts,
                       const struct condition **ret_failed)
{
    enum match held = MATCH_YES;
    for (size_t i = 0; i < n; i++) {
        enum match one = condition_holds(&first[i], facts);
        if (one == MATCH_NO)
            return MATCH_NO;
        if (one == MATCH_FAILED) {
            held = MATCH_FAILED;
            *ret_failed = &first[i];
        }
    }
    return held;
}

enum match conditions_hold_early(const struct conditions *c, const struct facts *facts,
                                 const struct condition **ret_failed)
{
    return hold(c->items, c->n - c->n_late, facts, ret_failed);
}

enum match conditions_hold_late(const struct conditions *c, const struct facts *facts,
                                const struct condition **ret_failed)
{
    return hold(c->items + (c->n - c->n_late), c->n_late, facts, ret_failed);
}
