/* reaper: process 1 of a container, which is the parent of the service. */
#ifndef EXTPROCD_PROCESS_REAPER_H
#define EXTPROCD_PROCESS_REAPER_H

#include <stdbool.h>

/* For process 1, before anything else: true in a child, which is to be the service; false, when that has
 * ended, with its exit code. */
bool reaper_split(int *ret_status);

#endif
