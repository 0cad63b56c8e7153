/*
 * A thread of the load: an epoll loop over its own connections, which it opens again when they are
 * lost. Threads share nothing that is written often: each has its own share of the run.
 *
 * In an open loop it waits for the next stream to be due without sleeping through the last moment:
 * a sleep that ends late by 50 us would be in every latency.
 *
 * It ends when nothing is open and nothing more may begin, when the run is over, or when there has
 * been no connection for a while: a server that is gone cannot be measured.
 */
#include "worker.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SCRATCH_LEN = 256 * 1024, N_EVENTS = 64, TICK_MS = 10 };

static const uint64_t give_up_ns = 5ull * 1000 * 1000 * 1000, ms_ns = 1000 * 1000;

static void open_first(struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns; i++)
        if (!conn_open(&w->conns[i]))
            share_fault(&w->share, FAULT_CONNECT, strerror(errno));
}

static void reopen_lost(struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns; i++) {
        struct conn *c = &w->conns[i];
        if (c->fd < 0 && share_may_begin(&w->share) && clock_ns() >= c->retry_ns && conn_open(c))
            w->share.tally.n_reconnects++;
    }
}

static bool is_open_loop(const struct worker *w)
{
    return w->share.run->opt->rate > 0;
}

static void wake_all(struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns; i++)
        if (w->conns[i].fd >= 0)
            conn_wake(&w->conns[i]);
}

/* The connections take turns; one has all that is due then. */
static void begin_due(struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns && share_is_due(&w->share); i++) {
        struct conn *c = &w->conns[w->n_turns++ % w->n_conns];
        if (c->fd >= 0)
            conn_begin_streams(c);
    }
}

static int patience_ms(const struct worker *w)
{
    uint64_t now_ns = clock_ns(), next_ns = w->share.pace.next_ns;
    if (!is_open_loop(w) || !share_may_begin(&w->share) || next_ns > now_ns + TICK_MS * ms_ns)
        return TICK_MS;
    return next_ns > now_ns ? (int)((next_ns - now_ns) / ms_ns) : 0;
}

static bool is_idle(const struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns; i++)
        if (w->conns[i].fd >= 0 && w->conns[i].client.n_open > 0)
            return false;
    return !share_may_begin(&w->share);
}

static bool is_connected(const struct worker *w)
{
    for (unsigned i = 0; i < w->n_conns; i++)
        if (w->conns[i].fd >= 0)
            return true;
    return false;
}

static void loop(struct worker *w, uint8_t *scratch)
{
    const struct run *run = w->share.run;
    bool was_holding = run->holding;
    uint64_t connected_ns = clock_ns();
    while (run->phase != RUN_OVER && !is_idle(w)) {
        struct epoll_event events[N_EVENTS];
        int n = epoll_wait(w->epoll_fd, events, N_EVENTS, patience_ms(w));
        for (int i = 0; i < n; i++)
            conn_on_event(events[i].data.ptr, events[i].events, scratch, SCRATCH_LEN);
        reopen_lost(w);
        if (is_open_loop(w))
            begin_due(w);
        if (is_connected(w))
            connected_ns = clock_ns();
        if (clock_ns() - connected_ns > give_up_ns) {
            share_fault(&w->share, FAULT_CONNECT, "no connection for 5 s");
            return;
        }
        if (was_holding && !run->holding) {
            was_holding = false;
            wake_all(w);
        }
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    const struct options *opt = w->share.run->opt;
    uint8_t *scratch = mem_new(SCRATCH_LEN, 1);
    if (is_open_loop(w))
        pace_init(&w->share.pace, opt->rate * w->n_conns / opt->n_conns, w->seed);
    open_first(w);
    loop(w, scratch);
    for (unsigned i = 0; i < w->n_conns; i++)
        conn_fini(&w->conns[i]);
    stream_free_spare(&w->share);
    free(w->conns);
    free(scratch);
    close(w->epoll_fd);
    w->share.run->n_working--;
    return NULL;
}

/* What the i-th of n gets of a sum. */
static uint64_t portion(uint64_t sum, unsigned i, unsigned n)
{
    return sum / n + (i < sum % n);
}

void worker_start(struct worker *w, struct run *run, unsigned i)
{
    const struct options *opt = run->opt;
    uint64_t n_allowed = opt->count ? portion(opt->count, i, opt->n_threads) : UINT64_MAX;
    unsigned n_conns = (unsigned)portion(opt->n_conns, i, opt->n_threads);
    *w = (struct worker){
        .share = {.run = run, .n_allowed = n_allowed},
        .conns = mem_new(n_conns, sizeof *w->conns),
        .n_conns = n_conns,
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
        .seed = i,
    };
    if (w->epoll_fd < 0)
        err(2, "epoll_create1");
    for (unsigned c = 0; c < n_conns; c++)
        conn_init(&w->conns[c], &w->share, w->epoll_fd);
    run->n_working++;
    errno = pthread_create(&w->thread, NULL, work, w);
    if (errno)
        err(2, "pthread_create");
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}
