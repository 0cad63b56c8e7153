/* What a listener lets its clients do, one limit after another: who goes beyond it ends in the
 * right way, and is counted. */
#include "unit/transport/h2/peer.h"

static struct rig rig = {.name = "h2"};
static struct transport_limits *const limits = &rig.listener.limits;
static struct peer peer, other;
static const struct peer_request echo = {0};

static void begin(void)
{
    rig_start(&rig);
    peer_connect(&peer, rig.target);
}

static void end(const char *counter)
{
    cr_assert_geq(rig_counted(&rig, counter), 1, "%s is not counted", counter);
    peer_close(&peer);
    rig_end(&rig);
}

static void expect_answer(struct peer *p, int32_t id)
{
    peer_say(p, id, "1");
    peer_expect(p, id, "1");
}

static void wait_until_counted(const char *counter)
{
    struct timespec deadline = rig_deadline(), now;
    do {
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "%s is never counted", counter);
        sched_yield();
    } while (!rig_counted(&rig, counter));
}

/* The two steps of a graceful end. */
static void expect_leave(struct peer *p)
{
    struct peer_frame *f = peer_await(p, NGHTTP2_GOAWAY);
    cr_assert(memcmp(f->bytes, "\x7f\xff\xff\xff\0\0\0\0", 8) == 0);
    peer_await(p, NGHTTP2_PING);
    f = peer_await(p, NGHTTP2_GOAWAY);
    cr_assert(memcmp(f->bytes + 4, "\0\0\0\0", 4) == 0);
}

Test(limits, connections)
{
    limits->max_connections = 1;
    begin();
    peer_request(&peer, 1, echo);
    expect_answer(&peer, 1);

    peer_connect(&other, rig.target);
    peer_await(&other, PEER_EOF);
    peer_close(&other);
    expect_answer(&peer, 1);
    end("max_connections_exceeded");
}

Test(limits, connections_that_have_gone_do_not_count)
{
    limits->max_connections = 1;
    begin();
    for (int i = 0; i < 100; i++) {
        peer_connect(&other, rig.target);
        peer_close(&other);
    }
    do { /* until the server has seen that the one before has gone */
        peer_close(&peer);
        peer_connect(&peer, rig.target);
        peer_request(&peer, 1, echo);
        peer_say(&peer, 1, "1");
        while (peer_read(&peer)->type != NGHTTP2_DATA && peer.frame.type != PEER_EOF)
            ;
    } while (peer.frame.type == PEER_EOF);
    end("max_connections_exceeded");
}

Test(limits, a_handshake_that_does_not_come)
{
    char bytes[1024];
    limits->handshake_ms = 50;
    begin();
    int fd = peer_dial(rig.target);
    cr_assert_gt(send(fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN - 1, MSG_NOSIGNAL), 0);
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
    close(fd);

    /* But not one that has come. */
    peer_request(&peer, 1, echo);
    expect_answer(&peer, 1);
    end("handshake_timeout_exceeded");
}

Test(limits, idleness)
{
    limits->idle_ms = 40;
    begin();
    peer_connect(&other, rig.target);
    peer_request(&other, 1, echo);

    expect_leave(&peer);
    peer_await(&peer, PEER_EOF);

    /* But not one that has a call, which has been quiet for as long. */
    expect_answer(&other, 1);
    peer_reset(&other, 1);
    expect_leave(&other);
    peer_close(&other);
    end("idle_timeout_exceeded");
}

Test(limits, age)
{
    limits->age_ms = 50;
    begin();
    peer_request(&peer, 1, echo);
    expect_answer(&peer, 1);
    expect_leave(&peer);

    /* Its calls may finish. */
    expect_answer(&peer, 1);
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0");
    peer_await(&peer, PEER_EOF);
    end("max_connection_age_exceeded");
}

/* And when they have had long enough for it, they are ended. */
Test(limits, grace)
{
    limits->age_ms = 50;
    limits->grace_ms = 50;
    begin();
    peer_request(&peer, 1, echo);
    expect_answer(&peer, 1);
    expect_leave(&peer);
    peer_expect_field(&peer, 1, "grpc-status: 14");
    peer_await(&peer, PEER_EOF);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    end("max_connection_age_grace_exceeded");
}

