/* What becomes of the connections of a loop: who makes room for whom, and how all of them end. No
 * loop runs: a test says what comes when, and what time it is. */
#include "transport/h2/stream/call.h"
#include "unit/transport/h2/still.h"

#include <limits.h>

enum { MOST = 2, REST_MS = 10 * 1000, MIB = 1024 * 1024 };

static unsigned n_emptied, n_ended[TRANSPORT_STOPPED + 1];

static void emptied(void *arg)
{
    n_emptied++;
}

static void *handler_open(void *arg, struct transport_call *call)
{
    return call;
}

static void handler_message(void *stream, const struct message *message)
{
    struct message taken = *message;
    message_release(&taken);
}

static void handler_half_close(void *stream)
{
    transport_finish(stream, STATUS_OK, (struct extproc_str){NULL, 0});
}

static void handler_closed(void *stream, enum transport_end why)
{
    n_ended[why]++;
}

static const struct transport_handler handler = {ECHO_PATH, handler_open, handler_message,
                                                 handler_half_close, handler_closed};
static struct transport_listener few_and_many[] = {
    {.name = "few",
     .limits = {.max_message = 65536, .max_header_list = 4096, .max_connections = MOST}},
    {.name = "many", .limits = {.max_message = 65536, .max_header_list = 4096}},
};
enum { FEW, MANY };
static const struct transport_listener *const listeners[] = {&few_and_many[FEW],
                                                             &few_and_many[MANY]};
static struct transport_options options = {
    .loop = &loop, .listeners = listeners, .n_listeners = 2, .handlers = &handler, .n_handlers = 1};

static void begin(void)
{
    const char *why = NULL;
    cr_assert_eq(metrics_new(&options.metrics), 0);
    loop_init(&loop, NULL);
    hub.emptied = emptied;
    hub.streams.ops = &transport_h2;
    cr_assert_eq(poller_init(&poller, &loop, still_round, NULL), 0);
    cr_assert_eq(hub_init(&hub, &options, &poller, NULL, NULL, &why), 0);
}

static void end(void)
{
    hub_fini(&hub);
    poller_fini(&poller);
    loop_fini(&loop);
    metrics_free(options.metrics);
}

TestSuite(hub, .init = begin, .fini = end);

/* ---- clients --------------------------------------------------------------------------------- */

/* NULL: it has gone, or never was. */
static struct conn *conn_named(const char *name)
{
    struct conn *c = hub.conns;
    while (c && strcmp(c->peer, name) != 0)
        c = c->next;
    return c;
}

static void take(const char *name)
{
    struct conn *c = conn_named(name);
    cr_assert_not_null(c, "%s has gone", name);
    c->watch.ready(&c->watch, EPOLLIN);
    hub_flush(&hub);
}

/* Comes to a listener; it may be turned away. */
static void come(struct peer *p, size_t listener, const char *name)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(fcntl(pair[0], F_SETFL, 0), 0);
    hub_admit(&hub, listener, pair[1], name);
    hub_flush(&hub);
    peer_greet(p, pair[0]);
    if (conn_named(name))
        take(name);
}

static void open_stream(struct peer *p, const char *name, int32_t id)
{
    peer_request(p, id, (struct peer_request){0});
    peer_say(p, id, "a message");
    take(name);
}

static void end_stream(struct peer *p, const char *name, int32_t id)
{
    peer_half_close(p, id);
    take(name);
    peer_expect_field(p, id, "grpc-status: 0\n");
}

static uint64_t counted(const char *counter)
{
    struct metric_reading reading;
    cr_assert(metrics_find(options.metrics, "", counter, &reading));
    return reading.sum;
}

static struct peer one, two, three;

static void all_go(void)
{
    peer_close(&one);
    peer_close(&two);
    peer_close(&three);
}

/* ---- room ------------------------------------------------------------------------------------ */

