/* keep: bytes of a body that a plugin wants to see again, together with the next ones
 * (EXTPROC_ACTION_HOLD).
 */
#ifndef EXTPROCD_PLUGIN_RUN_KEEP_H
#define EXTPROCD_PLUGIN_RUN_KEEP_H

#include "plugin/run/turn.h"

/* Where the section has no max_body. */
enum { KEEP_MAX = 1024 * 1024 };

struct kept; /* what one plugin has held of one direction */

/* The most that an instance may hold. */
size_t keep_limit(const struct instance *in);

/* The plugin of turn->place holds the last n bytes of the current body: they do not go on with this
 * message. 0 or -ENOMEM. */
int keep_body(struct turn *turn, size_t n);
/* The plugin in this place comes next: what it holds goes before the current body. 0 or -ENOMEM. */
int keep_rejoin(struct turn *turn, uint16_t place);
/* What plugins hold of a direction: how many bytes, and by whom (NULL: nothing is held). */
const struct instance *keep_holder(const struct txn *t, enum lane lane, size_t *ret_len);
/* Forgets all of it. */
void keep_drop(struct txn *t);

#endif
