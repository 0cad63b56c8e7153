/* Connections that another process has accepted, and what h2 alone has of their listener. */
#include "unit/transport/h2/peer.h"
#include "unit/transport/h2/tls_scene.h"

static struct rig rig = {.name = "h2"};
static struct peer peer;

static void begin_with_tls(void)
{
    given_files();
    rig.listener.tls = rules;
    rig_start(&rig);
}

static void end_with_tls(void)
{
    rig_end(&rig);
    end_the_server();
}

static void begin_with_one(void)
{
    rig.listener.limits.max_connections = 1;
    rig_start(&rig);
}

static void end(void)
{
    rig_end(&rig);
}

TestSuite(adopt_tls, .init = begin_with_tls, .fini = end_with_tls);
TestSuite(adopt_one, .init = begin_with_one, .fini = end);

/* The client's end of a connection that is adopted. */
static int adopt(void)
{
    const struct timeval limit = {.tv_sec = WAIT_S};
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    cr_assert_eq(rig_adopt(&rig, pair[0]), 0);
    return pair[1];
}

Test(adopt_tls, a_connection_has_to_speak_tls_where_its_listener_does)
{
    peer_greet(&peer, adopt());
    uint8_t alert[64];
    while (read(peer.fd, alert, sizeof alert) > 0)
        continue;
    cr_assert_eq(rig_counted(&rig, "tls_failed"), 1);
    peer_close(&peer);
}

Test(adopt_one, it_counts_among_its_listeners_connections)
{
    struct peer second;
    peer_greet(&peer, adopt());
    peer_request(&peer, 1, (struct peer_request){0});
    peer_say(&peer, 1, "1");
    peer_expect(&peer, 1, "1");
    peer_greet(&second, adopt());
    peer_await(&second, PEER_EOF);
    cr_assert_eq(rig_counted(&rig, "max_connections_exceeded"), 1);
    peer_close(&second);
    peer_close(&peer);
}
