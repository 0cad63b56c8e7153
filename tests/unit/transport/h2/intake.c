/* Messages that come compressed. No loop runs: a test says what comes when. */
#include "transport/h2/stream/intake.h"

#include "transport/h2/stream/life.h"
#include "unit/transport/h2/still.h"

#include <zlib.h>

enum { MAX_MESSAGE = 2 * 1024 * 1024 };

static struct gzip gzip;
static struct transport_call *call;
static bool holds; /* the handler does */
static struct message held[4];
static unsigned n_held;
static char said[128]; /* "letter length" of each message, "end" */

static void *handler_open(void *arg, struct transport_call *opened)
{
    return call = opened;
}

static void handler_message(void *stream, const struct message *message)
{
    struct message whole = *message;
    size_t len = whole.pieces->len, at = strlen(said);
    snprintf(said + at, sizeof said - at, "%c%zu ", len ? *whole.pieces->ptr : '-', len);
    if (holds)
        held[n_held++] = whole;
    else
        message_release(&whole);
}

static void handler_half_close(void *stream)
{
    strcat(said, "end");
}

static void handler_closed(void *stream, enum transport_end why)
{
    call = NULL;
}

static const struct transport_handler handler = {ECHO_PATH, handler_open, handler_message,
                                                 handler_half_close, handler_closed};
static const struct transport_listener listener = {
    .name = "test", .limits = {.max_message = MAX_MESSAGE, .max_header_list = 4096}};
static const struct transport_listener *const listeners[] = {&listener};
static const struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 1, .handlers = &handler, .n_handlers = 1};

static void begin(void)
{
    still_begin(&options);
}

static void end(void)
{
    while (n_held)
        message_release(&held[--n_held]);
    still_end();
    gzip_fini(&gzip);
}

TestSuite(intake, .init = begin, .fini = end);

static void open_with(const char *encoding, const char *accepted)
{
    uint8_t block[1024];
    size_t len =
        peer_put_request(block, (struct peer_request){.name = "grpc-encoding", .value = encoding});
    if (accepted)
        len += peer_put_field(block + len, "grpc-accept-encoding", accepted);
    peer_send_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, len);
}

static size_t put_prefix(uint8_t *to, size_t len)
{
    messages_put_prefix(to, (uint32_t)len);
    to[0] = MESSAGE_PACKED;
    return MESSAGE_PREFIX;
}

/* So many times this letter, compressed and with its prefix. */
static size_t put_packed(uint8_t *to, char letter, size_t len)
{
    uint8_t *letters = malloc(len);
    memset(letters, letter, len);
    size_t packed = gzip_pack(&gzip, letters, (uint32_t)len, to + MESSAGE_PREFIX);
    free(letters);
    cr_assert(packed > 0 && packed < PEER_FRAME_MAX - MESSAGE_PREFIX);
    return put_prefix(to, packed) + packed;
}

static void say_packed(char letter, size_t len)
{
    uint8_t *bytes = malloc(MESSAGE_PREFIX + len);
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, bytes, put_packed(bytes, letter, len));
    free(bytes);
}

Test(intake, compressed_messages_are_split_and_joined_at_any_byte)
{
    uint8_t bytes[2048];
    size_t len = put_packed(bytes, 'a', 1000);
    len += peer_put_message(bytes + len, "between");
    len += put_packed(bytes + len, 'b', 100);
    open_with("gzip", NULL);
    for (size_t i = 0; i <= len; i++) {
        *said = 0;
        peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, bytes, i);
        peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, bytes + i, len - i);
        still_read();
        cr_assert_str_eq(said, "a1000 b7 b100 ", "%zu", i);
    }
    peer_half_close(&peer, 1);
    still_read();
    cr_assert_str_eq(said, "a1000 b7 b100 end");
}

static void expect_refused(const void *bytes, size_t len, const char *lines)
{
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, bytes, len);
    still_read();
    hub_flush(&hub);
    peer_expect_field(&peer, 1, lines);
    cr_assert_str_eq(said, "");
}

Test(intake, what_cannot_be_unpacked_is_refused)
{
    open_with("gzip", NULL);
    expect_refused("\1\0\0\0\5bytes", 10,
                   "grpc-status: 13\ngrpc-message: malformed compressed message: incorrect "
                   "header check\n");
}

Test(intake, what_is_too_large_unpacked_is_refused)
{
    uint8_t *bytes = malloc(MAX_MESSAGE + 100);
    open_with("gzip", NULL);
    expect_refused(bytes, put_packed(bytes, 'a', MAX_MESSAGE + 1),
                   "grpc-status: 8\ngrpc-message: Received message larger than max (more than "
                   "2097152 vs. 2097152)\n");
    free(bytes);
}

