/* doors: the listeners of the service, in an epoll set, and the connections that come through them.
 *
 *                accept fails, and would again
 *          open ───────────────────────────────────► paused, open again after DOORS_PAUSE_MS
 *           ▲  └─ doors_close() ─► closed permanently     │    (from paused as well)
 *           └─────────────────────────────────────────────┘
 *
 * A paused door is not in the poll set, and connections wait in the backlog. Before it is closed
 * permanently, those are accepted: closing a listener resets the connections in its backlog, and a
 * client treats a reset connection as a failed request, but a refused one as a server that is down.
 * The listener is closed and never shut down, because shutdown() would affect the copies that other
 * processes hold.
 */
#include "transport/doors.h"

#include "transport/peername.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* In a row: other processes at the same listener, and other doors, want theirs. */
    ACCEPT_MAX = 16,
    ALIVE_IDLE_S = 60,
    ALIVE_INTERVAL_S = 10,
    ALIVE_PROBES = 6,
    ALIVE_SENT_MS =
        120 * 1000 /* that what we sent may go without the kernel of the peer's saying so */
};

static void door_ready(struct watch *watch, uint32_t events);

int doors_init(struct doors *doors, const struct transport_options *options, int epoll_fd,
               void (*admit)(void *arg, size_t i, int fd, const char *peer), void *arg)
{
    *doors = (struct doors){.options = options, .epoll_fd = epoll_fd, .admit = admit, .arg = arg};
    doors->door = calloc(options->n_listeners + 1, sizeof *doors->door);
    if (!doors->door)
        return -ENOMEM;
    doors->n_door = options->n_listeners;
    for (size_t i = 0; i < doors->n_door; i++) {
        doors->door[i] = (struct door){{door_ready}, doors, options->listeners[i]};
        /* Another process at the same listener may be quicker: accept must not wait then. */
        int fd = options->listeners[i]->fd;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
            return -errno;
    }
    return 0;
}

void doors_fini(struct doors *doors)
{
    free(doors->door);
}

void doors_open(struct doors *doors)
{
    for (size_t i = 0; i < doors->n_door; i++) {
        const struct transport_listener *l = doors->door[i].listener;
        /* Exclusive: of the processes at one listener, not all wake up for each connection. */
        int r = watch_add(doors->epoll_fd, l->fd, EPOLLIN | EPOLLEXCLUSIVE, &doors->door[i].watch);
        if (r)
            log_line(doors->options->log, EXTPROC_LEVEL_ERROR, NULL,
                     "listener %s: %s: cannot poll it: %s", l->name, l->address, strerror(-r));
    }
    doors->open = true;
}

static void shut(struct doors *doors)
{
    for (size_t i = 0; i < doors->n_door; i++)
        (void)epoll_ctl(doors->epoll_fd, EPOLL_CTL_DEL, doors->door[i].listener->fd, NULL);
    doors->open = false;
}

bool doors_paused(const struct doors *doors)
{
    return !doors->open && !doors->closed;
}

static void say_stuck(const struct door *door, int error)
{
    struct doors *doors = door->doors;
    if (!doors->stuck)
        log_line(doors->options->log, EXTPROC_LEVEL_WARN, NULL,
                 "listener %s: %s: accept() failed, pausing: %s", door->listener->name,
                 door->listener->address, strerror(error));
    doors->stuck = true;
}

static void set_option(int fd, int level, int option, int value)
{
    /* None of them is one that a connection could not do without. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* A peer whose machine or network is down does not close its connection. The kernel probes it after
 * ALIVE_IDLE_S, and closes the connection after ALIVE_PROBES probes without an answer. */
static void set_options(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ALIVE_SENT_MS);
}

static void admit(const struct door *door, int fd, const struct sockaddr *address)
{
    const struct doors *doors = door->doors;
    char peer[PEERNAME_MAX];
    peername_format(address, fd, peer);
    if (address->sa_family != AF_UNIX)
        set_options(fd);
    doors->admit(doors->arg, (size_t)(door - doors->door), fd, peer);
}

int doors_adopt(const struct doors *doors, size_t i, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    assert(i < doors->n_door);
    if (getpeername(fd, (struct sockaddr *)&address, &len))
        return -errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return -errno;
    admit(&doors->door[i], fd, (const struct sockaddr *)&address);
    return 0;
}

static void admit_accepted(const struct door *door, int fd, const struct sockaddr *address)
{
    struct doors *doors = door->doors;
    admit(door, fd, address);
    if (doors->stuck)
        log_line(doors->options->log, EXTPROC_LEVEL_INFO, NULL, "listener %s: %s: accepting again",
                 door->listener->name, door->listener->address);
    doors->stuck = false;
}

/* What the next accept() would meet as well: no descriptors, no memory, a listener that was shut
 * down. Anything else is the end of one connection (ECONNABORTED, EPROTO, ...). */
static bool is_lasting(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EINVAL;
}

static bool has_waiting(const struct door *door)
{
    struct pollfd poll_fd = {.fd = door->listener->fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

/* The descriptor, or -errno; -EAGAIN: none waits. The kernel takes a descriptor before it looks
 * whether there is a connection, so that EMFILE alone does not say that one waits. */
static int take(const struct door *door, struct sockaddr *ret_address, socklen_t len)
{
    int fd = accept4(door->listener->fd, ret_address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int error = errno;
    if (fd >= 0)
        return fd;
    return error == EMFILE && !has_waiting(door) ? -EAGAIN : -error;
}

static bool make_room(struct doors *doors)
{
    return doors->make_room && doors->make_room(doors->arg);
}

enum accepted { ACCEPTED_SOME, ACCEPTED_ALL, ACCEPTED_NONE };

/* All: no connection waits. None: connections may wait, but none can be accepted. */
static enum accepted accept_some(const struct door *door)
{
    for (unsigned i = 0; i < ACCEPT_MAX; i++) {
        struct sockaddr_storage address = {0};
        struct sockaddr *peer = (struct sockaddr *)&address;
        int fd = take(door, peer, sizeof address);
        if (fd >= 0)
            admit_accepted(door, fd, peer);
        else if (fd == -EAGAIN)
            return ACCEPTED_ALL;
        else if (is_lasting(-fd) && !(fd == -EMFILE && make_room(door->doors))) {
            say_stuck(door, -fd);
            return ACCEPTED_NONE;
        }
    }
    return ACCEPTED_SOME;
}

static void door_ready(struct watch *watch, uint32_t events)
{
    struct door *door = (struct door *)watch;
    if (!door->doors->open) /* shut by an event before this one */
        return;
    if (accept_some(door) == ACCEPTED_NONE)
        shut(door->doors);
}

void doors_close(struct doors *doors)
{
    if (doors->closed)
        return;
    shut(doors);
    doors->closed = true;
    for (size_t i = 0; i < doors->n_door; i++) {
        while (accept_some(&doors->door[i]) == ACCEPTED_SOME)
            ;
        close(doors->door[i].listener->fd); /* immediately: what comes in between is reset */
    }
}