Test(hub, one_that_was_idle_for_longest_makes_room)
{
    come(&one, FEW, "one");
    come(&two, FEW, "two");
    come(&three, FEW, "three");
    cr_expect_null(conn_named("one"));
    cr_expect(conn_named("two") && conn_named("three"));
    cr_expect_eq(counted("max_connections_exceeded"), 1);
    peer_expect_end(&one, NGHTTP2_NO_ERROR); /* and is said */
    all_go();
}

Test(hub, one_that_has_just_had_a_stream_stays_and_one_that_never_had_any_goes)
{
    /* Given one that is idle for longer, since a moment ago, */
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    end_stream(&one, "one", 1);
    come(&two, FEW, "two");

    /* when a third one comes, then the second one, which has done nothing yet, goes. */
    loop.now_ms += REST_MS - 1;
    come(&three, FEW, "three");
    cr_expect(conn_named("one") && conn_named("three"));
    cr_expect_null(conn_named("two"));
    all_go();
}

Test(hub, one_whose_stream_was_long_ago_goes_first)
{
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    end_stream(&one, "one", 1);
    come(&two, FEW, "two");
    loop.now_ms += REST_MS;
    come(&three, FEW, "three");
    cr_expect_null(conn_named("one"));
    cr_expect(conn_named("two") && conn_named("three"));
    all_go();
}

Test(hub, one_that_has_just_had_a_stream_goes_where_there_is_no_other)
{
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    end_stream(&one, "one", 1);
    come(&two, FEW, "two");
    open_stream(&two, "two", 1);
    come(&three, FEW, "three");
    cr_expect_null(conn_named("one"));
    cr_expect(conn_named("two") && conn_named("three"));
    all_go();
}

Test(hub, no_connection_with_a_stream_makes_room)
{
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    come(&two, FEW, "two");
    open_stream(&two, "two", 1);
    come(&three, FEW, "three");
    cr_expect_null(conn_named("three"));
    cr_expect_eq(peer_read(&three)->type, PEER_EOF);
    cr_expect_eq(counted("max_connections_exceeded"), 1);
    end_stream(&one, "one", 1);
    end_stream(&two, "two", 1);
    all_go();
}

Test(hub, the_limit_of_a_listener_is_not_that_of_another)
{
    come(&one, FEW, "one");
    come(&two, MANY, "two");
    come(&three, MANY, "three");
    cr_expect(conn_named("one") && conn_named("two") && conn_named("three"));
    cr_expect_eq(counted("max_connections_exceeded"), 0);
    all_go();
}

Test(hub, for_a_descriptor_the_least_missed_of_all_listeners_goes)
{
    come(&one, MANY, "one");
    come(&two, FEW, "two");
    come(&three, FEW, "three");
    open_stream(&three, "three", 1);

    cr_expect(hub_make_room(&hub));
    cr_expect_null(conn_named("one"));
    cr_expect(hub_make_room(&hub));
    cr_expect_null(conn_named("two"));

    /* The last one is in use. */
    cr_expect_not(hub_make_room(&hub));
    end_stream(&three, "three", 1);
    all_go();
}

/* ---- ends ------------------------------------------------------------------------------------ */

Test(hub, says_when_the_last_one_has_gone)
{
    come(&one, MANY, "one");
    come(&two, MANY, "two");
    come(&three, MANY, "three");
    all_go();
    take("one");
    take("two");
    cr_expect_eq(n_emptied, 0);
    take("three");
    cr_expect_eq(n_emptied, 1);
    cr_expect_eq(hub.n_conns, 0);
}

static void expect_goaway(struct peer *p, int32_t last_id)
{
    const struct peer_frame *f = peer_await(p, NGHTTP2_GOAWAY);
    cr_expect_eq((f->bytes[0] << 24 | f->bytes[1] << 16 | f->bytes[2] << 8 | f->bytes[3]), last_id);
}

