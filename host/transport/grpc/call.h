/* call: one call of a client, from the moment that gRPC hands it over until nothing of it is
 * left. */
#ifndef EXTPROCD_TRANSPORT_GRPC_CALL_H
#define EXTPROCD_TRANSPORT_GRPC_CALL_H

#include "transport/grpc/queue/completions.h"
#include "transport/transport.h"

#include <grpc/grpc.h>

/* What all calls of a loop share. */
struct call_pool {
    const struct transport_ops *ops;
    const struct transport_options *options;
    struct completions *completions;
    struct call *idle; /* memory for calls to come */
    unsigned n_idle;
    unsigned n_calls;           /* that are not over */
    void (*emptied)(void *arg); /* there are none left */
    void *arg;
    struct extproc_str *pieces; /* of the message that is being handed over */
    size_t n_pieces;
    bool stopping; /* calls are being ended: TRANSPORT_STOPPED */
};

void call_pool_fini(struct call_pool *pool);

/* A call that has come, and what came with it. */
struct call_start {
    grpc_call *grpc;
    bool tcp; /* its connection may be corked */
    const struct transport_handler *handler;
    void *arg;
    struct metadata *metadata; /* NULL: none that is wanted */
    grpc_byte_buffer *first;   /* message; NULL: there was none */
};
/* Takes it over, and all of that. */
void call_begin(struct call_pool *pool, const struct call_start *start);
/* Takes a call over only to end it. */
void call_refuse(struct call_pool *pool, grpc_call *grpc, bool tcp, enum status status,
                 struct extproc_str message);

/* struct transport_ops, as far as it is of calls. */
struct extproc_str call_metadata(const struct transport_call *base, const char *name);
size_t call_max_answer(const struct transport_call *base);
uint8_t *call_reserve(struct transport_call *base, size_t len);
void call_send(struct transport_call *base);
void call_unprompted(struct transport_call *base);
void call_hold(struct transport_call *base);
void call_resume(struct transport_call *base);
bool call_has_room(struct transport_call *base);
void call_finish(struct transport_call *base, enum status status, struct extproc_str message);

#endif
