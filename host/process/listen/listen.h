/* listen: an address -> a listening socket. */
#ifndef EXTPROCD_PROCESS_LISTEN_LISTEN_H
#define EXTPROCD_PROCESS_LISTEN_LISTEN_H

#include "base/arena.h"
#include "process/listen/listener.h"

/* A socket, and what has to be cleaned up with it. */
struct listen_socket {
    int fd;                 /* -1: closed */
    struct address address; /* as bound: with the port that was free */
    dev_t dev;              /* of a unix socket's file: ours is removed, another's is not */
    ino_t ino;
};

/* 0, or -errno with *ret_key, the key that is the cause, and *ret_why (in the arena), which says
 * what is wrong, and which process has the address where the system shows it. A socket file without
 * a listener is replaced; one in use never is. */
int listen_open(const struct listener_settings *listener, struct arena *arena,
                struct listen_socket *ret, const char **ret_key, const char **ret_why);
/* Removes the file of a unix socket, if it is still this one's: new clients find nothing there. */
void listen_unlink(struct listen_socket *socket);
/* The same, and closes it. */
void listen_close(struct listen_socket *socket);

#endif
