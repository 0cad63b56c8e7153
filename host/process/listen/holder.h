/* holder: who listens on an address already, as far as the system tells. */
#ifndef EXTPROCD_PROCESS_LISTEN_HOLDER_H
#define EXTPROCD_PROCESS_LISTEN_HOLDER_H

#include "base/arena.h"
#include "process/listen/address.h"

/* "process 4711 (nginx) listens there", in the arena; at the least "another process listens there". */
const char *holder_of_tcp(const struct address *a, struct arena *arena);
/* The same for a unix socket, by a descriptor that is connected to it. */
const char *holder_of_unix(int fd, struct arena *arena);

#endif
