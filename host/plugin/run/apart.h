/* apart: the calls of a plugin whose section says `blocking = yes`: in a thread of the pool, while
 * the loop goes on.
 *
 * They are marked as cold, so that they do not become a part of the walk of all other plugins.
 */
#ifndef EXTPROCD_PLUGIN_RUN_APART_H
#define EXTPROCD_PLUGIN_RUN_APART_H

#include "plugin/run/handle.h"

#define APART __attribute__((cold, noinline))

/* As handle_call() and handle_resume(). Mostly WAIT, with turn->called.call set: the pool has the
 * call, and the turn is woken when it has returned, or its time is over. */
APART enum extproc_action apart_call(struct turn *turn, uint16_t place, enum phase phase);
APART enum extproc_action apart_resume(struct turn *turn);
/* It was woken for that. The same results. */
APART enum extproc_action apart_returned(struct turn *turn);
/* The turn of a call that the pool has will not go on. */
APART void apart_abandon(struct turn *turn);
/* close(), where it is owed. False: the pool has it, and txn->calls->go_on() follows. */
APART bool apart_close(struct handle *h, enum extproc_end why);

#undef APART

#endif
