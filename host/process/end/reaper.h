/* reaper: process 1 of a container, which is the parent of the service. */
#ifndef EXTPROCD_PROCESS_END_REAPER_H
#define EXTPROCD_PROCESS_END_REAPER_H

#include <stdbool.h>

/* For process 1, before anything else. Returns true in a child, which then runs the service;
 * returns false in process 1 when that child has ended, with its exit code. */
bool reaper_split(int *ret_status);

#endif
