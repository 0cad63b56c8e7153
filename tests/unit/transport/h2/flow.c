/* Whose window opens when: what one stream is kept waiting for never holds up another. No loop
 * runs: a test says what comes when. */
#include "transport/h2/stream/life.h"
#include "unit/transport/h2/still.h"

enum {
    N_STREAMS = 20,
    WINDOW = 1 << 20,
    TEXT = 16000,
    MESSAGES = WINDOW / (TEXT + MESSAGE_PREFIX)
};

static struct message kept[N_STREAMS * (MESSAGES + 1) + 1];
static unsigned n_kept, n_taken;
static unsigned n_answers; /* to each message, of its size; 0: it is kept instead */

static void *handler_open(void *arg, struct transport_call *call)
{
    return call;
}

static void handler_message(void *stream, const struct message *message)
{
    struct message taken = *message;
    size_t len = taken.pieces->len;
    n_taken++;
    if (!n_answers) {
        kept[n_kept++] = taken;
        return;
    }
    for (unsigned i = 0; i < n_answers; i++) {
        memcpy(transport_reserve(stream, len), taken.pieces->ptr, len);
        transport_send(stream);
    }
    message_release(&taken);
}

static void handler_closed(void *stream, enum transport_end why)
{
}

static const struct transport_handler handler = {ECHO_PATH, handler_open, handler_message,
                                                 still_nothing, handler_closed};
static const struct transport_listener listener = {
    .name = "test", .limits = {.max_message = 4 * WINDOW, .max_header_list = 4096}};
static const struct transport_listener *const listeners[] = {&listener};
static const struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 1, .handlers = &handler, .n_handlers = 1};
static char text[TEXT + 1];

static void begin(void)
{
    still_begin(&options);
    memset(text, 'a', TEXT);
    hub_flush(&hub);
    peer_await(&peer, NGHTTP2_SETTINGS); /* the peer agrees to the streams' windows */
    still_read();
}

static void end(void)
{
    while (n_kept)
        message_release(&kept[--n_kept]);
    still_end();
}

TestSuite(flow, .init = begin, .fini = end);

/* Says it, and the connection reads it. */
static void say(int32_t id, const char *what)
{
    cr_assert(peer_say(&peer, id, what));
    still_read();
    hub_flush(&hub);
    cr_assert_not(conn_is_over(hub.conns), "the connection has ended");
}

static void open_stream(int32_t id)
{
    peer_request(&peer, id, (struct peer_request){0});
    still_read();
}

static void next_round(void)
{
    hub_flush(&hub);
    loop_begins_round(&loop);
    loop_fires(&loop);
}

/* As many streams as would fill the connection's window, each as far as its own lets it. */
static void fill_streams(void)
{
    for (int32_t id = 1; id < 2 * N_STREAMS; id += 2) {
        open_stream(id);
        for (unsigned i = 0; i < MESSAGES; i++)
            say(id, text);
    }
    cr_assert_eq(n_taken, N_STREAMS * MESSAGES);
}

Test(flow, streams_whose_messages_are_kept_hold_up_no_other)
{
    fill_streams();
    open_stream(101);
    say(101, "a neighbour");
    cr_assert_eq(n_taken, N_STREAMS * MESSAGES + 1);
}

Test(flow, streams_whose_answers_are_not_read_hold_up_no_other)
{
    n_answers = 2;
    fill_streams();
    open_stream(101);
    say(101, "a neighbour");
    cr_assert_eq(n_taken, N_STREAMS * MESSAGES + 1);
}

/* Of a stream's own window, so many bytes are open. */
static int32_t window_of(int32_t id)
{
    return nghttp2_session_get_stream_local_window_size(hub.conns->streams.http2.session, id);
}

Test(flow, a_stream_that_is_kept_waiting_may_send_only_its_window)
{
    open_stream(1);
    for (unsigned i = 0; i < MESSAGES; i++)
        say(1, text);
    cr_assert_lt(window_of(1), TEXT);

    /* Taken at last. */
    while (n_kept)
        message_release(&kept[--n_kept]);
    cr_assert_gt(window_of(1), WINDOW / 2);
}

Test(flow, a_stream_that_is_held_may_send_only_its_window)
{
    struct transport_call *call;
    open_stream(1);
    call = &hub.conns->streams.calls->base;
    transport_hold(call);
    for (unsigned i = 0; i < MESSAGES; i++)
        say(1, text);
    cr_assert_lt(window_of(1), TEXT);
    cr_assert_eq(n_taken, 0);
    cr_assert_geq(hub.streams.n_held, MESSAGES * TEXT);

    transport_resume(call);
    cr_assert_eq(n_taken, 0);
    next_round();
    cr_assert_eq(n_taken, MESSAGES);
    while (n_kept)
        message_release(&kept[--n_kept]);
    cr_assert_gt(window_of(1), WINDOW / 2);
    cr_assert_eq(hub.streams.n_held, 0);
}

/* Its end cannot come, which is not its client's fault. */
Test(flow, a_message_larger_than_the_window_is_waited_for_while_it_is_held)
{
    enum { LEN = 3 * WINDOW, PATIENCE = 4 };
    const uint8_t prefix[] = {0, 0, LEN >> 16, 0, 0};
    open_stream(1);
    struct h2_call *call = hub.conns->streams.calls;
    transport_hold(&call->base);
    cr_assert(peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, prefix, sizeof prefix));
    still_read();
    while (window_of(1) >= 8192) {
        cr_assert(peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, text, 8192));
        still_read();
    }
    for (unsigned i = 0; i < 2 * PATIENCE; i++)
        intake_look(call, PATIENCE);
    cr_assert_not(h2_call_is_finished(call));

    transport_resume(&call->base);
    cr_assert_gt(window_of(1), WINDOW / 2);
}

Test(flow, a_message_larger_than_the_window_arrives)
{
    enum { LEN = 3 * WINDOW };
    open_stream(1);
    const uint8_t prefix[] = {0, 0, LEN >> 16, 0, 0};
    cr_assert(peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, prefix, sizeof prefix));
    for (unsigned i = 0; i < LEN / 8192; i++) {
        cr_assert_geq(window_of(1), 8192);
        cr_assert(peer_send_frame(&peer, NGHTTP2_DATA, 0, 1, text, 8192));
        still_read();
        hub_flush(&hub);
    }
    cr_assert_eq(n_taken, 1);
}

Test(flow, a_stream_that_is_reset_takes_none_of_the_connections_window_with_it)
{
    for (int32_t id = 1; id < 2 * 40; id += 2) {
        open_stream(id);
        for (unsigned i = 0; i < MESSAGES; i++)
            say(id, text);
        peer_reset(&peer, id);
        still_read();
        hub_flush(&hub);
        while (n_kept)
            message_release(&kept[--n_kept]);
    }
    cr_assert_eq(n_taken, 40 * MESSAGES);
}
