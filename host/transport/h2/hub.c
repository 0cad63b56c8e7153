/* hub: what is done to all connections of a loop.
 *
 * A connection is freed at the end of the round in which it died, so that functions that still use
 * it in that round do not use freed memory.
 */

#include "transport/h2/hub.h"

#include "transport/h2/conn/heard.h"
#include "transport/h2/conn/patience.h"
#include "transport/h2/conn/shed.h"
#include "transport/h2/stream/call.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The memory of a call and of a connection, of all kinds; how much to return to the kernel, and
 * when. */
enum {
    CALL_BYTES = 2 * 1024,
    CONN_BYTES = 32 * 1024,
    RESERVE_MIN = 8 * 1024 * 1024,
    RESERVE_MS = 1000,
    REST_MS = 10 * 1000 /* between two streams of a connection that is in use */
};

/* ---- memory that is no longer used ----------------------------------------------------------- */

/* The memory requested from the C library, approximately. */
static size_t used(const struct hub *hub, size_t n_held)
{
    return n_held + hub->streams.n_calls * CALL_BYTES + hub->n_conns * CONN_BYTES;
}

static bool is_idle_reserve(const struct hub *hub, size_t in_use)
{
    return hub->reserve.most >= in_use + RESERVE_MIN;
}

static void look_later(struct hub *hub)
{
    if (!hub->reserve.look.place && is_idle_reserve(hub, used(hub, hub->streams.n_held)))
        (void)loop_set(hub->streams.loop, &hub->reserve.look, RESERVE_MS);
}

/* Freed memory leaves holes all over the heap, and the C library keeps them. They are returned to
 * the kernel when they have not been needed for a while, so that active connections do not pay for
 * it. */
static void look_at_reserve(void *arg)
{
    struct hub *hub = arg;
    struct reserve *r = &hub->reserve;
    if (is_idle_reserve(hub, r->most_lately)) {
        r->most = r->most_lately;
        message_pool_trim(&hub->streams.pool, MESSAGE_POOL_IDLE);
        h2_calls_drop_idle(&hub->streams);
        malloc_trim(0);
    }
    r->most_lately = used(hub, hub->streams.n_held);
    look_later(hub);
}

static void note_use(struct hub *hub)
{
    struct reserve *r = &hub->reserve;
    size_t n = used(hub, hub->streams.n_held_most);
    hub->streams.n_held_most = hub->streams.n_held;
    if (n > r->most_lately)
        r->most_lately = n;
    if (r->most_lately > r->most)
        r->most = r->most_lately;
    look_later(hub);
}