/* Neither unknown methods nor requests that are not gRPC keep a connection alive. */
Test(limits, idleness_of_one_that_is_always_refused)
{
    static const struct peer_request refused[] = {
        {.path = "/no.such/Method"}, {.method = "GET"}, {.type = "text/html"}};
    struct timespec deadline = rig_deadline(), now;
    limits->idle_ms = 100;
    begin();
    for (int32_t id = 1; peer.frame.type != NGHTTP2_GOAWAY; id += 2) {
        peer_request(&peer, id, refused[(id / 2) % 3]);
        while (peer_read(&peer)->id != id && peer.frame.type != NGHTTP2_GOAWAY)
            ;
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "it stays for ever");
    }
    end("idle_timeout_exceeded");
}

/* It opens all windows, requests far more than sockets hold, and reads nothing. */
Test(limits, one_that_takes_nothing)
{
    enum { N = 65 }; /* 1 MB, which is our window: 9 MB of answers */
    const int few = 4096;
    char text[16000];
    limits->write_ms = 100;
    begin();
    setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    memset(text, '9', sizeof text - 1);
    text[sizeof text - 1] = 0;
    peer_await(&peer, NGHTTP2_SETTINGS); /* and says that it knows our window */
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x3f\xff\xff\xff", 4);
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 1, "\x3f\xff\xff\xff", 4);
    for (int i = 0; i < N && peer_say(&peer, 1, text); i++)
        ;
    wait_until_counted("write_timeout_exceeded");
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
    end("write_timeout_exceeded");
}

/* It reads, but opens the window of none of its calls. */
Test(limits, answers_that_wait)
{
    char text[8000];
    limits->max_queued = 1 << 20;
    begin();
    memset(text, '9', sizeof text - 1);
    text[sizeof text - 1] = 0;
    peer_send_frame(&peer, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\1\0", 6);
    for (int32_t id = 1; id < 100; id += 2) {
        peer_request(&peer, id, echo);
        peer_say(&peer, id, text);
    }
    peer_await(&peer, NGHTTP2_RST_STREAM);

    /* But not one whose answer it takes. */
    peer_request(&peer, 101, echo);
    peer_say(&peer, 101, "1");
    while (peer_await(&peer, NGHTTP2_DATA)->id != 101)
        ;
    end("max_queued_exceeded");
}

Test(limits, continuations)
{
    uint8_t block[PEER_FRAME_MAX];
    limits->max_continuations = 3;
    begin();
    size_t len = peer_put_request(block, echo);
    for (int32_t id = 1; id <= 3; id += 2) { /* as many as it may, and one more */
        peer_send_frame(&peer, NGHTTP2_HEADERS, 0, id, block, len);
        for (int i = 0; i < (id + 1) / 2 + 1; i++)
            peer_send_frame(&peer, NGHTTP2_CONTINUATION, 0, id, NULL, 0);
        peer_send_frame(&peer, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, id, NULL, 0);
    }
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(rig.n_open, 1);
    end("max_continuations_exceeded");
}

Test(limits, idle_frames)
{
    limits->idles = (struct budget_rate){10, 1000000};
    begin();
    for (int i = 0; i < 11; i++)
        peer_send_frame(&peer, NGHTTP2_PING, 0, 0, "12345678", 8);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    end("max_idle_frames_exceeded");
}

Test(limits, resets)
{
    limits->resets = (struct budget_rate){10, 1000000};
    begin();
    for (int32_t id = 1; id < 2 * 11; id += 2) {
        peer_request(&peer, id, echo);
        peer_reset(&peer, id);
    }
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    end("max_resets_exceeded");
}

Test(limits, the_header_list)
{
    char value[120];
    limits->max_header_list = 300;
    begin();
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    peer_request(&peer, 1, (struct peer_request){.name = "x", .value = value});
    peer_expect_field(&peer, 1, "grpc-status: 8");
    end("max_header_list_exceeded");
}

Test(limits, a_message)
{
    limits->max_message = 10;
    begin();
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1 and far too much");
    peer_expect_field(&peer, 1, "grpc-status: 8");
    end("max_message_exceeded");
}

Test(limits, the_window_of_a_stream)
{
    limits->stream_window = 123456;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_SETTINGS);
    const uint8_t wanted[] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 1, 0xe2, 0x40};
    cr_assert_not_null(memmem(f->bytes, f->len, wanted, sizeof wanted));
    peer_close(&peer);
    rig_end(&rig);
}
