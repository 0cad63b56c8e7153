/* When there is no room for one connection more: the longest idle one goes. */
#include "unit/transport/h2/peer.h"

#include <sys/resource.h>

static struct rig rig = {.name = "h2"};
static struct peer busy, peers[3];
static const struct peer_request echo = {0};

static void begin(void)
{
    rig_start(&rig);
    peer_connect(&busy, rig.target);
    peer_request(&busy, 1, echo);
    peer_say(&busy, 1, "1");
    peer_expect(&busy, 1, "1");
}

static void begin_with_three(void)
{
    rig.listener.limits.max_connections = 3;
    begin();
}

static void end(void)
{
    peer_say(&busy, 1, "1"); /* whatever happens, it is left in peace */
    peer_expect(&busy, 1, "1");
    peer_close(&busy);
    rig_end(&rig);
}

TestSuite(room, .init = begin_with_three, .fini = end);
TestSuite(room_descriptors, .init = begin, .fini = end);

/* The server has read all that it says. */
static void connect_idle(struct peer *p)
{
    peer_connect(p, rig.target);
    peer_await(p, NGHTTP2_SETTINGS);
    peer_send_frame(p, NGHTTP2_PING, 0, 0, "12345678", 8);
    peer_await(p, NGHTTP2_PING);
}

static void expect_served(struct peer *p, int32_t id)
{
    peer_request(p, id, echo);
    peer_say(p, id, "1");
    peer_expect(p, id, "1");
}

static void expect_evicted(struct peer *p)
{
    peer_expect_end(p, NGHTTP2_NO_ERROR);
    peer_close(p);
}

Test(room, the_longest_idle_one_goes)
{
    connect_idle(&peers[0]);
    connect_idle(&peers[1]);
    expect_served(&peers[0], 1); /* so that it is idle for less long than the other */
    peer_half_close(&peers[0], 1);
    peer_expect_field(&peers[0], 1, "grpc-status: 0");
    connect_idle(&peers[2]);
    expect_evicted(&peers[1]);
    expect_served(&peers[0], 3);
    expect_served(&peers[2], 1);
    cr_assert_eq(rig_counted(&rig, "max_connections_exceeded"), 1);

    /* Now all have streams: one more is refused. */
    peer_connect(&peers[1], rig.target);
    peer_await(&peers[1], PEER_EOF);
    for (int i = 0; i < 3; i++)
        peer_close(&peers[i]);
    cr_assert_eq(rig_counted(&rig, "max_connections_exceeded"), 2);
}

/* A burst of new connections drives out itself: one that is between two of its streams stays. */
Test(room, one_that_was_served_a_moment_ago_stays)
{
    connect_idle(&peers[0]);
    expect_served(&peers[0], 1);
    peer_half_close(&peers[0], 1);
    peer_expect_field(&peers[0], 1, "grpc-status: 0");
    connect_idle(&peers[1]);
    connect_idle(&peers[2]);
    expect_evicted(&peers[1]);
    expect_served(&peers[0], 3);
    expect_served(&peers[2], 1);
    peer_close(&peers[0]);
    peer_close(&peers[2]);
}

/* One that has said nothing at all is as idle as one can be. */
Test(room, one_that_has_not_begun_goes)
{
    char byte;
    int silent = peer_dial(rig.target);
    connect_idle(&peers[0]);
    connect_idle(&peers[1]);
    cr_assert_leq(recv(silent, &byte, 1, MSG_DONTWAIT), 1);
    while (recv(silent, &byte, 1, 0) > 0)
        ;
    expect_served(&peers[0], 1);
    expect_served(&peers[1], 1);
    close(silent);
    peer_close(&peers[0]);
    peer_close(&peers[1]);
}

/* So that no client keeps others out with streams that cost it nothing. */
Test(room, one_with_silent_streams_goes)
{
    connect_idle(&peers[0]);
    peer_request(&peers[0], 1, echo);
    rig_wait(&rig, &rig.n_open, 2);
    connect_idle(&peers[1]);
    connect_idle(&peers[2]);
    expect_evicted(&peers[0]);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
    expect_served(&peers[1], 1);
    expect_served(&peers[2], 1);
    peer_close(&peers[1]);
    peer_close(&peers[2]);
}

Test(room_descriptors, the_longest_idle_one_goes)
{
    /* Given two connections that are idle, and a process that may open nothing more, */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rlimit old, limit;
    connect_idle(&peers[0]);
    connect_idle(&peers[1]);
    int late = socket(AF_INET, SOCK_STREAM, 0), free_one = dup(late);
    const struct timeval patience = {.tv_sec = WAIT_S};
    setsockopt(late, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    close(free_one);
    getrlimit(RLIMIT_NOFILE, &old);
    limit = old;
    limit.rlim_cur = (rlim_t)free_one;
    setrlimit(RLIMIT_NOFILE, &limit);

    /* when another one comes, */
    address.sin_port = htons((uint16_t)atoi(strchr(rig.target, ':') + 1));
    cr_assert_eq(connect(late, (struct sockaddr *)&address, sizeof address), 0);
    peer_greet(&peers[2], late);

    /* then it is served in the place of the first. */
    expect_served(&peers[2], 1);
    expect_evicted(&peers[0]);
    setrlimit(RLIMIT_NOFILE, &old);
    expect_served(&peers[1], 1);
    peer_close(&peers[1]);
    peer_close(&peers[2]);
    cr_assert_eq(rig_counted(&rig, "descriptors_exceeded"), 1);
}
