/* Rules of HTTP/2 that our code has a part in, as h2spec tests them: it asks for what we have not
 * got (an answer to GET), so the cases are here on calls. The numbers are h2spec's, and RFC 7540's.
 * The rest of them is nghttp2's alone: tests/interop. */
#include "unit/transport/h2/peer.h"

static struct rig rig = {.name = "h2"};
static struct peer peer;
static const struct peer_request echo = {0};

static void begin(void)
{
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

TestSuite(conformance, .init = begin, .fini = end);
TestSuite(conformance_deaf, .init = begin_deaf, .fini = end);

/* Sets what window streams begin with, several times in one frame. */
static void set_windows(const uint8_t *sizes, size_t n)
{
    uint8_t bytes[2 * 6];
    cr_assert_leq(6 * n, sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        const uint8_t setting[] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, sizes[i]};
        memcpy(bytes + 6 * i, setting, sizeof setting);
    }
    peer_send_frame(&peer, NGHTTP2_SETTINGS, 0, 0, bytes, 6 * n);
}

static void await_settings(void)
{
    while (!(peer_await(&peer, NGHTTP2_SETTINGS)->flags & NGHTTP2_FLAG_ACK))
        ;
}

static void begin_windows_with(uint8_t size)
{
    await_settings(); /* of the greeting */
    set_windows(&size, 1);
    await_settings();
}

static void widen(int32_t id, uint8_t by)
{
    const uint8_t bytes[] = {0, 0, 0, by};
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, id, bytes, sizeof bytes);
}

static void expect_data(int32_t id, size_t len)
{
    struct peer_frame *f = peer_await(&peer, NGHTTP2_DATA);
    cr_assert_eq(f->id, id);
    cr_assert_eq(f->len, len);
}

/* The server has read all that was sent, and there was no DATA in what it had to say. */
static void expect_no_data(void)
{
    peer_send_frame(&peer, NGHTTP2_PING, 0, 0, "12345678", 8);
    while (peer_read(&peer)->type != NGHTTP2_PING)
        cr_assert(peer.frame.type != NGHTTP2_DATA && peer.frame.type != PEER_EOF);
}

static void expect_reset(int32_t id, uint32_t error)
{
    struct peer_frame *f = peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_assert_eq(f->id, id);
    cr_assert_eq(f->bytes[3], error);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

/* The connection does not suffer. */
static void expect_service(int32_t id)
{
    peer_request(&peer, id, echo);
    peer_say(&peer, id, "1 more");
    peer_expect(&peer, id, "1 more");
}

/* ---- windows: 6.5.3, 6.9.1, 6.9.2 ------------------------------------------------------------ */

Test(conformance, an_answer_in_windows_of_one_byte)
{
    begin_windows_with(1);
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1ab");
    for (int i = 0; i < 5 + 3; i++) {
        expect_data(1, 1);
        expect_no_data();
        widen(1, 1);
    }
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0\n");
}

Test(conformance, the_last_of_several_settings_counts)
{
    await_settings();
    set_windows((const uint8_t[]){100, 2}, 2);
    await_settings();
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1ab");
    expect_data(1, 2);
    expect_no_data();
}

Test(conformance, a_window_is_widened_by_settings)
{
    begin_windows_with(0);
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1ab");
    expect_no_data();
    set_windows((const uint8_t[]){3}, 1);
    expect_data(1, 3);
    expect_no_data();
}

Test(conformance, a_window_that_is_negative)
{
    begin_windows_with(3);
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1ab");
    expect_data(1, 3);
    set_windows((const uint8_t[]){0}, 1);
    widen(1, 3); /* from -3 */
    expect_no_data();
    widen(1, 2);
    expect_data(1, 2);
}

/* A status is not DATA, and needs no window. */
Test(conformance, trailers_go_out_without_a_window)
{
    begin_windows_with(0);
    peer_request(&peer, 1, echo);
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0\n");
}

/* ---- half-closed: 5.1, and generic 2 --------------------------------------------------------- */

Test(conformance_deaf, windows_and_priorities_of_a_half_closed_stream)
{
    begin_windows_with(0);
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, "1ab");
    peer_half_close(&peer, 1);
    peer_send_frame(&peer, NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\377", 5);
    widen(1, 8);
    peer_expect(&peer, 1, "1ab");
}

/* Ends the connection: nghttp2 is stricter here than the rule. */
Test(conformance_deaf, data_on_a_half_closed_stream)
{
    peer_request(&peer, 1, echo);
    peer_half_close(&peer, 1);
    peer_say(&peer, 1, "1");
    peer_expect_end(&peer, NGHTTP2_STREAM_CLOSED);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
    cr_assert_eq(rig.n_message, 0);
}

/* ---- malformed requests: 8.1, 8.1.2 ---------------------------------------------------------- */

Test(conformance, trailers_end_a_request)
{
    uint8_t block[64];
    size_t len = peer_put_field(block, "x-end", "1");
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                    block, len);
    peer_expect_field(&peer, 1, "grpc-status: 0\n");
    rig_wait(&rig, &rig.n_half_close, 1);
}

Test(conformance, trailers_that_end_nothing)
{
    uint8_t block[64];
    size_t len = peer_put_field(block, "x-end", "1");
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, len);
    expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.n_half_close, 0);
    expect_service(3);
}

Test(conformance, trailers_with_a_pseudo_header)
{
    uint8_t block[64];
    size_t len = peer_put_field(block, ":path", ECHO_PATH);
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                    block, len);
    expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.n_half_close, 0);
    expect_service(3);
}

Test(conformance, a_content_length_that_is_not_true)
{
    peer_request(&peer, 1, (struct peer_request){.name = "content-length", .value = "100"});
    peer_half_close(&peer, 1);
    expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.n_half_close, 0);
    expect_service(3);
}

/* ---- streams that have closed: 5.1, 5.1.1 ---------------------------------------------------- */

/* RFC 9113 leaves it to us: nghttp2 passes them over, and so no call may see them. */
Test(conformance, what_comes_on_a_closed_stream)
{
    peer_request(&peer, 5, echo);
    peer_say(&peer, 5, "1");
    peer_expect(&peer, 5, "1");
    peer_reset(&peer, 5);
    for (int32_t id = 3; id <= 5; id += 2) { /* 3 was left out */
        peer_request(&peer, id, echo);
        peer_say(&peer, id, "1");
        peer_half_close(&peer, id);
    }
    expect_service(7);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    cr_assert_eq(rig.n_open, 2);
    cr_assert_eq(rig.n_message, 2);
}

/* ---- the end: 6.8 ---------------------------------------------------------------------------- */

Test(conformance, the_client_says_goaway)
{
    peer_request(&peer, 1, echo);
    peer_send_frame(&peer, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    peer_say(&peer, 1, "1");
    peer_expect(&peer, 1, "1");
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0\n");
    peer_await(&peer, PEER_EOF);
}
