/* grpc: the transport on the gRPC core C API.
 *
 *     acceptor's thread                        the loop's thread
 *     listeners, notices ──errands──► loop ─► completions ◄── completion queue ◄── servers, calls
 *                     └── connections ──► grpc_server, one per listener
 *
 * How it ends, by drain() or stop(), which lame() may have announced:
 *
 *     health NOT_SERVING ─► the acceptor closes its doors ─► what has come by now is handled
 *       ─► servers are shut down: GOAWAY, no new calls ─► open calls end; at the limit, by force
 *       ─► connections whose clients do not take the rest are broken
 *       ─► the last call is over, the last server down: run() returns
 *
 * In that order because a call that gRPC has not yet put into a slot when its server is shut down
 * is lost: its client sees CANCELLED. So nothing new is let in first, and for SETTLE_MS gRPC reads
 * what is there, of the connections that were taken last too. What a client sends until it has seen
 * the GOAWAY is lost all the same, some calls of a busy connection; gRPC has no way to say GOAWAY
 * without shutting down. Only a proxy that looks at our health has left by then: see lame().
 */
#include "transport/grpc/grpc.h"

#include "transport/grpc/acceptor.h"
#include "transport/grpc/log.h"
#include "transport/grpc/server.h"
#include "transport/health.h"

#include <grpc/grpc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HANDLER_SLOTS = 64,
    HEALTH_SLOTS = 2,
    SETTLE_MS = 200,
    STOP_MS = 500 /* for what is sent at the very end to be taken */
};

struct transport {
    struct transport_options options;
    struct limits limits;
    struct completions completions;
    struct timer settle, limit, last; /* of the end, see above: before its steps */
    struct acceptor acceptor;
    struct call_pool calls;
    struct health *health;
    struct server *servers; /* one per listener */
    size_t n_servers;       /* that are up, or were */
    struct tag down;        /* a server is */
    size_t n_down;
    bool ending;   /* drain() or stop() was called                  */
    bool at_once;  /* calls are not waited for                      */
    bool shut;     /* the servers' shutdown has begun               */
    bool finished; /* run() has returned: they are down             */
};

/* A server is down when its connections are gone, which may be before their calls are over. */
static void quit_if_over(void *arg)
{
    struct transport *t = arg;
    if (t->shut && t->n_down == t->n_servers && t->calls.n_calls == 0)
        completions_quit(&t->completions);
}

static void server_is_down(void *owner, bool ok)
{
    struct transport *t = owner;
    t->n_down++;
    quit_if_over(t);
}

static void break_connections(void *arg)
{
    struct transport *t = arg;
    acceptor_break(&t->acceptor);
}

static void cancel_calls(void *arg)
{
    struct transport *t = arg;
    t->at_once = true;
    if (!t->shut)
        return;
    t->calls.stopping = true;
    for (size_t i = 0; i < t->n_servers; i++)
        server_cancel(&t->servers[i]);
    if (loop_set(t->options.loop, &t->last, STOP_MS))
        break_connections(t);
}

static void shut_servers(void *arg)
{
    struct transport *t = arg;
    if (t->shut)
        return;
    t->shut = true;
    for (size_t i = 0; i < t->n_servers; i++)
        server_shutdown(&t->servers[i], &t->down);
    if (t->at_once)
        cancel_calls(t);
    quit_if_over(t);
}

/* In the loop, when the acceptor's doors are closed. */
static void doors_are_closed(void *arg)
{
    struct transport *t = arg;
    if (loop_set(t->options.loop, &t->settle, t->at_once ? 0 : SETTLE_MS))
        shut_servers(t);
}

static void begin_end(struct transport *t)
{
    if (t->ending)
        return;
    t->ending = true;
    health_stop(t->health);
    acceptor_close(&t->acceptor, doors_are_closed, t);
}

static void grpc_lame(struct transport *t)
{
    health_lame(t->health);
}

static void grpc_drain(struct transport *t, uint64_t limit_ms)
{
    /* A limit that cannot be kept is over. */
    if (loop_set(t->options.loop, &t->limit, limit_ms))
        t->at_once = true;
    begin_end(t);
}

static void grpc_stop(struct transport *t)
{
    begin_end(t);
    cancel_calls(t);
}

static void grpc_run(struct transport *t)
{
    loop_enter(t->options.loop);
    completions_run(&t->completions);
    t->finished = true;
    loop_catches_up(t->options.loop);
}

static int grpc_adopt(struct transport *t, size_t i, int fd)
{
    return t->ending ? -ESHUTDOWN : acceptor_adopt(&t->acceptor, i, fd);
}

