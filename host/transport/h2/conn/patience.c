/* patience: the times that a connection and what it has begun may take, and what becomes of it
 * afterwards.
 *
 * Nothing here costs a frame or a message anything: timers look now and then at what has happened
 * since.
 */
#include "transport/h2/conn/patience.h"

#include "transport/h2/stream/life.h"

#include <stdio.h>

/* 0: there is no such limit. */
static int set_limit(struct conn *c, struct timer *timer, uint64_t limit_ms)
{
    return limit_ms ? conn_set_timer(c, timer, limit_ms) : 0;
}

/* ---- age and idleness ------------------------------------------------------------------------ */

static void conn_leave(struct conn *c, enum limit why)
{
    if (c->state < CONN_DRAINING)
        conn_exceeds(c, why, NULL);
    conn_drain(c);
}

static void conn_grace_over(void *arg)
{
    struct conn *c = arg;
    if (conn_is_over(c))
        return;
    for (const struct h2_call *call = c->streams.calls; call; call = call->next)
        h2_call_exceeds(call, LIMIT_GRACE, NULL);
    conn_stop(c, "max_connection_age_grace exceeded");
}

static void conn_aged(void *arg)
{
    struct conn *c = arg;
    if (conn_is_over(c))
        return;
    conn_leave(c, LIMIT_AGE);
    c->age.fn = conn_grace_over;
    c->streams.http2.failed |= set_limit(c, &c->age, c->streams.listener->limits.grace_ms) != 0;
}

/* Looks now and then whether there was a call, so that a call costs no timer and no clock. One that
 * ended before a message came was none, and neither was a request that was refused. */
static void conn_quiet(void *arg)
{
    struct conn *c = arg;
    bool quiet = !c->streams.calls && c->streams.n_heard == c->n_heard_before;
    c->n_heard_before = c->streams.n_heard;
    c->n_quiet = quiet ? c->n_quiet + 1 : 0;
    if (c->n_quiet >= CONN_TICKS ||
        conn_set_timer(c, &c->idle, conn_tick_ms(c->streams.listener->limits.idle_ms)))
        conn_leave(c, LIMIT_IDLE);
}

/* ---- the rest of what has begun -------------------------------------------------------------- */

/* One timer for all that may be incomplete, which is set only while something is. */
static void conn_rest(void *arg)
{
    struct conn *c = arg;
    if (conn_is_over(c))
        return;
    bool torn = conn_is_torn(c), stuck = torn && c->seam.n_done == c->n_done_before;
    c->n_stuck = stuck ? c->n_stuck + 1 : 0;
    if (c->n_stuck >= CONN_TICKS) {
        conn_break(c, LIMIT_FRAME_REST, 0);
        return;
    }
    for (struct h2_call *call = c->deaf ? NULL : c->streams.calls, *next; call; call = next) {
        next = call->next;
        intake_look(call, CONN_TICKS);
    }
    if (torn || c->deaf || c->streams.calls)
        conn_await_rest(c);
}

/* ---- answers that do not move ---------------------------------------------------------------- */

static size_t count_stalled(const struct conn *c)
{
    size_t n = 0;
    for (const struct h2_call *call = c->streams.calls; call; call = call->next)
        n += h2_call_is_stalled(call);
    return n;
}

static void reset_stalled(struct conn *c)
{
    for (struct h2_call *call = c->streams.calls, *next; call; call = next) {
        next = call->next;
        if (!h2_call_is_stalled(call))
            continue;
        char amount[24];
        snprintf(amount, sizeof amount, "%zu", call->n_queued);
        h2_call_exceeds(call, LIMIT_STALL, amount);
        h2_call_abort(call, STATUS_DEADLINE_EXCEEDED, EXTPROC_S("write_timeout"));
    }
}

/* Also what the socket has not taken. */
static size_t bytes_waiting(const struct conn *c)
{
    return c->streams.n_queued + c->channel.left_len - c->channel.n_left_done;
}

static bool socket_is_stalled(const struct conn *c)
{
    return channel_is_full(&c->channel) &&
           c->hub->streams.loop->now_ms - c->moved_ms >= c->streams.listener->limits.write_ms;
}

/* A stream that takes nothing is reset. Where the socket takes nothing, or none of the streams
 * does, the connection ends; one that has nothing to take is not to suffer for its neighbours. */
static void conn_look(void *arg)
{
    struct conn *c = arg;
    bool full = channel_is_full(&c->channel);
    size_t n = full ? 0 : count_stalled(c);
    bool over = socket_is_stalled(c);
    if (over)
        conn_exceeds_by(c, LIMIT_WRITE, bytes_waiting(c));
    else if (n && n == c->streams.n_calls)
        conn_break(c, LIMIT_WRITE, bytes_waiting(c));
    else if (n)
        reset_stalled(c);
    if (over || conn_watch_writes(c))
        conn_die(c);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* Connections that have come together do not leave together: up to a tenth earlier. */
static uint64_t spread(const struct conn *c, uint64_t age_ms)
{
    return age_ms - age_ms / 10 * (c->hub->n_conns % 16) / 16;
}

int patience_begin(struct conn *c)
{
    const struct transport_limits *l = &c->streams.listener->limits;
    c->stall.fn = conn_look;
    c->idle.fn = conn_quiet;
    c->age.fn = conn_aged;
    c->rest.fn = conn_rest;
    c->stall.arg = c->idle.arg = c->age.arg = c->rest.arg = c;
    int r = set_limit(c, &c->age, spread(c, l->age_ms));
    return r || !l->idle_ms ? r : conn_set_timer(c, &c->idle, conn_tick_ms(l->idle_ms));
}
