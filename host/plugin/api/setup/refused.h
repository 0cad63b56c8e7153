/* refused: why an edit is refused, in words for who wrote it. */
#ifndef EXTPROCD_PLUGIN_API_SETUP_REFUSED_H
#define EXTPROCD_PLUGIN_API_SETUP_REFUSED_H

#include "http/rules/rules.h"

/* Of one that rules_could_edit() or rules_edit() has refused with r: what, whose rule it is, and
 * what would change it. Without the name of the header; in the arena, or static. Never absent. */
struct extproc_str refused_edit(struct arena *arena, const struct rules *rules,
                                const struct rules_context *context, enum extproc_edit op,
                                struct extproc_str name, struct extproc_str value, int r);

#endif
