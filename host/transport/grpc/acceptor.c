/* acceptor: the second thread, which waits for what gRPC cannot: our listeners and signals.
 *
 * Connections are ours until they are accepted, then gRPC's (grpc_server_add_channel_from_fd, which
 * may be called from any thread). Signals are only noticed here; the loop's thread takes them.
 *
 *                accept fails, and would again
 *     doors open ───────────────────────────────────► doors closed, retry after PAUSE_MS
 *         ▲  └─ order CLOSE ─► doors closed for good        │
 *         └─────────────────────────────────────────────────┘
 *
 * A door that is closed is out of the poll set; its descriptor stays its owner's, and connections
 * wait in the backlog.
 */
#include "transport/grpc/acceptor.h"

#include <grpc/grpc_posix.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAUSE_MS = 100,
    ACCEPT_MAX =
        16, /* in a row: other processes at the same listener, and other doors, want theirs */
    EVENTS_MAX = 16
};

enum order { ORDER_ACCEPT, ORDER_CLOSE, ORDER_QUIT };

/* What an event is of: a door's number, or one of these. */
#define EVENT_ORDER  UINT64_MAX
#define EVENT_SIGNAL (UINT64_MAX - 1)

static void take_signals(void *arg)
{
    struct acceptor *a = arg;
    struct signalfd_siginfo info;
    while (read(a->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        a->options->on_signal(a->options->arg, (int)info.ssi_signo);
}

static int watch(struct acceptor *a, int fd, uint32_t events, uint64_t what)
{
    struct epoll_event event = {.events = events, .data.u64 = what};
    return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct acceptor *a)
{
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->signal_fd = signalfd(-1, &a->options->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (a->epoll_fd < 0 || a->order_fd < 0 || a->signal_fd < 0)
        return -errno;
    int r = watch(a, a->order_fd, EPOLLIN, EVENT_ORDER);
    /* Edge-triggered, because it is another thread that reads it. */
    return r ? r : watch(a, a->signal_fd, EPOLLIN | EPOLLET, EVENT_SIGNAL);
}

int acceptor_init(struct acceptor *a, const struct transport_options *options, struct inbox *inbox)
{
    *a = (struct acceptor){
        .options = options,
        .inbox = inbox,
        .epoll_fd = -1,
        .order_fd = -1,
        .signal_fd = -1,
        .signalled = {.fn = take_signals, .arg = a},
    };
    a->credentials = grpc_insecure_server_credentials_create();
    a->doors = calloc(options->n_listeners + 1, sizeof *a->doors);
    if (!a->doors)
        return -ENOMEM;
    a->n_doors = options->n_listeners;
    for (size_t i = 0; i < a->n_doors; i++) {
        a->doors[i].listener = &options->listeners[i];
        /* Another process at the same listener may be quicker: accept must not wait then. */
        int fd = options->listeners[i].fd;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
            return -errno;
    }
    return open_descriptors(a);
}

static void give_order(struct acceptor *a, enum order order)
{
    atomic_store(&a->order, order);
    const uint64_t one = 1;
    /* Fails only where the counter is full, and then the thread is awake anyway. */
    (void)!write(a->order_fd, &one, sizeof one);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void acceptor_fini(struct acceptor *a)
{
    if (a->running) {
        give_order(a, ORDER_QUIT);
        pthread_join(a->thread, NULL);
    }
    close_fd(a->signal_fd);
    close_fd(a->order_fd);
    close_fd(a->epoll_fd);
    free(a->doors);
    grpc_server_credentials_release(a->credentials);
}

void acceptor_bind(struct acceptor *a, size_t i, grpc_server *server)
{
    a->doors[i].server = server;
}

/* ---- the thread --------------------------------------------------------------------------------- */

static void doors_open(struct acceptor *a)
{
    for (size_t i = 0; i < a->n_doors; i++) {
        const struct transport_listener *l = a->doors[i].listener;
        /* Exclusive: of the processes at one listener, not all wake up for each connection. */
        int r = watch(a, l->fd, EPOLLIN | EPOLLEXCLUSIVE, i);
        if (r)
            log_line(a->options->log, EXTPROC_ERROR, NULL,
                     "listener %s: %s: cannot wait for it: %s", l->name, l->address, strerror(-r));
    }
    a->open = true;
}

static void doors_close(struct acceptor *a)
{
    for (size_t i = 0; i < a->n_doors; i++)
        (void)epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, a->doors[i].listener->fd, NULL);
    a->open = false;
}

static void pause_accepting(struct acceptor *a, const struct transport_listener *l, int error)
{
    doors_close(a);
    if (!a->stuck)
        log_line(a->options->log, EXTPROC_WARN, NULL, "listener %s: %s: new connections wait: %s",
                 l->name, l->address, strerror(error));
    a->stuck = true;
}

static void admit(struct acceptor *a, const struct acceptor_door *door, int fd)
{
    if (door->listener->tcp) {
        const int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    grpc_server_add_channel_from_fd(door->server, fd, a->credentials);
    if (a->stuck)
        log_line(a->options->log, EXTPROC_INFO, NULL,
                 "listener %s: %s: connections are taken again", door->listener->name,
                 door->listener->address);
    a->stuck = false;
}

/* What the next accept() would meet as well: no descriptors, no memory, a listener that was shut down.
 * Anything else is the end of one connection (ECONNABORTED, EPROTO, ...). */
static bool is_lasting(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EINVAL;
}

static void accept_some(struct acceptor *a, const struct acceptor_door *door)
{
    for (unsigned i = 0; i < ACCEPT_MAX; i++) {
        int fd = accept4(door->listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admit(a, door, fd);
        else if (is_lasting(errno)) {
            pause_accepting(a, door->listener, errno);
            return;
        } else if (errno == EAGAIN)
            return;
    }
}

static void handle(struct acceptor *a, const struct epoll_event *event)
{
    uint64_t what = event->data.u64, n;
    if (what == EVENT_SIGNAL)
        inbox_put(a->inbox, &a->signalled);
    else if (what == EVENT_ORDER)
        (void)!read(a->order_fd, &n, sizeof n);
    else if (a->open) /* not closed by an event before this one */
        accept_some(a, &a->doors[what]);
}

static void *acceptor_main(void *arg)
{
    struct acceptor *a = arg;
    struct epoll_event events[EVENTS_MAX];
    bool closed = false;
    doors_open(a);
    for (;;) {
        bool waiting = !a->open && !closed;
        int n = epoll_wait(a->epoll_fd, events, EVENTS_MAX, waiting ? PAUSE_MS : -1);
        for (int i = 0; i < n; i++)
            handle(a, &events[i]);
        int order = atomic_load(&a->order); /* behind the read that says there is a new one */
        if (order == ORDER_QUIT)
            return NULL;
        if (order == ORDER_CLOSE && !closed) {
            doors_close(a);
            closed = true;
            inbox_put(a->inbox, &a->closed);
        }
        if (n == 0 && waiting && !closed)
            doors_open(a);
    }
}

int acceptor_start(struct acceptor *a)
{
    int r = pthread_create(&a->thread, NULL, acceptor_main, a);
    a->running = !r;
    return -r;
}

void acceptor_close(struct acceptor *a, void (*fn)(void *arg), void *arg)
{
    a->closed.fn = fn;
    a->closed.arg = arg;
    give_order(a, ORDER_CLOSE);
}