static struct transport *grpc_destroy(struct transport *t)
{
    if (!t)
        return NULL;
    acceptor_fini(&t->acceptor);
    if (!t->finished) {
        t->at_once = true;
        shut_servers(t);
        completions_run(&t->completions);
    }
    for (size_t i = 0; i < t->n_servers; i++)
        server_fini(&t->servers[i]);
    free(t->servers);
    completions_fini(&t->completions);
    loop_cancel(t->options.loop, &t->settle);
    loop_cancel(t->options.loop, &t->limit);
    loop_cancel(t->options.loop, &t->last);
    call_pool_fini(&t->calls);
    health_free(t->health);
    free(t);
    grpc_shutdown_blocking();
    grpc_log_end();
    return NULL;
}

/* ---- create ---------------------------------------------------------------------------------- */

/* The handlers of a listener, and ours: arrays of n_handlers + N_HEALTH_HANDLERS. */
static void bind_handlers(const struct transport *t, const struct transport_listener *l,
                          struct server_binding *bindings)
{
    const struct transport_options *o = &t->options;
    for (size_t i = 0; i < o->n_handlers; i++)
        bindings[i] = (struct server_binding){&o->handlers[i], l->arg, HANDLER_SLOTS};
    for (size_t i = 0; i < N_HEALTH_HANDLERS; i++)
        bindings[o->n_handlers + i] =
            (struct server_binding){&health_handlers[i], t->health, HEALTH_SLOTS};
}

static int make_servers(struct transport *t, struct arena *arena)
{
    const struct transport_options *o = &t->options;
    size_t n_bindings = o->n_handlers + N_HEALTH_HANDLERS;
    struct server_binding *bindings = arena_array(arena, n_bindings, sizeof *bindings);
    t->servers = calloc(o->n_listeners + 1, sizeof *t->servers);
    if (!bindings || !t->servers)
        return -ENOMEM;
    for (size_t i = 0; i < o->n_listeners; i++) {
        const struct transport_listener *l = o->listeners[i];
        bind_handlers(t, l, bindings);
        int r = server_init(&t->servers[i], l, &t->limits, &t->calls, bindings, n_bindings);
        if (r) {
            server_fini(&t->servers[i]);
            return r;
        }
        t->n_servers++;
        acceptor_bind(&t->acceptor, i, t->servers[i].grpc);
    }
    return 0;
}

static int build(struct transport *t, struct arena *arena)
{
    int r = acceptor_init(&t->acceptor, &t->options, t->options.loop);
    if (r)
        return r;
    t->health = health_new(t->options.health_names, t->options.n_health_names);
    if (!t->health)
        return -ENOMEM;
    r = make_servers(t, arena);
    return r ? r : acceptor_start(&t->acceptor);
}

static int grpc_create(const struct transport_options *options, struct arena *arena,
                       struct transport **ret, const char **ret_why)
{
    struct transport *t = calloc(1, sizeof *t);
    if (!t) {
        *ret_why = "out of memory";
        return -ENOMEM;
    }
    grpc_log_to(options->log);
    grpc_init();
    t->options = *options;
    limits_init(&t->limits, options);
    t->down = (struct tag){server_is_down, t};
    t->calls = (struct call_pool){.ops = &transport_grpc,
                                  .options = &t->options,
                                  .completions = &t->completions,
                                  .emptied = quit_if_over,
                                  .arg = t};
    completions_init(&t->completions, t->options.loop);
    t->settle = (struct timer){.fn = shut_servers, .arg = t};
    t->limit = (struct timer){.fn = cancel_calls, .arg = t};
    t->last = (struct timer){.fn = break_connections, .arg = t};
    int r = build(t, arena);
    if (r) {
        struct extproc_str why = arena_format(arena, "gRPC cannot start: %s", strerror(-r));
        *ret_why = why.ptr ? why.ptr : "out of memory";
        grpc_destroy(t);
        return r;
    }
    *ret = t;
    return 0;
}

const struct transport_ops transport_grpc = {
    .name = "grpc",
    .create = grpc_create,
    .run = grpc_run,
    .adopt = grpc_adopt,
    .lame = grpc_lame,
    .drain = grpc_drain,
    .stop = grpc_stop,
    .destroy = grpc_destroy,
    .max_answer = call_max_answer,
    .reserve = call_reserve,
    .send = call_send,
    .unprompted = call_unprompted,
    .hold = call_hold,
    .resume = call_resume,
    .has_room = call_has_room,
    .metadata = call_metadata,
    .finish = call_finish,
};
