/* conn: one connection: its bytes, its limits, its end. Its timeouts are in patience.c.
 *
 * Bytes to send wait until the round ends, and are sent in one write. The channel keeps the bytes
 * that the socket does not accept, and until they are sent the connection is deaf: nothing is read
 * from a client that does not read, so that it cannot fill our memory; if it reads nothing for
 * write_ms, the connection is closed. Bytes that a stream's window does not allow wait in its call,
 * which is reset after the same time.
 *
 *     NEW ──preface──► OPEN ──idle, age, a drain──► DRAINING ──the ping is back──► ENDING ──by force──► STOPPING
 *      │                 │        first GOAWAY, and      │          last GOAWAY       │   streams end       │
 *      │                 │        a ping after it        │                            │                     │
 *      ├─────────────────┴───────a limit is exceeded─────┴────────────────────────────┴─────────────────────┤
 *      │                                                                                               BROKEN
 *      │                                                              ENHANCE_YOUR_CALM; nothing is read │
 *      ├──────────────────────all is sent, nothing more is read: our side is shut────────────────────────┤
 *      │                                                                                            LINGERING
 *      └──────the client is gone; its end is shut, or LINGER_MS are over; STOP_MS are over──────────► DEAD
 *
 * States only go forward, and some are skipped: see may_follow. The one timer of the state is for
 * the preface, the ping, the last bytes of STOPPING and BROKEN, and the client's end.
 *
 * A connection lingers for its client: closing a socket that has unread bytes destroys the bytes
 * that the client has not read yet, which may be its answers, or the reason why its TLS was
 * refused.
 */
#include "transport/h2/conn/conn.h"

#include "base/rows.h"
#include "transport/h2/conn/idle.h"
#include "transport/h2/stream/backpressure.h"
#include "transport/h2/stream/life.h"
#include "transport/metadata.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PING_MS = 2000, /* for the round trip between two GOAWAYs */
    STOP_MS = 500,  /* for what is sent at the very end to be taken */
    LINGER_MS = 1000,
    LINGER_BYTES = 1024 * 1024,
    WRITES_MAX = 4 /* of one connection in one round */
};

int conn_set_timer(struct conn *c, struct timer *timer, uint64_t delay_ms)
{
    return loop_set(c->hub->streams.loop, timer, delay_ms);
}

static void conn_cancel(struct conn *c, struct timer *timer)
{
    loop_cancel(c->hub->streams.loop, timer);
}

static struct limit_place place_of(const struct conn *c)
{
    return (struct limit_place){.listener = c->streams.listener, .peer = c->peer};
}

void conn_exceeds(const struct conn *c, enum limit which, const char *amount)
{
    const struct limit_place place = place_of(c);
    limits_exceeded(&c->hub->streams.limits, which, &place, amount);
}

void conn_exceeds_by(const struct conn *c, enum limit which, size_t amount)
{
    conn_stream_exceeds(c, 0, which, amount);
}

void conn_stream_exceeds(const struct conn *c, int32_t id, enum limit which, size_t amount)
{
    const struct limit_place place = {
        .listener = c->streams.listener, .peer = c->peer, .stream = (uint32_t)id};
    char text[24];
    snprintf(text, sizeof text, "%zu", amount);
    limits_exceeded(&c->hub->streams.limits, which, &place, text);
}

/* ---- states ---------------------------------------------------------------------------------- */

#define STATE(state) (1u << CONN_##state)
static const unsigned may_follow[N_CONN_STATES] = {
    [CONN_NEW] = STATE(OPEN) | STATE(DRAINING) | STATE(ENDING) | STATE(BROKEN) | STATE(LINGERING) |
                 STATE(DEAD),
    [CONN_OPEN] = STATE(DRAINING) | STATE(ENDING) | STATE(BROKEN) | STATE(LINGERING) | STATE(DEAD),
    [CONN_DRAINING] = STATE(ENDING) | STATE(BROKEN) | STATE(LINGERING) | STATE(DEAD),
    [CONN_ENDING] = STATE(STOPPING) | STATE(BROKEN) | STATE(LINGERING) | STATE(DEAD),
    [CONN_STOPPING] = STATE(BROKEN) | STATE(LINGERING) | STATE(DEAD),
    [CONN_BROKEN] = STATE(LINGERING) | STATE(DEAD),
    [CONN_LINGERING] = STATE(DEAD),
    [CONN_DEAD] = 0,
};
ROWS(may_follow, N_CONN_STATES, 8);
#undef STATE

