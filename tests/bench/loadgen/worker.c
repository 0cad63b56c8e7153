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

static void open_first(struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++)
        if (!conn_open(&side->conns[i]))
            share_fault(&side->share, FAULT_CONNECT, strerror(errno));
}

static void reopen_lost(struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++) {
        struct conn *c = &side->conns[i];
        if (c->fd < 0 && share_may_begin(&side->share) && clock_ns() >= c->retry_ns && conn_open(c))
            side->share.tally.n_reconnects++;
    }
}

static bool is_open_loop(const struct worker *w)
{
    return w->run->opt->rate > 0;
}

static void wake_all(struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++)
        if (side->conns[i].fd >= 0)
            conn_wake(&side->conns[i]);
}

/* The connections take turns; one has all that is due then. */
static void begin_due(struct side *side)
{
    for (unsigned i = 0; i < side->n_conns && share_is_due(&side->share); i++) {
        struct conn *c = &side->conns[side->n_turns++ % side->n_conns];
        if (c->fd >= 0)
            conn_begin_streams(c);
    }
}

static int patience_ms(const struct side *side)
{
    uint64_t now_ns = clock_ns(), next_ns = side->share.pace.next_ns;
    bool is_paced = side->share.pace.mean_ns > 0 && share_may_begin(&side->share);
    if (!is_paced || next_ns > now_ns + TICK_MS * ms_ns)
        return TICK_MS;
    return next_ns > now_ns ? (int)((next_ns - now_ns) / ms_ns) : 0;
}

static bool is_idle(const struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++)
        if (side->conns[i].fd >= 0 && side->conns[i].client.n_open > 0)
            return false;
    return side->n_conns == 0 || !share_may_begin(&side->share);
}

static bool is_connected(const struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++)
        if (side->conns[i].fd >= 0)
            return true;
    return false;
}

static void wait_for_events(struct worker *w, uint8_t *scratch)
{
    struct epoll_event events[N_EVENTS];
    int patience = TICK_MS;
    for (enum party party = 0; party < N_PARTIES; party++) {
        int own = patience_ms(&w->sides[party]);
        patience = own < patience ? own : patience;
    }
    int n = epoll_wait(w->epoll_fd, events, N_EVENTS, patience);
    for (int i = 0; i < n; i++)
        conn_on_event(events[i].data.ptr, events[i].events, scratch, SCRATCH_LEN);
}

static void loop(struct worker *w, uint8_t *scratch)
{
    struct side *measured = &w->sides[PARTY_MEASURED], *neighbours = &w->sides[PARTY_NEIGHBOURS];
    const struct run *run = w->run;
    bool was_holding = run->holding;
    uint64_t connected_ns = clock_ns();
    while (run->phase != RUN_OVER && !(is_idle(measured) && is_idle(neighbours))) {
        wait_for_events(w, scratch);
        for (enum party party = 0; party < N_PARTIES; party++) {
            reopen_lost(&w->sides[party]);
            if (is_open_loop(w))
                begin_due(&w->sides[party]);
        }
        if (is_connected(measured))
            connected_ns = clock_ns();
        if (clock_ns() - connected_ns > give_up_ns) {
            share_fault(&measured->share, FAULT_CONNECT, "no connection for 5 s");
            return;
        }
        if (was_holding && !run->holding) {
            was_holding = false;
            wake_all(measured);
        }
    }
}

static void side_fini(struct side *side)
{
    for (unsigned i = 0; i < side->n_conns; i++)
        conn_fini(&side->conns[i]);
    stream_free_spare(&side->share);
    free(side->conns);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint8_t *scratch = mem_new(SCRATCH_LEN, 1);
    for (enum party party = 0; party < N_PARTIES; party++) {
        struct side *side = &w->sides[party];
        if (side->rate > 0)
            pace_init(&side->share.pace, side->rate, w->seed * N_PARTIES + party);
        open_first(side);
    }
    loop(w, scratch);
    for (enum party party = 0; party < N_PARTIES; party++)
        side_fini(&w->sides[party]);
    free(scratch);
    close(w->epoll_fd);
    w->run->n_working--;
    return NULL;
}

/* What the i-th of n gets of a sum. */
static uint64_t portion(uint64_t sum, unsigned i, unsigned n)
{
    return sum / n + (i < sum % n);
}

static void side_init(struct worker *w, enum party party, unsigned n_conns, double rate)
{
    struct side *side = &w->sides[party];
    *side = (struct side){
        .share = {.run = w->run, .dialogue = &w->run->dialogues[party], .n_allowed = UINT64_MAX},
        .rate = rate,
        .conns = mem_new(n_conns, sizeof *side->conns),
        .n_conns = n_conns,
    };
    for (unsigned i = 0; i < n_conns; i++)
        conn_init(&side->conns[i], &side->share, w->epoll_fd);
}

void worker_start(struct worker *w, struct run *run, unsigned i)
{
    const struct options *opt = run->opt;
    unsigned n_conns = (unsigned)portion(opt->n_conns, i, opt->n_threads);
    *w = (struct worker){.run = run, .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .seed = i};
    if (w->epoll_fd < 0)
        err(2, "epoll_create1");
    side_init(w, PARTY_MEASURED, n_conns, opt->rate * n_conns / opt->n_conns);
    side_init(w, PARTY_NEIGHBOURS, opt->neighbours_rate > 0, opt->neighbours_rate / opt->n_threads);
    if (opt->count)
        w->sides[PARTY_MEASURED].share.n_allowed = portion(opt->count, i, opt->n_threads);
    run->n_working++;
    errno = pthread_create(&w->thread, NULL, work, w);
    if (errno)
        err(2, "pthread_create");
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}