Test(intake, what_is_too_large_compressed_is_refused_before_it_has_come)
{
    open_with("gzip", NULL);
    expect_refused("\1\0\40\0\1", 5,
                   "grpc-status: 8\ngrpc-message: Received message larger than max (2097153 vs. "
                   "2097152)\n");
}

Test(intake, a_compressed_message_of_nothing_is_one)
{
    open_with("gzip", NULL);
    peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, "\1\0\0\0\0", 5);
    still_read();
    cr_assert_str_eq(said, "-0 ");
}

/* ---- while the handler holds some ------------------------------------------------------------ */

static void give_back_first(void)
{
    message_release(&held[0]);
    memmove(held, held + 1, --n_held * sizeof *held);
}

static void next_round(void)
{
    hub_flush(&hub);
    loop_begins_round(&loop);
    loop_fires(&loop);
}

static void say_three(void)
{
    holds = true;
    open_with("gzip", NULL);
    say_packed('a', MAX_MESSAGE);
    say_packed('b', 1000);
    peer_say(&peer, 1, "c");
    peer_half_close(&peer, 1);
    still_read();
}

Test(intake, the_rest_waits_and_comes_from_the_loop)
{
    say_three();
    cr_assert_str_eq(said, "a2097152 ");
    give_back_first();
    cr_assert_str_eq(said, "a2097152 ");
    next_round();
    cr_assert_str_eq(said, "a2097152 b1000 c1 end");
}

Test(intake, a_half_close_is_reported_once)
{
    say_three();
    give_back_first();
    next_round();
    give_back_first();
    give_back_first();
    next_round();
    cr_assert_str_eq(said, "a2097152 b1000 c1 end");
}

Test(intake, the_window_opens_when_nothing_waits)
{
    const struct h2_call *h2;
    say_three();
    h2 = (const struct h2_call *)call;
    give_back_first();
    cr_assert_gt(h2->n_unread, 0);
    holds = false;
    next_round();
    cr_assert_eq(h2->n_unread, 0);
}

Test(intake, what_waits_when_the_call_ends_is_never_delivered)
{
    say_three();
    give_back_first();
    peer_reset(&peer, 1);
    still_read();
    cr_assert_null(call);
    next_round();
    cr_assert_str_eq(said, "a2097152 ");
}

Test(intake, what_is_held_when_the_call_ends_can_be_returned)
{
    say_three();
    peer_reset(&peer, 1);
    still_read();
    cr_assert_eq(hub.streams.n_calls, 1);
    give_back_first();
    cr_assert_eq(hub.streams.n_calls, 0);
}

/* Those that it had before it held the call are among those that are counted. */
Test(intake, what_waits_while_the_call_is_held_comes_in_its_order)
{
    holds = true;
    open_with("identity", NULL);
    peer_say(&peer, 1, "a");
    still_read();
    transport_hold(call);
    peer_say(&peer, 1, "bb");
    peer_say(&peer, 1, "ccc");
    peer_half_close(&peer, 1);
    still_read();
    give_back_first();
    next_round();
    cr_assert_str_eq(said, "a1 ");
    transport_resume(call);
    cr_assert_str_eq(said, "a1 ");
    next_round();
    cr_assert_str_eq(said, "a1 b2 c3 end");
    give_back_first();
    give_back_first();
    cr_assert_eq(hub.streams.n_held, 0);
}

Test(intake, compressed_messages_stay_packed_while_the_call_is_held)
{
    open_with("gzip", NULL);
    still_read();
    transport_hold(call);
    say_packed('a', MAX_MESSAGE);
    say_packed('b', 1000);
    peer_half_close(&peer, 1);
    still_read();
    next_round();
    cr_assert_str_eq(said, "");
    cr_assert_lt(hub.streams.n_held, MAX_MESSAGE / 4);
    transport_resume(call);
    next_round();
    next_round();
    cr_assert_str_eq(said, "a2097152 b1000 end");
}

Test(intake, a_turn_that_comes_while_the_call_is_held_passes)
{
    say_three();
    give_back_first();
    transport_hold(call);
    next_round();
    cr_assert_str_eq(said, "a2097152 ");
    transport_resume(call);
    next_round();
    cr_assert_str_eq(said, "a2097152 b1000 c1 end");
}

Test(intake, memory_that_is_needed_for_a_call_that_is_held_ends_it)
{
    holds = true;
    open_with("identity", NULL);
    peer_say(&peer, 1, "a");
    still_read();
    transport_hold(call);
    peer_say(&peer, 1, "bb");
    still_read();
    h2_call_shed(hub.conns->streams.calls, EXTPROC_S("too much"));
    cr_assert_eq(hub.streams.n_held, 0);
    hub_flush(&hub);
    peer_expect_field(&peer, 1, "grpc-status: 8\n");
    cr_assert_str_eq(said, "a1 ");
}

