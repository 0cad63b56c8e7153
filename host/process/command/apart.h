/* apart: a command that runs code of plugins, and is over when it has said so. */
#ifndef EXTPROCD_PROCESS_COMMAND_APART_H
#define EXTPROCD_PROCESS_COMMAND_APART_H

#include <stdbool.h>

/* True: in a child, or, where there can be none, here: carry the command out, and say so by
 * apart_done(). False: the child has ended, and *ret_status is what to end with. */
bool apart_split(int *ret_status);
void apart_done(void);

#endif
