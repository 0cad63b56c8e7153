/* look: can a listener be opened on this machine, and served? For -t, which opens nothing. */
#ifndef EXTPROCD_PROCESS_LISTEN_LOOK_H
#define EXTPROCD_PROCESS_LISTEN_LOOK_H

#include "process/listen/listener.h"

/* Adds a warning for each thing in the way: it may be there once the service starts, or on the
 * machine on which it will run. */
void listener_look(const struct listener *l, struct arena *arena, struct config_errors *errors);

#endif
