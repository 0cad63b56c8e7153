/* listen: an address -> a listening socket. */
#ifndef EXTPROCD_PROCESS_LISTEN_LISTEN_H
#define EXTPROCD_PROCESS_LISTEN_LISTEN_H

#include "base/arena.h"
#include "process/listen/listener.h"

/* Binds and listens. 0, or -errno with *ret_key, the key that is the cause, and *ret_why (in the
 * arena), which says what is wrong, and which process has the address where the system shows it. A
 * socket file without a listener is replaced; one in use never is. */
int listen_open(struct listener *l, struct arena *arena, const char **ret_key,
                const char **ret_why);
/* Removes the file of a unix socket, if it is still this one's: new clients find nothing there. */
void listen_unlink(struct listener *l);
/* The same, and closes it. */
void listen_close(struct listener *l);

#endif
