/* Which handler is called when there is room again. No loop runs: a test says what comes when. */
#include "transport/h2/stream/backpressure.h"

#include "unit/transport/h2/still.h"

/* There is none above half of MAX_QUEUED, and again at half of that. */
enum { MAX_QUEUED = 4000, HIGH = 2000, LOW = 1000 };

static char said[32]; /* the calls that were called, by the letter of their message */

static void *handler_open(void *arg, struct transport_call *call)
{
    return call;
}

static void handler_message(void *stream, const struct message *message)
{
    struct message taken = *message;
    message_release(&taken);
}

static void handler_closed(void *stream, enum transport_end why)
{
}

static void handler_room(void *stream)
{
    const struct h2_call *call = stream;
    said[strlen(said)] = (char)('0' + call->id);
}

#define SILENT_PATH "/test.Silent/Talk"
static const struct transport_handler handlers[] = {
    {ECHO_PATH, handler_open, handler_message, still_nothing, handler_closed, .room = handler_room},
    {SILENT_PATH, handler_open, handler_message, still_nothing, handler_closed},
};
static const struct transport_listener listener = {
    .name = "test",
    .limits = {.max_message = 65536, .max_header_list = 4096, .max_queued = MAX_QUEUED}};
static const struct transport_listener *const listeners[] = {&listener};
static const struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 1, .handlers = handlers, .n_handlers = 2};

static void take(void)
{
    still_read();
    hub_flush(&hub);
}

/* Its streams have windows of nothing. */
static void begin(void)
{
    memset(said, 0, sizeof said);
    still_begin(&options);
    peer_send_frame(&peer, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6);
    take();
}

static void end(void)
{
    still_end();
}

TestSuite(backpressure, .init = begin, .fini = end);

static struct transport_call *open_call(int32_t id, const char *path)
{
    peer_request(&peer, id, (struct peer_request){.path = path});
    take();
    return &hub.conns->streams.calls->base;
}

/* So many bytes more wait. */
static void answer(struct transport_call *call, size_t len)
{
    memset(transport_reserve(call, len - MESSAGE_PREFIX), 'a', len - MESSAGE_PREFIX);
    transport_send(call);
    hub_flush(&hub);
}

/* The client takes so many. */
static void allow(int32_t id, uint16_t len)
{
    const uint8_t bytes[] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, id, bytes, sizeof bytes);
    take();
}

static void next_round(void)
{
    loop_begins_round(&loop);
    loop_fires(&loop);
}

Test(backpressure, there_is_room_again_at_half_and_the_loop_says_so_once)
{
    struct transport_call *call = open_call(1, ECHO_PATH);
    answer(call, HIGH);
    cr_assert(transport_has_room(call));
    answer(call, 6);
    cr_assert_not(transport_has_room(call));
    cr_assert_not(transport_has_room(call));

    allow(1, HIGH - LOW + 5);
    next_round();
    cr_assert_str_eq(said, "");
    allow(1, 1);
    cr_assert_str_eq(said, "");
    next_round();
    cr_assert_str_eq(said, "1");
    cr_assert(transport_has_room(call));
    allow(1, LOW);
    next_round();
    cr_assert_str_eq(said, "1");
}

Test(backpressure, where_the_connection_has_none_the_first_that_asked_is_the_first_called)
{
    struct transport_call *first = open_call(1, ECHO_PATH);
    struct transport_call *second = open_call(3, ECHO_PATH);
    answer(first, 1500);
    answer(second, LOW);
    cr_assert_not(transport_has_room(second));
    cr_assert_not(transport_has_room(first));
    allow(1, 1499);
    next_round();
    cr_assert_str_eq(said, "");
    allow(1, 1);
    next_round();
    cr_assert_str_eq(said, "31");
}

Test(backpressure, a_call_that_has_its_status_is_not_called)
{
    struct transport_call *call = open_call(1, ECHO_PATH);
    answer(call, HIGH + 6);
    cr_assert_not(transport_has_room(call));
    transport_finish(call, STATUS_OK, EXTPROC_S(""));
    cr_assert_not(transport_has_room(call));
    allow(1, HIGH + 6);
    next_round();
    cr_assert_str_eq(said, "");
}

Test(backpressure, a_call_that_is_gone_leaves_the_others_their_turn)
{
    struct transport_call *first = open_call(1, ECHO_PATH);
    struct transport_call *second = open_call(3, ECHO_PATH);
    struct transport_call *third = open_call(5, ECHO_PATH);
    answer(first, HIGH + 6);
    cr_assert_not(transport_has_room(first));
    cr_assert_not(transport_has_room(second));
    cr_assert_not(transport_has_room(third));
    peer_reset(&peer, 3);
    peer_reset(&peer, 5);
    take();
    allow(1, HIGH + 6);
    next_round();
    cr_assert_str_eq(said, "1");
}

Test(backpressure, a_handler_that_does_not_want_to_know_is_not_called)
{
    struct transport_call *call = open_call(1, SILENT_PATH);
    answer(call, HIGH + 6);
    cr_assert_not(transport_has_room(call));
    allow(1, HIGH + 6);
    next_round();
    cr_assert(transport_has_room(call));
}

Test(backpressure, a_connection_that_dies_takes_its_notice_with_it)
{
    struct transport_call *call = open_call(1, ECHO_PATH);
    answer(call, HIGH + 6);
    cr_assert_not(transport_has_room(call));
    allow(1, HIGH + 6);
    conn_die(hub.conns);
    next_round();
    cr_assert_str_eq(said, "");
}
