/* conn: one connection: its bytes in and out, the times it may take, its end.
 *
 * What is to be sent waits until the round ends, and goes out in one write. What the socket does not
 * take is copied, and until it is gone the connection is deaf: a client that does not read us is not
 * read either, so that it cannot fill our memory; one that takes nothing for STALL_MS is left.
 *
 *     open ─► draining ─► over: all is sent, nothing more is heard ─► our end is shut ─► its end is, or
 *      │                                                                LINGER_MS are over ─► dead
 *      └─ the client is gone, or breaks a rule ──────────────────────────────────────────────┘
 *
 * Lingering is for the client: to close a socket that has unread bytes destroys what it has not read
 * yet, and that may be its answers.
 *
 * Bytes pass through take_in() and put_out() alone, so that is where they would be encrypted.
 */
#include "transport/h2/http2.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PREFACE_MS = 10000,
    STALL_MS = 30000,
    PING_MS = 2000, /* for the round trip between two GOAWAYs */
    STOP_MS = 500,  /* for what is sent at the very end to be taken */
    LINGER_MS = 1000,
    LINGER_BYTES = 1024 * 1024,
    WRITES_MAX = 4, /* of one connection in one round */
    BURST_CALLS = 4096
};

/* ---- the end ------------------------------------------------------------------------------------ */

static void close_calls(struct conn *c)
{
    while (c->calls)
        h2_call_closed(c->calls);
}

static void conn_die(struct conn *c)
{
    struct hub *hub = c->hub;
    if (c->dead)
        return;
    c->dead = true;
    close_calls(c);
    nghttp2_session_del(c->session);
    c->session = NULL;
    close(c->fd);
    free(c->left);
    timers_cancel(&hub->poller->timers, &c->timer);
    timers_cancel(&hub->poller->timers, &c->stall);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->next = hub->dead;
    hub->dead = c;
}

static int conn_set_timer(struct conn *c, struct timer *timer, uint64_t delay_ms)
{
    return timers_set(&c->hub->poller->timers, timer, poller_due(delay_ms));
}

/* All is sent. */
static void conn_shut(struct conn *c)
{
    close_calls(c);
    nghttp2_session_del(c->session);
    c->session = NULL;
    if (shutdown(c->fd, SHUT_WR) || conn_set_timer(c, &c->timer, LINGER_MS))
        conn_die(c);
}

static void conn_timer(void *arg)
{
    struct conn *c = arg;
    if (c->session && c->draining && !c->hub->stopping) {
        conn_last_goaway(c);
        return;
    }
    if (!c->greeted && c->session && !c->hub->stopping)
        log_line(c->hub->options->log, EXTPROC_INFO, NULL,
                 "listener %s: a connection is closed: it has not said that it is HTTP/2 for %d s",
                 c->listener->name, PREFACE_MS / 1000);
    conn_die(c);
}

static void conn_stalled(void *arg)
{
    struct conn *c = arg;
    log_line(c->hub->options->log, EXTPROC_WARN, NULL,
             "listener %s: a connection is closed: it has not taken what we sent for %d s",
             c->listener->name, STALL_MS / 1000);
    conn_die(c);
}

void conn_break(struct conn *c, const char *what)
{
    if (c->broken)
        return;
    c->broken = true;
    log_line(c->hub->options->log, EXTPROC_WARN, NULL,
             "listener %s: a connection is closed: too many %s", c->listener->name, what);
    http2_calm(c);
    conn_touch(c);
}

void conn_greeted(struct conn *c)
{
    c->greeted = true;
    if (!c->draining)
        timers_cancel(&c->hub->poller->timers, &c->timer);
}

static void conn_drain(struct conn *c)
{
    if (!c->session || c->draining)
        return;
    c->draining = true;
    http2_announce_end(c);
    conn_touch(c);
    if (conn_set_timer(c, &c->timer, PING_MS))
        conn_last_goaway(c);
}

void conn_last_goaway(struct conn *c)
{
    if (c->ended)
        return;
    c->ended = true;
    http2_end(c);
    conn_touch(c);
    timers_cancel(&c->hub->poller->timers, &c->timer);
}

static void conn_stop(struct conn *c)
{
    if (!c->session)
        return;
    for (struct h2_call *call = c->calls, *next; call; call = next) {
        next = call->next;
        h2_call_abort(call, TRANSPORT_UNAVAILABLE, EXTPROC_S("the service stops"));
    }
    conn_last_goaway(c);
    /* Not now: it may be one of its own calls that stops us. */
    c->failed |= conn_set_timer(c, &c->timer, STOP_MS) != 0;
    conn_touch(c);
}

/* ---- bytes in ----------------------------------------------------------------------------------- */

/* 0: the client has ended; or -errno. */
static ssize_t take_in(struct conn *c, uint8_t *bytes, size_t len)
{
    ssize_t n = recv(c->fd, bytes, len, 0);
    return n < 0 ? -errno : n;
}

static bool is_passing(ssize_t error)
{
    return error == -EAGAIN || error == -EINTR;
}

static void conn_read(struct conn *c)
{
    struct hub *hub = c->hub;
    ssize_t n = take_in(c, hub->input, sizeof hub->input);
    if (n < 0 && is_passing(n))
        return;
    if (n <= 0)
        conn_die(c);
    else if (c->session && !http2_feed(c, hub->input, (size_t)n))
        conn_die(c);
    else if (!c->session && (c->n_lingered += (size_t)n) > LINGER_BYTES)
        conn_die(c);
    else
        conn_touch(c);
}

/* ---- bytes out ---------------------------------------------------------------------------------- */

