/* What the transport makes of HTTP/2 that is not what gRPC's own client would send. */
#include "unit/transport/h2/peer.h"

static struct rig rig = {.name = "h2"};
static struct peer peer;

static void begin(void)
{
    rig.listener.limits.max_message = 1000;
    rig.listener.limits.max_header_list = 4096;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
}

static void end(void)
{
    peer_close(&peer);
    rig_end(&rig);
}

static void begin_deaf(void)
{
    rig.deaf = true;
    begin();
}

TestSuite(http2, .init = begin, .fini = end);
TestSuite(http2_deaf, .init = begin_deaf, .fini = end);

static const struct peer_request echo = {0};

Test(http2, a_call)
{
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "2 times");
    peer_expect_field(&peer, 1, ":status: 200\ncontent-type: application/grpc\n");
    struct peer_frame *f = peer_await(&peer, NGHTTP2_DATA);
    cr_assert_eq(f->len, 2 * (5 + 7)); /* one write, and one frame */
    peer_half_close(&peer, 1);
    f = peer_await(&peer, NGHTTP2_HEADERS);
    cr_assert_str_eq(f->fields, "grpc-status: 0\n");
    cr_assert(f->flags & NGHTTP2_FLAG_END_STREAM);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
}

static const char two[] = "\0\0\0\0\3"
                          "1in"
                          "\0\0\0\0\4"
                          "2two";
enum { TWO_LEN = sizeof two - 1 };

Test(http2, messages_are_split_and_joined_at_any_byte)
{
    for (int i = 0; i <= TWO_LEN; i++) {
        int32_t id = 2 * i + 1;
        peer_request(&peer, id, echo);
        peer_send_frame(&peer, NGHTTP2_DATA, 0, id, two, (size_t)i);
        peer_send_frame(&peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, two + i,
                        (size_t)(TWO_LEN - i));
        peer_expect_field(&peer, id, ":status: 200");
        size_t len = 0;
        while (peer_read(&peer)->type != NGHTTP2_HEADERS)
            len += peer.frame.type == NGHTTP2_DATA ? peer.frame.len : 0;
        cr_assert_eq(len, 8 + 2 * 9);
        cr_assert_str_eq(peer.frame.fields, "grpc-status: 0\n");
    }
}

Test(http2, padding_is_not_a_message)
{
    static const char padded[] = "\3\0\0\0\0\2"
                                 "1a"
                                 "\0\0\0";
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padded, sizeof padded - 1);
    peer_expect(&peer, 1, "1a");
}

Test(http2, what_is_not_grpc_gets_an_answer_of_http)
{
    peer_request(&peer, 1, (struct peer_request){.type = "application/json"});
    peer_expect_field(&peer, 1, ":status: 415\ncontent-type: text/plain\n");
    peer_await(&peer, NGHTTP2_DATA);
    cr_assert_not_null(strstr((const char *)peer.frame.bytes, "This server speaks gRPC"));
    cr_assert(peer.frame.flags & NGHTTP2_FLAG_END_STREAM);
    peer_await(&peer, NGHTTP2_RST_STREAM); /* it need not send the rest */
    peer_request(&peer, 3, (struct peer_request){.type = "application/grpc-web"});
    peer_expect_field(&peer, 3, ":status: 415");
    peer_request(&peer, 5, (struct peer_request){.method = "GET"});
    peer_expect_field(&peer, 5, ":status: 405\ncontent-type: text/plain\nallow: POST\n");
    peer_request(&peer, 7, (struct peer_request){.type = "application/grpc+proto"});
    peer_half_close(&peer, 7);
    peer_expect_field(&peer, 7, "grpc-status: 0");
    cr_assert_eq(rig.n_open, 1);
}

Test(http2, head_gets_no_body)
{
    peer_request(&peer, 1, (struct peer_request){.method = "HEAD"});
    peer_expect_field(&peer, 1, ":status: 405");
    cr_assert(peer.frame.flags & NGHTTP2_FLAG_END_STREAM);
}

Test(http2, a_refusal_is_a_head_alone)
{
    peer_request(&peer, 1, (struct peer_request){.path = "/no%/\xc3\xa4"});
    peer_expect_field(&peer, 1,
                      ":status: 200\ncontent-type: application/grpc\ngrpc-status: 12\n"
                      "grpc-message: unknown method /no%25/%C3%A4\n");
    cr_assert(peer.frame.flags & NGHTTP2_FLAG_END_STREAM);
}

