/* Clients that begin something and do not go on: a stream, a message, a frame, a header block. */
#include "unit/transport/h2/peer.h"

static struct rig rig = {.name = "h2"};
static struct transport_limits *const limits = &rig.listener.limits;
static struct peer peer;
static const struct peer_request echo = {0}, check = {.path = "/grpc.health.v1.Health/Check"},
                                 watch = {.path = "/grpc.health.v1.Health/Watch"};

static void begin(void)
{
    limits->first_message_ms = 80;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
    peer_await(&peer, NGHTTP2_SETTINGS); /* acknowledged: what follows is the test's alone */
}

static void end(void)
{
    cr_assert_geq(rig_counted(&rig, "first_message_timeout_exceeded"), 1);
    peer_close(&peer);
    rig_end(&rig);
}

TestSuite(silence, .init = begin, .fini = end);

static void expect_answer(int32_t id)
{
    peer_say(&peer, id, "1");
    peer_expect(&peer, id, "1");
}

/* The next stream that ends is this one, and that for its silence. */
static void expect_timeout(int32_t id)
{
    peer_expect_field(&peer, id, "grpc-status: 4");
}

Test(silence, a_stream_without_a_message)
{
    peer_request(&peer, 1, echo);
    expect_timeout(1);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);

    /* Its connection goes on. */
    peer_request(&peer, 3, echo);
    expect_answer(3);
}

Test(silence, half_a_message)
{
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "\0\0\0", 3);
    expect_timeout(1);
}

/* A byte now and then is not a message. */
Test(silence, a_first_message_that_drips)
{
    char byte;
    struct timespec deadline = rig_deadline(), now;
    peer_await(&peer, NGHTTP2_SETTINGS);
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "\0\0\377\377\377", 5);
    while (recv(peer.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
        peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "x", 1);
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "it drips for ever");
        sched_yield();
    }
    do
        peer_read(&peer);
    while (peer.frame.type == NGHTTP2_WINDOW_UPDATE);
    cr_assert_eq(peer.frame.type, NGHTTP2_HEADERS);
    cr_assert_not_null(strstr(peer.frame.fields, "grpc-status: 4"));
}

Test(silence, half_a_message_that_is_not_the_first)
{
    peer_request(&peer, 1, echo);
    expect_answer(1);
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "\0\0\0\0\5hell", 9);
    expect_timeout(1);
}

/* What has said all that it has begun may be quiet. */
Test(silence, a_stream_that_has_said_something_stays)
{
    peer_request(&peer, 1, echo);
    expect_answer(1);
    for (int32_t id = 3; id < 9; id += 2) {
        peer_request(&peer, id, echo);
        expect_timeout(id);
    }
    expect_answer(1);
}

Test(silence, health_is_not_an_exception)
{
    peer_request(&peer, 1, watch);
    peer_say(&peer, 1, "");
    peer_expect_field(&peer, 1, ":status: 200");
    peer_request(&peer, 3, check);
    expect_timeout(3);
    peer_request(&peer, 5, watch);
    expect_timeout(5); /* and not 1, which watches */
}

Test(silence, half_the_head_of_a_frame)
{
    peer_send(&peer, "\0\0\10\6", 4);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(silence, half_a_frame)
{
    peer_send(&peer, "\0\0\10\6\0\0\0\0\0ping", 13);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(silence, half_a_header_block)
{
    uint8_t block[1024];
    peer_send_frame(&peer, NGHTTP2_HEADERS, 0, 1, block, peer_put_request(block, echo));
    peer_send_frame(&peer, NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(rig.n_open, 0);
}

/* With its streams: it is unknown which of them the rest of the frame is for. */
Test(silence, half_a_frame_beside_a_stream)
{
    peer_request(&peer, 1, echo);
    expect_answer(1);
    peer_send(&peer, "\0\0\10\0\0\0\0\0\1", 9);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
}