/* ---- turns ----------------------------------------------------------------------------------- */

enum { ROUND = 1024 * 1024 };

Test(intake, a_round_unpacks_at_most_a_megabyte)
{
    open_with("gzip", NULL);
    say_packed('a', ROUND);
    say_packed('b', ROUND);
    say_packed('c', ROUND / 2);
    say_packed('d', ROUND / 2);
    still_read();
    cr_assert_str_eq(said, "a1048576 ");
    next_round();
    cr_assert_str_eq(said, "a1048576 b1048576 ");
    next_round();
    cr_assert_str_eq(said, "a1048576 b1048576 c524288 d524288 ");
}

Test(intake, who_comes_later_has_a_later_turn)
{
    open_with("gzip", NULL);
    say_packed('a', ROUND);
    say_packed('b', ROUND);
    still_read();
    hub_flush(
        &hub); /* the next round may unpack as much again, but it begins with those that wait */
    say_packed('c', 100);
    peer_half_close(&peer, 1);
    still_read();
    cr_assert_str_eq(said, "a1048576 ");
    next_round();
    cr_assert_str_eq(said, "a1048576 b1048576 ");
    next_round();
    cr_assert_str_eq(said, "a1048576 b1048576 c100 end");
}

Test(intake, a_call_that_ends_before_its_turn_leaves_the_others_theirs)
{
    open_with("gzip", NULL);
    say_packed('a', ROUND);
    say_packed('b', ROUND);
    still_read();
    peer_reset(&peer, 1);
    still_read();
    cr_assert_eq(hub.streams.n_later, 0);
    next_round();
    cr_assert_str_eq(said, "a1048576 ");
}

/* ---- answers --------------------------------------------------------------------------------- */

static void answer(const uint8_t *bytes, size_t len)
{
    uint8_t *to = transport_reserve(call, len);
    memcpy(to, bytes, len);
    transport_send(call);
    hub_flush(&hub);
}

/* The next answer is compressed (or not), and is this. */
static void expect_answer(bool packed, const uint8_t *bytes, size_t len)
{
    uint8_t unpacked[PEER_FRAME_MAX];
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_DATA);
    z_stream s = {.next_in = (Bytef *)(uintptr_t)f->bytes + MESSAGE_PREFIX,
                  .avail_in = (uInt)(f->len - MESSAGE_PREFIX),
                  .next_out = unpacked,
                  .avail_out = sizeof unpacked};
    cr_assert_eq(f->bytes[0], packed);
    cr_assert_eq((size_t)f->bytes[3] << 8 | f->bytes[4], f->len - MESSAGE_PREFIX);
    if (!packed) {
        cr_assert_eq(f->len, MESSAGE_PREFIX + len);
        cr_assert(memcmp(f->bytes + MESSAGE_PREFIX, bytes, len) == 0);
        return;
    }
    cr_assert_lt(f->len, len);
    cr_assert_eq(inflateInit2(&s, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&s, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(s.total_out, len);
    cr_assert(memcmp(unpacked, bytes, len) == 0);
    inflateEnd(&s);
}

Test(intake, answers_are_compressed_where_that_helps)
{
    uint8_t same[4096] = {0}, different[2048];
    for (unsigned i = 0, state = 1; i < sizeof different; i++) {
        state = state * 1664525 + 1013904223;
        different[i] = (uint8_t)(state >> 24);
    }
    open_with("gzip", NULL);
    still_read();
    answer(same, sizeof same);
    peer_expect_field(&peer, 1, "grpc-accept-encoding: identity,gzip\ngrpc-encoding: gzip\n");
    expect_answer(true, same, sizeof same);
    answer(same, 1024);
    expect_answer(true, same, 1024);
    answer(same, 1023);
    expect_answer(false, same, 1023);
    answer(different, sizeof different);
    expect_answer(false, different, sizeof different);
}

Test(intake, answers_are_as_the_client_wants_them)
{
    static const uint8_t same[4096];
    open_with("gzip", "identity, deflate");
    still_read();
    answer(same, sizeof same);
    peer_expect_field(&peer, 1, "grpc-accept-encoding: identity,gzip\n");
    cr_assert_null(strstr(peer.frame.fields, "grpc-encoding"));
    expect_answer(false, same, sizeof same);
}

Test(intake, who_does_not_compress_gets_answers_that_are_not)
{
    static const uint8_t same[4096];
    open_with("identity", "identity, gzip");
    still_read();
    answer(same, sizeof same);
    peer_expect_field(&peer, 1, "content-type: application/grpc\n");
    cr_assert_null(strstr(peer.frame.fields, "encoding"));
    expect_answer(false, same, sizeof same);
}
