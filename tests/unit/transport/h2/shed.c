/* Which stream ends when a budget of bytes is exceeded, and that its neighbours go on. No loop
 * runs: a test says what comes when, and what time it is. */
#include "transport/h2/stream/call.h"
#include "unit/transport/h2/still.h"

enum { KIB = 1024, MAX_QUEUED = 1024 * KIB, MAX_HELD = 2048 * KIB, MAX_MESSAGE = 512 * KIB };

static struct message kept[128];
static unsigned n_kept, n_taken, n_closed;
static bool keeps;

static void *handler_open(void *arg, struct transport_call *call)
{
    return call;
}

/* "a300" is answered with 300 KiB, unless it is kept. */
static void handler_message(void *stream, const struct message *message)
{
    struct message taken = *message;
    char size[8] = "";
    n_taken++;
    memcpy(size, taken.pieces->ptr + 1, taken.pieces->len < 6 ? taken.pieces->len - 1 : 0);
    size_t len = (size_t)atoi(size) * KIB;
    if (keeps) {
        kept[n_kept++] = taken;
        return;
    }
    memset(transport_reserve(stream, len), 'a', len);
    transport_send(stream);
    message_release(&taken);
}

static void handler_closed(void *stream, enum transport_end why)
{
    n_closed++;
}

static const struct transport_handler handler = {ECHO_PATH, handler_open, handler_message,
                                                 still_nothing, handler_closed};
static const struct transport_listener listener = {
    .name = "test",
    .limits = {.max_message = MAX_MESSAGE, .max_header_list = 4096, .max_queued = MAX_QUEUED}};
static const struct transport_listener *const listeners[] = {&listener};
static struct transport_options options = {.loop = &loop,
                                           .max_held = MAX_HELD,
                                           .listeners = listeners,
                                           .n_listeners = 1,
                                           .handlers = &handler,
                                           .n_handlers = 1};

static struct conn *conn; /* the peer's */
static struct peer other; /* on a connection of its own */
static struct conn *other_conn;