/* When there are no calls, the buffers of large messages are still in the pool. */
static void give_back(struct hub *hub)
{
    if (hub->streams.n_calls == 0)
        message_pool_trim(&hub->streams.pool, MESSAGE_POOL_IDLE);
    note_use(hub);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int gate_init(struct gate *gate, struct hub *hub, const struct transport_listener *listener,
                     struct arena *arena, const char **ret_why)
{
    const char *file, *why;
    gate->hub = hub;
    gate->strangers.end = &gate->strangers.first;
    gate->known.end = &gate->known.first;
    gate->listener = listener;
    gate->option = http2_option_new(&listener->limits);
    if (!gate->option)
        return -ENOMEM;
    if (!listener->tls.cert)
        return 0;
    int r = tls_context_new(&listener->tls, arena, &gate->tls, &why, &file);
    if (r)
        *ret_why = arena_format(arena, "listener %s: TLS: %s: %s", listener->name, file, why).ptr;
    return r;
}

int hub_init(struct hub *hub, const struct transport_options *options, struct poller *poller,
             struct health *health, struct arena *arena, const char **ret_why)
{
    hub->options = options;
    hub->streams.loop = options->loop;
    hub->poller = poller;
    hub->health = health;
    hub->reserve.look = (struct timer){.fn = look_at_reserve, .arg = hub};
    limits_init(&hub->streams.limits, options);
    hub->ears = &heard;
    hub->callbacks = http2_callbacks_new();
    hub->gates = calloc(options->n_listeners + 1, sizeof *hub->gates);
    if (!hub->callbacks || !hub->gates)
        return -ENOMEM;
    for (size_t i = 0; i < options->n_listeners; i++) {
        int r = gate_init(&hub->gates[i], hub, options->listeners[i], arena, ret_why);
        if (r)
            return r;
    }
    return 0;
}

static void bury(struct hub *hub)
{
    while (hub->dead) {
        struct conn *c = hub->dead;
        hub->dead = c->next;
        free(c);
        if (--hub->n_conns == 0)
            hub->emptied(hub->arg);
    }
}

void hub_fini(struct hub *hub)
{
    while (hub->conns)
        conn_die(hub->conns);
    bury(hub);
    if (hub->streams.loop)
        loop_cancel(hub->streams.loop, &hub->reserve.look);
    h2_calls_fini(&hub->streams);
    nghttp2_session_callbacks_del(hub->callbacks);
    for (size_t i = 0; hub->gates && i < hub->options->n_listeners; i++) {
        nghttp2_option_del(hub->gates[i].option);
        tls_context_unref(hub->gates[i].tls);
    }
    free(hub->gates);
}

/* ---- idle connections ------------------------------------------------------------------------ */

/* If one is NULL: the other one. */
static struct conn *longer_idle(struct conn *a, struct conn *b)
{
    if (!a || !b)
        return a ? a : b;
    return a->idle_since < b->idle_since ? a : b;
}

/* The idle connection that is needed least. A connection that had a stream a moment ago is between
 * two streams: connections that never had one are closed before it, so that a burst of new
 * connections displaces only itself, and no connection in use. */
static struct conn *least_missed(const struct hub *hub, struct conn *stranger, struct conn *known)
{
    bool rests = known && hub->streams.loop->now_ms - known->idle_ms < REST_MS;
    return rests && stranger ? stranger : longer_idle(stranger, known);
}

/* ---- connections ----------------------------------------------------------------------------- */

/* 0 or -ENOMEM. */
static int shake_hands(struct hub *hub, struct gate *gate, struct tls **ret)
{
    *ret = NULL;
    if (!gate->tls)
        return 0;
    tls_context_refresh(gate->tls, loop_now(hub->streams.loop), hub->options->log,
                        gate->listener->name);
    *ret = tls_new(gate->tls);
    return *ret ? 0 : -ENOMEM;
}

/* May one more connection be opened? Closes an idle one to make room if necessary. */
static bool gate_has_room(struct gate *gate, const char *peer)
{
    struct hub *hub = gate->hub;
    const struct limit_place place = {.listener = gate->listener, .peer = peer};
    uint32_t most = gate->listener->limits.max_connections;
    char amount[24];
    if (!most || gate->n_conns < most)
        return true;
    snprintf(amount, sizeof amount, "%zu", gate->n_conns);
    struct conn *c = least_missed(hub, gate->strangers.first, gate->known.first);
    if (c)
        conn_evict(c, LIMIT_ROOM, amount);
    if (gate->n_conns < most)
        return true;
    limits_exceeded(&hub->streams.limits, LIMIT_CONNECTIONS, &place, amount);
    return false;
}

static int open_conn(struct gate *gate, int fd, const char *peer, struct tls *tls)
{
    struct conn *c;
    int r = conn_open(gate, fd, peer, tls, &c);
    if (r)
        return r;
    r = patience_begin(c);
    if (r)
        conn_die(c);
    return r;
}

void hub_admit(struct hub *hub, size_t i, int fd, const char *peer)
{
    struct gate *gate = &hub->gates[i];
    const struct log_context context = {.listener = gate->listener->name, .peer = peer};
    struct tls *tls;
    if (!gate_has_room(gate, peer)) {
        close(fd);
        return;
    }
    int r = shake_hands(hub, gate, &tls);
    if (r)
        close(fd);
    else
        r = open_conn(gate, fd, peer, tls);
    if (r)
        log_line(hub->options->log, EXTPROC_LEVEL_ERROR, &context, "cannot set up connection: %s",
                 strerror(-r));
}

bool hub_make_room(struct hub *hub)
{
    struct conn *stranger = NULL, *known = NULL;
    struct rlimit limit = {0};
    char text[24];
    for (size_t i = 0; i < hub->options->n_listeners; i++) {
        stranger = longer_idle(stranger, hub->gates[i].strangers.first);
        known = longer_idle(known, hub->gates[i].known.first);
    }
    struct conn *least = least_missed(hub, stranger, known);
    if (!least)
        return false;
    getrlimit(RLIMIT_NOFILE, &limit);
    snprintf(text, sizeof text, "%llu", (unsigned long long)limit.rlim_cur);
    conn_evict(least, LIMIT_DESCRIPTORS, text);
    return true;
}

/* ---- all of them ----------------------------------------------------------------------------- */

bool hub_flush(struct hub *hub)
{
    struct conn *later = NULL;
    shed_held(hub);
    while (hub->dirty) {
        struct conn *c = hub->dirty;
        hub->dirty = c->next_dirty;
        c->dirty = false;
        if (!conn_is_over(c) && conn_flush(c) && !c->dirty) {
            c->dirty = true;
            c->next_dirty = later;
            later = c;
        }
    }
    hub->dirty = later;
    hub->streams.n_zipped = 0;
    bury(hub);
    give_back(hub);
    return hub->dirty != NULL;
}

void hub_drain(struct hub *hub)
{
    for (struct conn *c = hub->conns, *next; c; c = next) {
        next = c->next;
        conn_drain(c);
    }
}

void hub_stop(struct hub *hub)
{
    hub->streams.stopping = true;
    for (struct conn *c = hub->conns, *next; c; c = next) {
        next = c->next;
        conn_stop(c, "the service is stopping");
    }
}