/* What was taken, maybe nothing; or -errno. */
static ssize_t put_out(struct conn *c, const struct iovec *parts, size_t n_parts)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n_parts};
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    if (n < 0)
        return is_passing(-errno) ? 0 : -errno;
    return n;
}

static int conn_listen_to(struct conn *c, uint32_t events)
{
    return watch_change(c->hub->poller->epoll_fd, c->fd, events, &c->watch);
}

/* Keeps what the socket has not taken, until it takes more. */
static int conn_keep(struct conn *c, const struct gather *g, size_t done)
{
    c->left_len = g->len - done;
    c->n_left_done = 0;
    c->left = malloc(c->left_len);
    if (!c->left)
        return -ENOMEM;
    gather_rest(g, done, c->left);
    int r = conn_set_timer(c, &c->stall, STALL_MS);
    return r ? r : conn_listen_to(c, EPOLLOUT);
}

/* Sends what was kept. 0, or -errno. */
static int conn_catch_up(struct conn *c)
{
    struct iovec part = {c->left + c->n_left_done, c->left_len - c->n_left_done};
    ssize_t n = put_out(c, &part, 1);
    if (n < 0)
        return (int)n;
    c->n_left_done += (size_t)n;
    if (c->n_left_done < c->left_len)
        return n ? conn_set_timer(c, &c->stall, STALL_MS) : 0;
    free(c->left);
    c->left = NULL;
    timers_cancel(&c->hub->poller->timers, &c->stall);
    return conn_listen_to(c, EPOLLIN);
}

/* One write. 1: there is more to send, 0: there is not, or it must wait; or -errno. */
static int conn_write(struct conn *c)
{
    struct gather *g = &c->hub->gather;
    int more = http2_gather(c), r = more < 0 ? more : 0;
    if (r == 0 && g->len) {
        ssize_t n = put_out(c, g->parts, (size_t)g->n_parts);
        if (n < 0)
            r = (int)n;
        else if ((size_t)n < g->len)
            r = conn_keep(c, g, (size_t)n);
    }
    gather_reset(g);
    return r ? r : more && !c->left;
}

/* True: it has had its turn, and there is more to send. */
static bool conn_flush(struct conn *c)
{
    int r = c->left ? conn_catch_up(c) : 0;
    bool more = !c->left;
    for (unsigned i = 0; r == 0 && more && i < WRITES_MAX; i++) {
        r = conn_write(c);
        more = r == 1;
        r = r < 0 ? r : 0;
    }
    if (r)
        conn_die(c);
    else if (!c->left && !more && http2_is_over(c))
        conn_shut(c);
    return r == 0 && more;
}

static void conn_ready(struct watch *watch, uint32_t events)
{
    struct conn *c = (struct conn *)watch;
    if (c->dead)
        return;
    if (!c->left)
        conn_read(c);
    else if (events & (EPOLLERR | EPOLLHUP))
        conn_die(c);
    else
        conn_touch(c);
}

void conn_touch(struct conn *c)
{
    if (c->dirty || !c->session)
        return;
    c->dirty = true;
    c->next_dirty = c->hub->dirty;
    c->hub->dirty = c;
}

/* ---- life --------------------------------------------------------------------------------------- */

static int conn_begin(struct conn *c)
{
    int r = http2_open(c);
    if (!r)
        r = watch_add(c->hub->poller->epoll_fd, c->fd, EPOLLIN, &c->watch);
    return r ? r : conn_set_timer(c, &c->timer, PREFACE_MS);
}

void conn_open(struct hub *hub, const struct transport_listener *listener, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    c->watch.ready = conn_ready;
    c->hub = hub;
    c->listener = listener;
    c->fd = fd;
    c->timer.fn = conn_timer;
    c->stall.fn = conn_stalled;
    c->timer.arg = c->stall.arg = c;
    c->next = hub->conns;
    c->link = &hub->conns;
    if (c->next)
        c->next->link = &c->next;
    hub->conns = c;
    hub->n_conns++;
    int r = conn_begin(c);
    if (r) {
        log_line(hub->options->log, EXTPROC_ERROR, NULL, "listener %s: a connection is lost: %s",
                 listener->name, strerror(-r));
        conn_die(c);
        return;
    }
    conn_touch(c);
}

/* ---- all of them -------------------------------------------------------------------------------- */

int hub_init(struct hub *hub, const struct transport_options *options, struct poller *poller,
             struct health *health)
{
    hub->options = options;
    hub->poller = poller;
    hub->health = health;
    return http2_init(hub);
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

/* A burst of calls leaves holes all over the heap, which the C library keeps. */
static void give_back(struct hub *hub)
{
    if (hub->n_calls_peak < BURST_CALLS || hub->n_calls > hub->n_calls_peak / 8)
        return;
    hub->n_calls_peak = hub->n_calls;
    malloc_trim(0);
}

bool hub_flush(struct hub *hub)
{
    struct conn *later = NULL;
    while (hub->dirty) {
        struct conn *c = hub->dirty;
        hub->dirty = c->next_dirty;
        c->dirty = false;
        if (c->session && conn_flush(c) && !c->dirty) {
            c->dirty = true;
            c->next_dirty = later;
            later = c;
        }
    }
    hub->dirty = later;
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
    hub->stopping = true;
    for (struct conn *c = hub->conns, *next; c; c = next) {
        next = c->next;
        conn_stop(c);
    }
}

void hub_fini(struct hub *hub)
{
    while (hub->conns)
        conn_die(hub->conns);
    bury(hub);
    h2_calls_fini(hub);
    http2_fini(hub);
}
