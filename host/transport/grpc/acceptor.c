/* acceptor: the second thread, which waits for what gRPC cannot: our listeners, and its owner's
 * notices.
 *
 * Connections are ours until they are accepted, then gRPC's (grpc_server_add_channel_from_fd, which
 * may be called from any thread): so those that another process has accepted do not pass through
 * this one. A notice is only passed on; the loop's thread takes it.
 */
#include "transport/grpc/acceptor.h"

#include <grpc/grpc_posix.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 16 };

enum order { ORDER_ACCEPT, ORDER_CLOSE, ORDER_QUIT };

static void notice_ready(struct watch *watch, uint32_t events)
{
    struct acceptor *a = (struct acceptor *)((char *)watch - offsetof(struct acceptor, on_notice));
    loop_put(a->loop, &a->noticed);
}

static void order_ready(struct watch *watch, uint32_t events)
{
    struct acceptor *a = (struct acceptor *)((char *)watch - offsetof(struct acceptor, on_order));
    uint64_t n;
    (void)!read(a->order_fd, &n, sizeof n);
}

static void admit(void *arg, size_t i, int fd, const char *peer)
{
    struct acceptor *a = arg;
    pthread_mutex_lock(&a->mutex);
    sockets_add(&a->given, fd);
    pthread_mutex_unlock(&a->mutex);
    grpc_server_add_channel_from_fd(a->servers[i], fd, a->credentials);
}

static int open_descriptors(struct acceptor *a)
{
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->epoll_fd < 0 || a->order_fd < 0)
        return -errno;
    int r = watch_add(a->epoll_fd, a->order_fd, EPOLLIN, &a->on_order);
    if (r || !a->options->on_notice)
        return r;
    /* Edge-triggered, because it is another thread that reads it. */
    return watch_add(a->epoll_fd, a->options->notice_fd, EPOLLIN | EPOLLET, &a->on_notice);
}

int acceptor_init(struct acceptor *a, const struct transport_options *options, struct loop *loop)
{
    *a = (struct acceptor){
        .options = options,
        .loop = loop,
        .on_order = {order_ready},
        .on_notice = {notice_ready},
        .epoll_fd = -1,
        .order_fd = -1,
        .noticed = {.fn = options->on_notice, .arg = options->arg},
    };
    pthread_mutex_init(&a->mutex, NULL);
    a->credentials = grpc_insecure_server_credentials_create();
    a->servers = calloc(options->n_listeners + 1, sizeof *a->servers);
    if (!a->servers)
        return -ENOMEM;
    int r = open_descriptors(a);
    return r ? r : doors_init(&a->doors, options, a->epoll_fd, admit, a);
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
    loop_recall(a->loop, &a->closed);
    loop_recall(a->loop, &a->noticed);
    close_fd(a->order_fd);
    close_fd(a->epoll_fd);
    doors_fini(&a->doors);
    sockets_fini(&a->given);
    pthread_mutex_destroy(&a->mutex);
    free(a->servers);
    grpc_server_credentials_release(a->credentials);
}

void acceptor_bind(struct acceptor *a, size_t i, grpc_server *server)
{
    a->servers[i] = server;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void *acceptor_main(void *arg)
{
    struct acceptor *a = arg;
    struct epoll_event events[EVENTS_MAX];
    doors_open(&a->doors);
    for (;;) {
        bool waiting = doors_paused(&a->doors);
        int n = epoll_wait(a->epoll_fd, events, EVENTS_MAX, waiting ? DOORS_PAUSE_MS : -1);
        for (int i = 0; i < n; i++)
            watch_ready(&events[i]);
        int order = atomic_load(&a->order); /* after the read that signals a new order */
        if (order == ORDER_QUIT)
            return NULL;
        if (order == ORDER_CLOSE && !a->doors.closed) {
            doors_close(&a->doors);
            loop_put(a->loop, &a->closed);
        }
        if (n == 0 && waiting && doors_paused(&a->doors))
            doors_open(&a->doors);
    }
}

int acceptor_start(struct acceptor *a)
{
    int r = pthread_create(&a->thread, NULL, acceptor_main, a);
    a->running = !r;
    return -r;
}

int acceptor_adopt(struct acceptor *a, size_t i, int fd)
{
    return doors_adopt(&a->doors, i, fd);
}

void acceptor_close(struct acceptor *a, void (*fn)(void *arg), void *arg)
{
    a->closed.fn = fn;
    a->closed.arg = arg;
    give_order(a, ORDER_CLOSE);
}

void acceptor_break(struct acceptor *a)
{
    pthread_mutex_lock(&a->mutex);
    sockets_break(&a->given);
    pthread_mutex_unlock(&a->mutex);
}