/* On windows: the connection's is wide, and the streams' are of a page. */
static void agree(struct peer *p, struct conn *c)
{
    peer_send_frame(p, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\x10\0", 6);
    c->watch.ready(&c->watch, EPOLLIN);
    hub_flush(&hub);
    peer_await(p, NGHTTP2_SETTINGS);
    peer_send_frame(p, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x3f\0\0\0", 4);
    c->watch.ready(&c->watch, EPOLLIN);
}

static void begin(void)
{
    int pair[2];
    cr_assert_eq(metrics_new(&options.metrics), 0);
    still_begin(&options);
    conn = hub.conns;
    agree(&peer, conn);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    hub_admit(&hub, 0, pair[1], "test");
    other_conn = hub.conns;
    peer_greet(&other, pair[0]);
    agree(&other, other_conn);
}

static void end(void)
{
    while (n_kept)
        message_release(&kept[--n_kept]);
    conn_die(conn);
    conn_die(other_conn);
    cr_assert_eq(hub.streams.n_held, 0, "%zu", hub.streams.n_held);
    still_end();
    peer_close(&other);
    metrics_free(options.metrics);
}

TestSuite(shed, .init = begin, .fini = end);

static uint64_t counted(const char *counter)
{
    struct metric_reading reading;
    cr_assert(metrics_find(options.metrics, "", counter, &reading));
    return reading.sum;
}

static void take(struct conn *c)
{
    c->watch.ready(&c->watch, EPOLLIN);
    hub_flush(&hub);
    cr_assert_neq(c->state, CONN_DEAD);
}

static void ask(int32_t id, const char *what)
{
    peer_request(&peer, id, (struct peer_request){0});
    peer_say(&peer, id, what);
    take(conn);
}

/* This one has a status next, whatever else comes before. */
static void expect_refused(struct peer *p, int32_t id)
{
    while (!strstr(peer_await(p, NGHTTP2_HEADERS)->fields, "grpc-status: 8\n"))
        ;
    cr_assert_eq(p->frame.id, id);
}

/* This one is reset next. */
static void expect_reset(struct peer *p, int32_t id)
{
    const struct peer_frame *f = peer_await(p, NGHTTP2_RST_STREAM);
    cr_assert_eq(f->id, id);
    cr_assert_eq(f->bytes[3], NGHTTP2_ENHANCE_YOUR_CALM);
}

/* None but those that are expected have ended, and a new one is served. */
static void expect_the_rest_goes_on(unsigned n)
{
    cr_assert_eq(n_closed, n);
    ask(101, "a0");
    while (peer_await(&peer, NGHTTP2_DATA)->id != 101)
        ;
    cr_assert_eq(n_closed, n);
}

/* ---- answers --------------------------------------------------------------------------------- */

Test(shed, the_largest_of_those_that_wait_as_long)
{
    ask(1, "a400");
    ask(3, "a500");
    ask(5, "a400");
    expect_reset(&peer, 3);
    expect_the_rest_goes_on(1);
    cr_assert_eq(counted("max_queued_exceeded"), 1);
}

Test(shed, a_call_that_does_not_read_however_small)
{
    ask(1, "a200");
    loop.now_ms += 1000;
    ask(3, "a500");
    loop.now_ms += 10;
    ask(5, "a400");
    expect_reset(&peer, 1);
    expect_the_rest_goes_on(1);
}

Test(shed, one_that_reads_goes_on)
{
    ask(1, "a700");
    ask(3, "a200");
    loop.now_ms += 1000;
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\x80\0", 4);
    take(conn);
    loop.now_ms += 10;
    ask(5, "a300");
    expect_reset(&peer, 3);
    expect_the_rest_goes_on(1);
}

Test(shed, an_answer_that_is_too_large_by_itself)
{
    ask(1, "a300");
    loop.now_ms += 1000;
    ask(3, "a1025");
    expect_refused(&peer, 3);
    expect_the_rest_goes_on(1);
}

Test(shed, as_many_as_have_to)
{
    for (int32_t id = 1; id < 41; id += 2)
        ask(id, "a200");
    cr_assert_leq(conn->streams.n_queued, MAX_QUEUED);
    cr_assert_eq(counted("max_queued_exceeded"), n_closed);
    expect_the_rest_goes_on(n_closed);
}

/* ---- all that is held ------------------------------------------------------------------------ */

/* Begins a message of MAX_MESSAGE, and sends so many frames of it. */
static void begin_message(struct peer *p, struct conn *c, int32_t id, unsigned n_frames)
{
    static const uint8_t bytes[PEER_FRAME_MAX] = {0, 0, MAX_MESSAGE >> 16};
    peer_request(p, id, (struct peer_request){0});
    for (unsigned i = 0; i < n_frames; i++) {
        peer_send_frame(p, NGHTTP2_DATA, 0, id, i ? bytes + 3 : bytes, PEER_FRAME_MAX - 3);
        take(c);
    }
}

Test(shed, messages_in_part_of_the_connection_that_holds_most)
{
    begin_message(&other, other_conn, 1, 20);
    for (int32_t id = 1; id < 61; id += 2)
        begin_message(&peer, conn, id, 6);
    cr_assert_leq(hub.streams.n_held, MAX_HELD);
    cr_assert_gt(n_closed, 0);
    cr_assert_eq(counted("max_held_exceeded"), n_closed);
    peer_await(&peer, NGHTTP2_HEADERS);
    cr_assert_not_null(strstr(peer.frame.fields, "grpc-status: 8\n"));

    /* The other's message arrives. */
    for (unsigned i = 0; i < 13; i++) {
        peer_send_frame(&other, NGHTTP2_DATA, 0, 1, peer.frame.bytes, PEER_FRAME_MAX);
        take(other_conn);
    }
    cr_assert_eq(n_taken, 1);
}

Test(shed, what_is_announced_does_not_count)
{
    for (int32_t id = 1; id < 201; id += 2) {
        peer_request(&peer, id, (struct peer_request){0});
        peer_send_frame(&peer, NGHTTP2_DATA, 0, id, "\0\0\x8\0\0", 5);
    }
    take(conn);
    cr_assert_eq(hub.streams.n_held, 0);
    cr_assert_eq(n_closed, 0);
}

/* So many frames, each a message that is kept. */
static void have_kept(int32_t id, unsigned n_frames)
{
    char text[PEER_FRAME_MAX - MESSAGE_PREFIX];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    keeps = true;
    peer_request(&peer, id, (struct peer_request){0});
    for (unsigned i = 0; i < n_frames; i++) {
        peer_say(&peer, id, text);
        take(conn);
    }
}

Test(shed, messages_that_are_kept)
{
    have_kept(1, 20);
    options.max_held = 50 * PEER_FRAME_MAX;
    have_kept(3, 25);
    cr_assert_eq(n_closed, 0);
    have_kept(5, 6);
    cr_assert_eq(n_closed, 1);
    peer_expect_field(&peer, 3, "grpc-status: 8\n");

    /* It is still kept, but no longer counts: no other call is ended for it. */
    have_kept(7, 20);
    cr_assert_eq(n_closed, 1);
    cr_assert_leq(hub.streams.n_held, options.max_held);
}

Test(shed, answers_of_the_connection_that_holds_most)
{
    options.max_held = 1024 * KIB;
    begin_message(&other, other_conn, 1, 20);
    ask(1, "a400");
    ask(3, "a500");
    expect_refused(&peer, 3);
    expect_the_rest_goes_on(1);
    cr_assert_eq(counted("max_held_exceeded"), 1);
}
