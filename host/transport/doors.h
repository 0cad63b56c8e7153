/* doors: the listeners of the service, in an epoll set, and the connections that come through
 * them. */
#ifndef EXTPROCD_TRANSPORT_DOORS_H
#define EXTPROCD_TRANSPORT_DOORS_H

#include "transport/transport.h"
#include "transport/watch.h"

enum { DOORS_PAUSE_MS = 100 };

struct door {
    struct watch watch;
    struct doors *doors;
    const struct transport_listener *listener;
};

struct doors {
    const struct transport_options *options;
    int epoll_fd;
    struct door *door; /* one for each listener */
    size_t n_door;
    /* Takes over a connection of the i-th listener. peer: its address, see peername_format(). */
    void (*admit)(void *arg, size_t i, int fd, const char *peer);
    /* There is no descriptor left: closes something. False: it cannot. NULL: nothing is closed. */
    bool (*make_room)(void *arg);
    void *arg;
    bool open;   /* the doors are in the poll set                            */
    bool closed; /* permanently                                              */
    bool stuck;  /* accept() fails for a lasting reason, which was logged     */
};

/* Its owner may set make_room then. 0 or -errno; then doors_fini() is still to be called. Listeners
 * become non-blocking. */
int doors_init(struct doors *doors, const struct transport_options *options, int epoll_fd,
               void (*admit)(void *arg, size_t i, int fd, const char *peer), void *arg);
void doors_fini(struct doors *doors);

/* A connection of the i-th listener that another process has accepted: see transport_ops.adopt. 0
 * or -errno. Any thread, if `admit` may be called from any. */
int doors_adopt(const struct doors *doors, size_t i, int fd);

void doors_open(struct doors *doors);
/* Permanently: accepts all waiting connections, and closes the listeners. */
void doors_close(struct doors *doors);
/* True if they must be opened again, DOORS_PAUSE_MS after this was seen. */
bool doors_paused(const struct doors *doors);

#endif
