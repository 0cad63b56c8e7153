/* sockets: the connections that gRPC was given, so that they can be broken in the end. */
#ifndef EXTPROCD_TRANSPORT_GRPC_SOCKETS_H
#define EXTPROCD_TRANSPORT_GRPC_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

/* All zero: none. */
struct sockets {
    uint64_t *cookies; /* by descriptor; 0: none */
    size_t n_cookies;
};

void sockets_fini(struct sockets *s);

/* One more, which is gRPC's from now on. */
void sockets_add(struct sockets *s, int fd);
/* Shuts down those that are still open, in both directions. */
void sockets_break(const struct sockets *s);

#endif
