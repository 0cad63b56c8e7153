/* acceptor: the second thread, which waits for what gRPC cannot: our listeners, and its owner's
 * notices. */
#ifndef EXTPROCD_TRANSPORT_GRPC_ACCEPTOR_H
#define EXTPROCD_TRANSPORT_GRPC_ACCEPTOR_H

#include "base/loop/loop.h"
#include "transport/doors.h"
#include "transport/grpc/sockets.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <pthread.h>
#include <stdatomic.h>

struct acceptor {
    const struct transport_options *options;
    struct loop *loop;
    struct doors doors;    /* the thread's */
    pthread_mutex_t mutex; /* guards `given` */
    struct sockets given;  /* to gRPC */
    grpc_server **servers; /* that the connections of each listener are given to */
    grpc_server_credentials *credentials;
    struct watch on_order, on_notice;
    int epoll_fd, order_fd; /* -1: none */
    pthread_t thread;
    bool running;
    atomic_int order;
    /* What the thread reports to the loop. */
    struct errand closed, noticed;
};

/* 0 or -errno; then acceptor_fini() is still to be called. Listeners become non-blocking. */
int acceptor_init(struct acceptor *a, const struct transport_options *options, struct loop *loop);
/* Joins the thread. */
void acceptor_fini(struct acceptor *a);

/* Connections of the i-th listener go to this server. */
void acceptor_bind(struct acceptor *a, size_t i, grpc_server *server);
/* 0 or -errno. */
int acceptor_start(struct acceptor *a);
/* In the loop: see transport_ops.adopt. 0 or -errno. */
int acceptor_adopt(struct acceptor *a, size_t i, int fd);
/* Stops accepting; then calls fn(arg) in the loop. */
void acceptor_close(struct acceptor *a, void (*fn)(void *arg), void *arg);
/* After that: breaks the connections that are still open. */
void acceptor_break(struct acceptor *a);

#endif
