/* count: a plugin that keeps the SDK's rule for threads: `self` is only read once init() has
 * returned, what belongs to a transaction is in `ctx`, and what all share goes through the
 * thread-safe verbs. Its own tallies are relaxed, so that they order nothing between threads that
 * could hide a race.
 */
#include "count.h"

#include <errno.h>
#include <stdio.h>

enum { NAME_SIZE = 32 };

struct count_seen count_seen;

static void tally(atomic_uint *what, unsigned n)
{
    atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

struct count {
    struct extproc_metric *chunks, *bytes;
};

struct count_ctx {
    char name[NAME_SIZE];
};

static int count_init(struct extproc_instance *instance)
{
    static struct count self;
    self.chunks = extproc_counter(instance, "chunks", "Chunks of bodies.");
    self.bytes = extproc_histogram(instance, "bytes", "Their lengths.");
    instance->self = &self;
    return self.chunks && self.bytes ? 0 : -ENOMEM;
}

static void count_fini(struct extproc_instance *instance)
{
    tally(&count_seen.n_fini, 1);
    tally(&count_seen.n_open_at_fini, count_seen.n_open);
}

static int count_open(struct extproc_txn *x)
{
    tally(&count_seen.n_open, 1);
    x->ctx = extproc_alloc(x, sizeof(struct count_ctx));
    return x->ctx ? 0 : -ENOMEM;
}

static void count_close(struct extproc_txn *x, enum extproc_end why)
{
    tally(&count_seen.n_open, -1u);
}

static enum extproc_action count_request(struct extproc_txn *x)
{
    struct count_ctx *ctx = x->ctx;
    struct extproc_str name = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-name"));
    snprintf(ctx->name, sizeof ctx->name, "%.*s", EXTPROC_ARG(name));
    extproc_instance_log(x->instance, EXTPROC_LEVEL_INFO, "seen");
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action count_body(struct extproc_txn *x)
{
    const struct count *self = x->self;
    extproc_metric_add(self->chunks, 1);
    extproc_metric_add(self->bytes, extproc_body(x).len);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action count_response(struct extproc_txn *x)
{
    const struct count_ctx *ctx = x->ctx;
    struct extproc_str name = extproc_format(x, "%s", ctx->name);
    extproc_log(x, EXTPROC_LEVEL_INFO, "answered");
    return extproc_header_set(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("x-counted"), name) == 0
               ? EXTPROC_ACTION_CONTINUE
               : EXTPROC_ACTION_FAIL;
}

const struct extproc_plugin count_plugin = {
    .abi = EXTPROC_ABI,
    .name = "count",
    .init = count_init,
    .fini = count_fini,
    .open = count_open,
    .close = count_close,
    .request_headers = count_request,
    .request_body = count_body,
    .response_headers = count_response,
};
