/* holder: which process listens on an address, where the system shows it. */
#ifndef EXTPROCD_PROCESS_LISTEN_HOLDER_H
#define EXTPROCD_PROCESS_LISTEN_HOLDER_H

#include "base/arena.h"
#include "process/listen/address.h"

/* "in use by nginx (pid 4711)", in the arena; "in use by another process" where it cannot be
 * found. */
const char *holder_of_tcp(const struct address *a, struct arena *arena);
/* The same for a unix socket, by a descriptor that is connected to it. */
const char *holder_of_unix(int fd, struct arena *arena);

#endif
