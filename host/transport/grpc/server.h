/* server: one listener's gRPC server: its limits, its methods, and the slots for calls to come. */
#ifndef EXTPROCD_TRANSPORT_GRPC_SERVER_H
#define EXTPROCD_TRANSPORT_GRPC_SERVER_H

#include "transport/grpc/call.h"
#include "transport/limits/limits.h"

/* A handler, and what its open() gets. */
struct server_binding {
    const struct transport_handler *handler;
    void *arg;
    unsigned n_slots; /* calls that can be accepted at a time; others wait */
};

struct server {
    const struct transport_listener *listener;
    const struct limits *limits;
    struct call_pool *pool;
    grpc_server *grpc;
    struct slot *slots;
    size_t n_slots;
};

/* Takes calls from now on. 0 or -errno; then server_fini() is still to be called. */
int server_init(struct server *s, const struct transport_listener *listener,
                const struct limits *limits, struct call_pool *pool,
                const struct server_binding *bindings, size_t n_bindings);
/* Call it after its shutdown, or if server_init() failed. */
void server_fini(struct server *s);

/* No new calls and connections; the tag comes when the last call is over. */
void server_shutdown(struct server *s, struct tag *tag);
/* Ends every call. Call it after server_shutdown(). */
void server_cancel(struct server *s);

#endif
