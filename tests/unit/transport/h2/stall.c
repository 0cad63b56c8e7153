/* Answers that a client does not let through: whose stream is reset, and whose goes on. No loop
 * runs: a test says what comes when, and what time it is. */
#include "transport/h2/stream/call.h"
#include "unit/transport/h2/still.h"

enum { WRITE_MS = 1000 };

static unsigned n_closed;
static enum transport_end expected = TRANSPORT_RESET;

static void *handler_open(void *arg, struct transport_call *call)
{
    return call;
}

static void handler_half_close(void *stream)
{
    transport_finish(stream, STATUS_OK, (struct extproc_str){NULL, 0});
}

/* Answered with itself. */
static void handler_message(void *stream, const struct message *message)
{
    struct message taken = *message;
    memcpy(transport_reserve(stream, taken.pieces->len), taken.pieces->ptr, taken.pieces->len);
    transport_send(stream);
    message_release(&taken);
}

static void handler_closed(void *stream, enum transport_end why)
{
    cr_assert_eq(why, expected);
    n_closed++;
}

static const struct transport_handler handler = {ECHO_PATH, handler_open, handler_message,
                                                 handler_half_close, handler_closed};
static const struct transport_listener listener = {
    .name = "test",
    .limits = {.max_message = 65536, .max_header_list = 4096, .write_ms = WRITE_MS}};
static const struct transport_listener *const listeners[] = {&listener};
static struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 1, .handlers = &handler, .n_handlers = 1};

static void take(void)
{
    still_read();
    hub_flush(&hub);
}

/* Its streams have windows of ten bytes. */
static void begin(void)
{
    cr_assert_eq(metrics_new(&options.metrics), 0);
    still_begin(&options);
    peer_send_frame(&peer, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\12", 6);
    take();
}

static void end(void)
{
    still_end();
    metrics_free(options.metrics);
}

TestSuite(stall, .init = begin, .fini = end);

static void ask(int32_t id, const char *what)
{
    peer_request(&peer, id, (struct peer_request){0});
    peer_say(&peer, id, what);
    take();
}

static void open_window(int32_t id, char size)
{
    const char bytes[] = {0, 0, 0, size};
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, id, bytes, sizeof bytes);
    take();
}

/* Time passes; then the connection is looked at, as its timer has it. */
static void pass(uint64_t ms)
{
    struct timer *stall = &hub.conns->stall;
    loop.now_ms += ms;
    cr_assert_neq(stall->place, 0, "nothing is watched");
    timers_cancel(&loop.timers, stall);
    stall->fn(stall->arg);
    hub_flush(&hub);
}

static uint64_t counted(void)
{
    struct metric_reading reading;
    cr_assert(metrics_find(options.metrics, "", "write_timeout_exceeded", &reading));
    return reading.sum;
}

Test(stall, a_stream_that_takes_nothing_is_reset_and_its_neighbours_go_on)
{
    ask(1, "more than its window");
    ask(3, "short"); /* nothing of it waits, for as long as there is nothing to say */
    pass(WRITE_MS - 1);
    cr_assert_eq(n_closed, 0);
    pass(1);
    peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_assert_eq(peer.frame.id, 1);
    cr_assert_eq(n_closed, 1);
    cr_assert_eq(counted(), 1);

    open_window(3, 100);
    peer_say(&peer, 3, "again");
    take();
    peer_expect(&peer, 3, "again");
}

Test(stall, one_that_takes_a_little_goes_on)
{
    ask(1, "more than its window");
    ask(3, "short");
    for (int i = 0; i < 10; i++) {
        open_window(1, 1);
        pass(WRITE_MS - 1);
    }
    cr_assert_eq(n_closed, 0);
    pass(1);
    cr_assert_eq(n_closed, 1);
}

Test(stall, the_time_begins_with_the_answer)
{
    ask(1, "short");
    loop.now_ms += 100 * WRITE_MS;
    peer_say(&peer, 1, "more than its window");
    take();
    pass(WRITE_MS - 1);
    cr_assert_eq(n_closed, 0);
}

Test(stall, a_connection_none_of_whose_streams_takes_anything_is_closed)
{
    expected = TRANSPORT_LOST;
    ask(1, "more than its window");
    ask(3, "more than its window");
    pass(WRITE_MS);
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(n_closed, 2);
    cr_assert_eq(counted(), 1);
}

Test(stall, the_window_of_the_connection_is_one_as_well)
{
    static char text[65536 - MESSAGE_PREFIX];
    struct peer_frame *f;
    memset(text, 'a', sizeof text - 1);
    for (int32_t id = 1; id < 13; id += 2) { /* 6 times 10,000 is nearly all of it */
        text[10000] = 0;
        peer_request(&peer, id, (struct peer_request){0});
        peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, id, "\0\0\x80\0", 4);
        peer_say(&peer, id, text);
        take();
    }
    peer_request(&peer, 21, (struct peer_request){0});
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 21, "\0\0\x80\0", 4);
    peer_say(&peer, 21, text);
    take();
    pass(WRITE_MS);
    while ((f = peer_await(&peer, NGHTTP2_RST_STREAM))->id != 21)
        ;
    cr_assert_eq(n_closed, 1);
}

/* The answer was taken, to the last byte of the window. */
Test(stall, a_status_that_is_not_let_through_is_an_answer_too)
{
    ask(1, "12345");
    ask(3, "short");
    peer_half_close(&peer, 1);
    take();
    pass(WRITE_MS - 1);
    cr_assert_eq(n_closed, 0);
    pass(1);
    peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_assert_eq(peer.frame.id, 1);
    cr_assert_eq(n_closed, 1);
}

Test(stall, a_status_that_goes_out_is_not_waited_for)
{
    expected = TRANSPORT_FINISHED;
    ask(1, "1234");
    peer_half_close(&peer, 1);
    cr_assert_eq(n_closed, 0);
    loop.now_ms += 100 * WRITE_MS;
    take();
    cr_assert_eq(n_closed, 1);
    cr_assert_eq(hub.conns->streams.n_ending, 0);
}

Test(stall, nothing_is_watched_where_nothing_waits)
{
    ask(1, "short");
    cr_assert_eq(hub.conns->stall.place, 0);
    peer_say(&peer, 1, "more than its window");
    take();
    cr_assert_neq(hub.conns->stall.place, 0);
    open_window(1, 100);
    pass(WRITE_MS);
    cr_assert_eq(hub.conns->stall.place, 0);
    cr_assert_eq(n_closed, 0);
}