static void become(struct conn *c, enum conn_state state)
{
    assert(may_follow[c->state] & 1u << state);
    c->state = state;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void close_calls(struct conn *c)
{
    while (c->streams.calls)
        h2_call_closed(c->streams.calls, TRANSPORT_LOST);
}

void conn_die(struct conn *c)
{
    struct hub *hub = c->hub;
    if (c->state == CONN_DEAD)
        return;
    become(c, CONN_DEAD);
    close_calls(c);
    http2_close(&c->streams.http2);
    channel_fini(&c->channel);
    conn_cancel(c, &c->timer);
    conn_cancel(c, &c->stall);
    conn_cancel(c, &c->idle);
    conn_cancel(c, &c->age);
    conn_cancel(c, &c->rest);
    backpressure_fini(&c->streams);
    c->metadata = metadata_free(c->metadata);
    idle_take(c);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->next = hub->dead;
    hub->dead = c;
    c->gate->n_conns--;
}

/* All is sent. */
static void conn_shut(struct conn *c)
{
    become(c, CONN_LINGERING);
    close_calls(c);
    http2_close(&c->streams.http2);
    idle_put_gone(c);
    if (channel_end(&c->channel) || conn_set_timer(c, &c->timer, LINGER_MS))
        conn_die(c);
}

static void conn_timer(void *arg)
{
    struct conn *c = arg;
    if (c->state == CONN_DRAINING && channel_is_up(&c->channel)) {
        conn_last_goaway(c);
        return;
    }
    if (c->state == CONN_NEW)
        conn_exceeds(c, LIMIT_HANDSHAKE, NULL);
    conn_die(c);
}

void conn_break(struct conn *c, enum limit which, size_t amount)
{
    if (c->state >= CONN_BROKEN)
        return;
    if (c->state == CONN_DRAINING) /* the ping is not waited for */
        conn_cancel(c, &c->timer);
    become(c, CONN_BROKEN);
    conn_exceeds_by(c, which, amount);
    http2_calm(&c->streams.http2);
    conn_touch(c);
}

void conn_greeted(struct conn *c)
{
    if (c->state != CONN_NEW)
        return;
    become(c, CONN_OPEN);
    conn_cancel(c, &c->timer);
}

void conn_drain(struct conn *c)
{
    if (c->state >= CONN_DRAINING)
        return;
    become(c, CONN_DRAINING);
    http2_announce_end(&c->streams.http2);
    conn_touch(c);
    if (conn_set_timer(c, &c->timer, PING_MS))
        conn_last_goaway(c);
}

void conn_last_goaway(struct conn *c)
{
    if (c->state >= CONN_ENDING)
        return;
    become(c, CONN_ENDING);
    http2_end(&c->streams.http2);
    conn_touch(c);
    conn_cancel(c, &c->timer);
}

void conn_stop(struct conn *c, const char *why)
{
    if (conn_is_over(c))
        return;
    for (struct h2_call *call = c->streams.calls, *next; call; call = next) {
        next = call->next;
        h2_call_abort(call, STATUS_UNAVAILABLE, extproc_str_of(why));
    }
    conn_last_goaway(c);
    if (c->state == CONN_ENDING)
        become(c, CONN_STOPPING);
    /* Not now: it may be one of its own calls that stops us. */
    c->streams.http2.failed |= conn_set_timer(c, &c->timer, STOP_MS) != 0;
    conn_touch(c);
}

/* It does not linger, because its descriptor is needed now. */
void conn_evict(struct conn *c, enum limit which, const char *amount)
{
    conn_exceeds(c, which, amount);
    if (!conn_is_over(c)) {
        conn_last_goaway(c);
        (void)conn_flush(c);
    }
    conn_die(c);
}

/* ---- what is looked at while something waits (patience) -------------------------------------- */

/* The client has stopped inside of something smaller than a message. While we do not read it, it is
 * not the client that is waited for. */
bool conn_is_torn(const struct conn *c)
{
    return !c->deaf && !(seam_is_clean(&c->seam) && channel_is_clean(&c->channel));
}

void conn_await_rest(struct conn *c)
{
    uint64_t limit_ms = c->streams.listener->limits.first_message_ms;
    if (!limit_ms || c->rest.place)
        return;
    c->n_done_before = c->seam.n_done;
    c->streams.http2.failed |= conn_set_timer(c, &c->rest, conn_tick_ms(limit_ms)) != 0;
}

/* While something waits to be taken it is looked at now and then whether it is: so an answer costs
 * no timer. 0 or -ENOMEM. */
int conn_watch_writes(struct conn *c)
{
    bool waits = c->streams.n_queued || c->streams.n_ending || channel_is_full(&c->channel);
    uint64_t limit_ms = c->streams.listener->limits.write_ms;
    if (!waits || !limit_ms || c->stall.place)
        return 0;
    return conn_set_timer(c, &c->stall, conn_tick_ms(limit_ms));
}

/* ---- bytes in -------------------------------------------------------------------------------- */

static void conn_refuse_tls(struct conn *c)
{
    const struct limit_place place = place_of(c);
    limits_tls_failed(&c->hub->streams.limits, &place, tls_why(c->channel.tls));
    conn_shut(c);
}

static void conn_read(struct conn *c)
{
    struct channel_input *input = &c->hub->input;
    size_t len = 0;
    int r = channel_read(&c->channel, input, &len);
    bool good =
        !len || c->hub->ears->feed(c, input->plain, len); /* an end may come after the last bytes */
    if (good && r == -EPROTO)
        conn_refuse_tls(c);
    else if (!good || r)
        conn_die(c);
    else
        conn_touch(c);
    if (c->state != CONN_NEW && !conn_is_over(c) && conn_is_torn(c))
        conn_await_rest(c);
}

/* Reads and discards bytes after the end. */
static void conn_linger(struct conn *c)
{
    size_t len;
    if (channel_skip(&c->channel, &c->hub->input, &len) || (c->n_lingered += len) > LINGER_BYTES)
        conn_die(c);
}

/* ---- bytes out ------------------------------------------------------------------------------- */

/* Listens to the client, or, while the socket is full, for it to take more. 0 or -errno. */
static int conn_listen(struct conn *c)
{
    bool full = channel_is_full(&c->channel);
    if (c->deaf == full)
        return 0;
    c->deaf = full;
    c->moved_ms = c->hub->streams.loop->now_ms;
    uint32_t events = full ? EPOLLOUT : EPOLLIN;
    return watch_change(c->hub->poller->epoll_fd, c->channel.fd, events, &c->watch);
}

/* 0 or -errno. */
static int conn_catch_up(struct conn *c)
{
    int r = channel_catch_up(&c->channel);
    if (r == 1)
        c->moved_ms = c->hub->streams.loop->now_ms;
    return r < 0 ? r : 0;
}

/* One write. 1: there is more to send, 0: there is not, or it must wait; or -errno. */
static int conn_write(struct conn *c)
{
    struct gather *g = &c->hub->streams.gather;
    int more = http2_gather(&c->streams.http2), r = more < 0 ? more : 0;
    if (r == 0 && g->len)
        r = channel_write(&c->channel, g->parts, (size_t)g->n_parts, g->len);
    gather_reset(g);
    return r ? r : more && !channel_is_full(&c->channel);
}

/* The same as conn_flush(), or -errno. */
static int conn_send(struct conn *c)
{
    int more = !channel_is_full(&c->channel) && channel_is_up(&c->channel);
    for (unsigned i = 0; more == 1 && i < WRITES_MAX; i++)
        more = conn_write(c);
    return more;
}

/* There is nothing left to send or to read. */
static bool has_nothing_left(const struct conn *c)
{
    /* After the last GOAWAY we do not wait for streams without a call: their heads are not
     * complete, or the client has not read their refusals. */
    bool may_hear =
        http2_wants_to_read(&c->streams.http2) && !(c->state >= CONN_ENDING && !c->streams.calls);
    return !may_hear && !http2_wants_to_write(&c->streams.http2);
}

bool conn_flush(struct conn *c)
{
    int r = channel_is_full(&c->channel) ? conn_catch_up(c) : 0;
    int more = r ? r : conn_send(c);
    if (more < 0 || conn_listen(c) || conn_watch_writes(c))
        conn_die(c);
    else if (!more && !channel_is_full(&c->channel) && has_nothing_left(c))
        conn_shut(c);
    return more == 1 && c->state != CONN_DEAD;
}

static void conn_ready(struct watch *watch, uint32_t events)
{
    struct conn *c = (struct conn *)watch;
    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_LINGERING)
        conn_linger(c);
    else if (!c->deaf)
        conn_read(c);
    else if (events & (EPOLLERR | EPOLLHUP))
        conn_die(c);
    else
        conn_touch(c);
}