Test(http2, what_comes_after_the_end_is_not_wanted)
{
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "f");
    peer_expect_field(&peer, 1, "grpc-status: 7\ngrpc-message: said to\n");
    struct peer_frame *f = peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_assert_eq(f->bytes[3], NGHTTP2_NO_ERROR);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
}

static void expect_refused(int32_t id, const void *bytes, size_t len, uint8_t flags,
                           const char *line)
{
    peer_request(&peer, id, echo);
    peer_send_frame(&peer, NGHTTP2_DATA, flags, id, bytes, len);
    peer_expect_field(&peer, id, line);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], (unsigned)(id + 1) / 2);
}

Test(http2, frames_that_cannot_be)
{
    expect_refused(1, "\1\0\0\0\0", 5, 0, "grpc-status: 13\n");
    expect_refused(3, "\7\0\0\0\0", 5, 0, "grpc-status: 13\n");
    expect_refused(5, "\0\377\0\0\0", 5, 0,
                   "grpc-status: 8\ngrpc-message: Received message larger than max (4278190080 vs. "
                   "1000)\n");
    expect_refused(7, "\0\0\0\0\5half", 9, NGHTTP2_FLAG_END_STREAM, "grpc-status: 13\n");
    cr_assert_eq(rig.n_message, 0);
    cr_assert_eq(rig.n_half_close, 0);
}

Test(http2, an_unknown_encoding_is_answered_with_the_known_ones)
{
    peer_request(&peer, 1, (struct peer_request){.name = "grpc-encoding", .value = "deflate"});
    peer_say(&peer, 1, "1"); /* need not be compressed */
    peer_expect(&peer, 1, "1");
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "\1\0\0\0\1x", 6);
    peer_expect_field(&peer, 1, "grpc-status: 12\n");
    cr_assert_not_null(strstr(peer.frame.fields, "grpc-accept-encoding: identity,gzip\n"));
}

Test(http2_deaf, a_deadline_is_kept_by_us_too)
{
    peer_request(&peer, 1, (struct peer_request){.name = "grpc-timeout", .value = "30m"});
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 4\n");
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

Test(http2, a_deadline_that_was_not_reached_is_forgotten)
{
    peer_request(&peer, 1, (struct peer_request){.name = "grpc-timeout", .value = "99999999H"});
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0\n");
    peer_request(&peer, 3, (struct peer_request){.name = "grpc-timeout", .value = "soon"});
    peer_expect_field(&peer, 3, "grpc-status: 13\n");
}

/* A window of 1 MiB, and it opens again as messages are taken. */
Test(http2, windows_follow_what_is_taken)
{
    char text[1000] = "0"; /* not answered */
    memset(text + 1, 'x', sizeof text - 2);
    peer_await(&peer, NGHTTP2_SETTINGS);
    peer_request(&peer, 1, echo);
    for (int i = 0; i < 600; i++)
        peer_say(&peer, 1, text);
    struct peer_frame *f;
    do
        f = peer_await(&peer, NGHTTP2_WINDOW_UPDATE);
    while (f->id != 1);
    cr_assert_geq((f->bytes[1] << 16) + (f->bytes[2] << 8) + f->bytes[3], 512 * 1024);
}

/* A listener's own, larger than that of a connection by itself. */
static void begin_wide(void)
{
    rig.listener.limits.stream_window = 32 << 20;
    begin();
}

TestSuite(http2_wide, .init = begin_wide, .fini = end);

static uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

Test(http2_wide, one_stream_may_use_all_of_its_window)
{
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_SETTINGS);
    cr_assert(memcmp(f->bytes, "\0\4", 2) == 0); /* INITIAL_WINDOW_SIZE */
    cr_expect_eq(number_at(f->bytes + 2), 32u << 20);
    f = peer_await(&peer, NGHTTP2_WINDOW_UPDATE);
    cr_expect_eq(f->id, 0);
    cr_expect_eq(number_at(f->bytes), (32u << 20) - 65535);
}

/* Its client has not heard of it yet; the connection's window is not used up by that. */
Test(http2, what_is_still_sent_to_a_refused_stream_is_discarded)
{
    static const uint8_t bytes[PEER_FRAME_MAX];
    for (int32_t id = 1; id < 81; id += 2) {
        peer_request(&peer, id, (struct peer_request){.type = "application/json"});
        for (int i = 0; i < 32; i++)
            peer_send_frame(&peer, NGHTTP2_DATA, 0, id, bytes, sizeof bytes);
    }
    peer_request(&peer, 81, echo);
    peer_say(&peer, 81, "1 as ever");
    while (peer_await(&peer, NGHTTP2_DATA)->id != 81)
        ;
    cr_expect_eq(rig.n_open, 1);
}
