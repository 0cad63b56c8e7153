/* notify: reports the state of the service to the service manager. */
#ifndef EXTPROCD_PROCESS_RUN_NOTIFY_H
#define EXTPROCD_PROCESS_RUN_NOTIFY_H

#include <extproc/plugin.h>

/* Assignments, one a line: "READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=1000000". Does nothing where
 * no manager has asked for it (NOTIFY_SOCKET), and waits no longer than its socket takes. */
EXTPROC_PRINTF(1, 2)
void notify(const char *fmt, ...);

#endif
