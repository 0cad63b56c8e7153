/* conditions: the keys of a section that begin with `match.`, `when.` or `unless.`, and whether
 * they hold.
 *
 * A key that is repeated is one condition, and any of its patterns may match; of different keys all
 * must hold. What looks at the response (a late condition) can be asked for apart.
 */
#ifndef EXTPROCD_PLUGIN_CHOOSE_CONDITIONS_H
#define EXTPROCD_PLUGIN_CHOOSE_CONDITIONS_H

#include "base/keys/keys.h"
#include "base/pattern/pattern.h"
#include "plugin/choose/facts.h"
#include "plugin/choose/subject.h"

struct condition {
    struct subject subject;
    const struct config_entry *entry; /* the first of its key */
    struct pattern *patterns;
    size_t n_patterns;
};

/* All zero: none. */
struct conditions {
    struct str_list late;    /* for subject_is_late(), lent: set it before they are read */
    struct condition *items; /* late ones last */
    size_t n, n_late;
};

/* Reads a family of keys ("match.*") of a section into the arena, in which the entries must stay.
 * Errors are added. False: there were some. conditions_fini() is owed in either case. */
bool conditions_read(struct conditions *c, const struct keys *keys, const char *family,
                     const struct config_section *section, struct arena *arena,
                     struct config_errors *errors);
void conditions_fini(struct conditions *c);

/* Says that the late ones have no place here: an error for each. True: there are none. */
bool conditions_refuse_late(const struct conditions *c, const struct config_section *section,
                            const char *why, struct config_errors *errors);

/* The phases, as bits, whose message they look at. */
uint32_t conditions_read_phases(const struct conditions *c);
/* Adds what they look at beside the messages. 0 or -ENOMEM. */
int conditions_want(const struct conditions *c, struct wants *wants, struct arena *arena);

/* Do all hold that are not late, or that are? Those that there are not hold. FAILED: one of them
 * cannot be judged, for *ret_why, and none is known not to hold. */
enum match conditions_hold_early(const struct conditions *c, const struct facts *facts,
                                 const struct condition **ret_failed);
enum match conditions_hold_late(const struct conditions *c, const struct facts *facts,
                                const struct condition **ret_failed);

#endif
