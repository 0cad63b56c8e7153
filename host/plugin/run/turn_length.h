/* turn_length: content-length is the host's: it follows a body that plugins change. */
#ifndef EXTPROCD_PLUGIN_RUN_TURN_LENGTH_H
#define EXTPROCD_PLUGIN_RUN_TURN_LENGTH_H

#include "plugin/run/turn.h"

/* After all plugins were called: sets or removes content-length if the current bytes have changed.
 * 0, -ENOMEM or -ENOSPC. */
int turn_fit_length(struct turn *turn);

/* In a headers phase: should a body that was set wait for the body that it replaces? Then its
 * length can go with it. */
bool turn_holds_body(const struct turn *turn);
/* Keeps it in the transaction. 0 or -ENOMEM. */
int turn_hold_body(struct turn *turn);
/* Does this turn's direction have one? */
bool turn_has_held(const struct turn *turn);
/* A body phase: puts it in the place of the bytes that came. */
void turn_put_body(struct turn *turn);

#endif
