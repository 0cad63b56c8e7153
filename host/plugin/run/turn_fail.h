/* turn_fail: plugins that cannot do their part, and what follows from it. */
#ifndef EXTPROCD_PLUGIN_RUN_TURN_FAIL_H
#define EXTPROCD_PLUGIN_RUN_TURN_FAIL_H

#include "plugin/run/turn.h"

/* The stream ends with an error. why absent: out of memory made it so. */
void turn_close(struct turn *turn, struct extproc_str why);
/* The plugin in a place of the chain has failed, which the log has reported: its changes are
 * undone, and it is not called again, in this phase or at all. True: what the operator wants for
 * that is the verdict. */
bool turn_fail(struct turn *turn, uint16_t place);

/* Do the conditions of an instance let it be called? FAILED: that cannot be decided, which is a
 * failure of turn->place now. */
enum match turn_chooses(struct turn *turn, uint16_t place, enum phase phase);
/* Is the mode of a body not what a plugin needs: of the plugin that was just called, before the
 * next one sees its edits; of any other after the walk, since one before it may answer. True: that
 * was the verdict. */
bool turn_check_called(struct turn *turn);
bool turn_check_needs(struct turn *turn, enum lane lane);
/* The body has ended, as its trailers show, while a plugin holds bytes of it: they can no longer be
 * sent. The same. */
bool turn_cuts_body(struct turn *turn);

#endif
