/* listen: an address -> a listening socket. */
#ifndef EXTPROCD_PROCESS_LISTEN_LISTEN_H
#define EXTPROCD_PROCESS_LISTEN_LISTEN_H

#include "base/arena.h"
#include "process/listen/listener.h"

/* A socket, and what has to be cleaned up with it. */
struct listen_socket {
    int fd;
    struct address address; /* as bound: with the port that was free */
    dev_t dev;              /* of a unix socket's file: ours is removed, another's is not */
    ino_t ino;
};

/* 0, or -errno with *ret_why (in the arena) that says what is wrong, and who holds the address as far
 * as the system tells. A socket file that nobody listens on is replaced; a live one never. */
int listen_open(const struct listener_settings *listener, struct arena *arena,
                struct listen_socket *ret, const char **ret_why);
/* Closes it and removes its file, if it is still this one's. */
void listen_close(struct listen_socket *socket);

#endif
