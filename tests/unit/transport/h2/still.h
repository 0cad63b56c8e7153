/* still: a connection without a loop: nothing happens but what a test says. */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_H2_STILL_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_H2_STILL_H

#include "transport/h2/h2.h"
#include "transport/h2/hub.h"
#include "unit/transport/h2/peer.h"

static struct hub hub;
static struct loop loop;
static struct poller poller;
static struct peer peer;

static inline bool still_round(void *arg)
{
    return false;
}

static inline void still_nothing(void *arg)
{
}

static inline void still_begin(const struct transport_options *options)
{
    int pair[2];
    const char *why;
    loop_init(&loop, NULL);
    hub.emptied = still_nothing;
    hub.streams.ops = &transport_h2;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(poller_init(&poller, &loop, still_round, NULL), 0);
    cr_assert_eq(hub_init(&hub, options, &poller, NULL, NULL, &why), 0);
    hub_admit(&hub, 0, pair[1], "still");
    peer_greet(&peer, pair[0]);
}

static inline void still_end(void)
{
    hub_fini(&hub);
    poller_fini(&poller);
    loop_fini(&loop);
    peer_close(&peer);
}

/* The connection reads what the peer has sent. */
static inline void still_read(void)
{
    hub.conns->watch.ready(&hub.conns->watch, EPOLLIN);
}

#endif