Test(hub, a_drain_reaches_every_connection_and_ends_no_stream)
{
    come(&one, FEW, "one");
    come(&two, MANY, "two");
    come(&three, MANY, "three");
    open_stream(&three, "three", 1);
    hub_drain(&hub);
    hub_flush(&hub);
    expect_goaway(&one, INT32_MAX);
    expect_goaway(&two, INT32_MAX);
    expect_goaway(&three, INT32_MAX);
    end_stream(&three, "three", 1);
    cr_expect_eq(n_ended[TRANSPORT_FINISHED], 1);
    all_go();
}

Test(hub, a_stop_ends_every_stream_with_a_reason)
{
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    come(&two, MANY, "two");
    come(&three, MANY, "three");
    open_stream(&three, "three", 5);
    hub_stop(&hub);
    hub_flush(&hub);
    peer_expect_field(&one, 1, "grpc-status: 14\ngrpc-message: the service is stopping\n");
    peer_expect_field(&three, 5, "grpc-status: 14\ngrpc-message: the service is stopping\n");
    expect_goaway(&two, 0);
    cr_expect_eq(n_ended[TRANSPORT_STOPPED], 2);
    all_go();
}

Test(hub, what_is_still_there_at_the_end_is_lost)
{
    come(&one, FEW, "one");
    open_stream(&one, "one", 1);
    come(&two, MANY, "two");
    come(&three, MANY, "three");
    hub_fini(&hub);
    cr_expect_eq(n_ended[TRANSPORT_LOST], 1);
    cr_expect_eq(n_emptied, 1);
    hub = (struct hub){0};
    hub.options = &options;
    all_go();
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* So many bytes were held at one time, in a round that is over. */
static void hold_for_a_round(size_t len)
{
    stream_commons_hold(&hub.streams, len);
    hub.streams.n_held -= len;
    hub_flush(&hub);
}

static void fire(void)
{
    loop.now_ms = hub.reserve.look.due_ms;
    loop_fires(&loop);
}

Test(hub, memory_that_was_not_needed_for_a_while_is_returned)
{
    /* Given the memory of a call that has ended, and much that was in use, */
    come(&one, MANY, "one");
    open_stream(&one, "one", 1);
    end_stream(&one, "one", 1);
    hold_for_a_round(9 * MIB);
    cr_assert_neq(hub.streams.n_idle, 0);
    cr_assert_neq(hub.reserve.look.place, 0);

    /* when it is looked at first, it was in use since the look before; the second time it was
     * not. */
    fire();
    cr_expect_neq(hub.streams.n_idle, 0);
    cr_assert_neq(hub.reserve.look.place, 0);
    fire();
    cr_expect_eq(hub.streams.n_idle, 0);
    cr_expect_eq(hub.reserve.look.place, 0, "it is looked at though nothing is to be given back");
    peer_close(&one);
}

Test(hub, memory_that_is_needed_again_and_again_is_kept)
{
    come(&one, MANY, "one");
    open_stream(&one, "one", 1);
    end_stream(&one, "one", 1);
    for (int i = 0; i < 10; i++) {
        hold_for_a_round(9 * MIB);
        cr_assert_neq(hub.reserve.look.place, 0);
        fire();
    }
    cr_expect_neq(hub.streams.n_idle, 0);
    peer_close(&one);
}

Test(hub, little_is_not_looked_at)
{
    come(&one, MANY, "one");
    hold_for_a_round(7 * MIB);
    cr_expect_eq(hub.reserve.look.place, 0);
    peer_close(&one);
}

/* ---- the beginning --------------------------------------------------------------------------- */

Test(hub, a_certificate_that_is_not_there)
{
    struct arena arena;
    struct hub other = {.emptied = emptied, .streams.ops = &transport_h2};
    const char *why = NULL;
    arena_init(&arena, 256);
    few_and_many[MANY].tls =
        (struct transport_tls){.cert = "/nonexistent/cert.pem", .key = "/nonexistent/key.pem"};
    cr_expect_lt(hub_init(&other, &options, &poller, NULL, &arena, &why), 0);
    cr_expect(why && strstr(why, "listener many: TLS: /nonexistent/cert.pem: "), "%s", why);
    hub_fini(&other);
    arena_fini(&arena);
}
