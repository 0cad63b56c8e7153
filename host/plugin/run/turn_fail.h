/* turn_fail: what follows from a plugin's failure, as its section says. */
#ifndef EXTPROCD_PLUGIN_RUN_TURN_FAIL_H
#define EXTPROCD_PLUGIN_RUN_TURN_FAIL_H

#include "plugin/run/turn.h"

/* The stream ends with an error. why absent: out of memory made it so. */
void turn_close(struct turn *turn, struct extproc_str why);
/* The plugin in a place of the chain has failed, which the log has reported: its changes are
 * undone, and it is not called again, in this phase or at all. True: what the operator wants for
 * that is the verdict. */
bool turn_fail(struct turn *turn, uint16_t place);

#endif