void conn_touch(struct conn *c)
{
    if (c->dirty || conn_is_over(c))
        return;
    c->dirty = true;
    c->next_dirty = c->hub->dirty;
    c->hub->dirty = c;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static int conn_begin(struct conn *c)
{
    struct hub *hub = c->hub;
    c->streams.http2 =
        (struct http2){.gather = &hub->streams.gather, .events = &hub->ears->http2, .arg = c};
    int r = http2_open(&c->streams.http2, hub->callbacks, c->gate->option,
                       &c->streams.listener->limits);
    if (!r)
        r = watch_add(hub->poller->epoll_fd, c->channel.fd, EPOLLIN, &c->watch);
    uint64_t handshake_ms = c->streams.listener->limits.handshake_ms;
    return r || !handshake_ms ? r : conn_set_timer(c, &c->timer, handshake_ms);
}

static void conn_init(struct conn *c, struct gate *gate, const char *peer)
{
    struct hub *hub = gate->hub;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    c->watch.ready = conn_ready;
    c->hub = hub;
    c->gate = gate;
    c->streams.commons = &hub->streams;
    c->streams.owner = &hub->ears->streams;
    c->streams.listener = gate->listener;
    c->streams.peer = c->peer;
    backpressure_init(&c->streams);
    c->timer.fn = conn_timer;
    c->timer.arg = c;
    seam_init(&c->seam);
    c->next = hub->conns;
    c->link = &hub->conns;
    if (c->next)
        c->next->link = &c->next;
    hub->conns = c;
    hub->n_conns++;
    gate->n_conns++;
    idle_put(c);
}

int conn_open(struct gate *gate, int fd, const char *peer, struct tls *tls, struct conn **ret)
{
    struct channel channel;
    channel_init(&channel, fd, tls);
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        channel_fini(&channel);
        return -ENOMEM;
    }
    c->channel = channel;
    conn_init(c, gate, peer);
    int r = conn_begin(c);
    if (r)
        conn_die(c);
    else
        conn_touch(c);
    *ret = c;
    return r;
}
