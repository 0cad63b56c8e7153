/* How a call ends, with a handler that keeps its messages. No loop runs: a test says what comes
 * when. */
#include "transport/h2/stream/call.h"

#include "unit/transport/h2/still.h"

static struct message kept;
static unsigned n_closed[4];

static void *keeper_open(void *arg, struct transport_call *call)
{
    return call;
}

static void keeper_message(void *stream, const struct message *message)
{
    kept = *message;
}

/* Releases what it keeps at the last possible moment. */
static void keeper_closed(void *stream, enum transport_end why)
{
    n_closed[why]++;
    message_release(&kept);
}

static const struct transport_handler keeper = {ECHO_PATH, keeper_open, keeper_message,
                                                still_nothing, keeper_closed};
static const struct transport_listener listener = {
    .name = "test", .limits = {.max_message = 1024, .max_header_list = 4096}};
static const struct transport_listener *const listeners[] = {&listener};
static const struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 1, .handlers = &keeper, .n_handlers = 1};

static void begin(void)
{
    still_begin(&options);
    peer_request(&peer, 1, (struct peer_request){0});
}

static void end(void)
{
    still_end();
}

TestSuite(call, .init = begin, .fini = end);

Test(call, the_last_message_is_returned_as_it_closes)
{
    peer_say(&peer, 1, "a message");
    peer_reset(&peer, 1);
    still_read();
    cr_assert_eq(n_closed[TRANSPORT_RESET], 1);
    cr_assert_eq(hub.streams.n_calls, 0);
    cr_assert_eq(hub.streams.n_idle, 1);
}

Test(call, a_stop_does_not_make_a_refusal_the_handlers_own_end)
{
    peer_send_frame(&peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "\7malformed", 10);
    still_read();
    hub_stop(&hub);
    hub_flush(&hub);
    cr_assert_eq(n_closed[TRANSPORT_STOPPED], 1);
    cr_assert_eq(n_closed[TRANSPORT_FINISHED], 0);
}
