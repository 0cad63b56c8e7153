/* turn_length: the length of a request body that is replaced before it has been received. */
#include "scene.h"

static int released;

static void count_release(void *arg)
{
    released++;
}

static enum extproc_action give(struct extproc_txn *x)
{
    note(x, "give. ");
    return extproc_continue(extproc_body_set_nocopy(x, EXTPROC_S("fresh"), count_release, NULL));
}
static enum extproc_action clear(struct extproc_txn *x)
{
    return extproc_continue(extproc_body_set(x, EXTPROC_S("")));
}
static enum extproc_action give_with_put(struct extproc_txn *x)
{
    enum extproc_action action = give(x);
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":method"), EXTPROC_S("PUT")),
                 0);
    return action;
}
static enum extproc_action look(struct extproc_txn *x)
{
    note(x, "phase %u. ", (unsigned)x->phase);
    return EXTPROC_ACTION_CONTINUE;
}

static struct scene s;

static void begin(const struct extproc_plugin *plugins, size_t n)
{
    scene_init(&s, plugins, n);
    s.modes[LANE_REQUEST] = s.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;
}
#define BEGIN(...)                                                                                 \
    static const struct extproc_plugin plugins[] = {__VA_ARGS__};                                  \
    begin(plugins, sizeof plugins / sizeof *plugins)

static void done(void)
{
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static void expect_held(const char *bytes, const char *length)
{
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    cr_expect_null(s.turn.verdict.body);
    const struct verdict *v = play_body(&s, PHASE_REQUEST_BODY, true, "their body");
    cr_expect_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_not_null(v->body);
    assert_str(body_bytes(&s.event.body, &s.message), bytes);
    cr_expect_str_eq(scene_cell(&s, "content-length"), length);
}

Test(turn_length, a_new_body_waits_for_the_old_one_and_has_its_length)
{
    BEGIN({.name = "a", .request_headers = give});
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"), H("content-length", "10"));
    cr_expect_eq(s.turn.verdict.kind, VERDICT_CONTINUE);
    cr_expect_null(s.turn.verdict.body);
    play_body(&s, PHASE_REQUEST_BODY, true, "their body");
    assert_str(body_bytes(&s.event.body, &s.message), "fresh");
    cr_expect_str_eq(scene_cell(&s, "content-length"), "set 5");
    cr_expect_eq(released, 1);
    done();
    cr_expect_eq(released, 1);
}

Test(turn_length, where_others_read_the_headers_later_the_length_is_theirs_too)
{
    BEGIN({.name = "a", .request_headers = clear}, {.name = "b", .response_headers = look});
    expect_held("", "set 0");
    assert_str(headers_get(&s.txn.lanes[LANE_REQUEST].headers, EXTPROC_S("content-length"), 0),
               "0");
    done();
}

Test(turn_length, plugins_see_the_new_body_immediately_and_the_old_one_never)
{
    BEGIN({.name = "a", .request_headers = give, .request_body = look},
          {.name = "b", .request_body = look, .request_trailers = look});
    play_request(&s);
    cr_expect_str_eq(s.journal, "give. phase 2. ");
    play_body(&s, PHASE_REQUEST_BODY, false, "their body");
    cr_expect_eq(play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x", "1"))->kind,
                 VERDICT_CONTINUE);
    cr_expect_str_eq(s.journal, "give. phase 2. ");
    done();
}

static void expect_at_once(const char *length, enum body_mode mode, bool end)
{
    s.modes[LANE_REQUEST] = mode;
    play_headers(&s, PHASE_REQUEST_HEADERS, end, H(":method", "POST"),
                 {EXTPROC_S("content-length"), extproc_str_of(length)});
    cr_expect_eq(s.turn.verdict.kind, VERDICT_REPLACE);
    cr_expect_not_null(s.turn.verdict.body);
    done();
}

Test(turn_length, it_waits_for_nothing_that_may_not_come)
{
    static const struct extproc_plugin plugins[] = {{.name = "a", .request_headers = give}};
    begin(plugins, 1);
    expect_at_once("0", BODY_MODE_BUFFERED, false);
    begin(plugins, 1);
    expect_at_once("10", BODY_MODE_BUFFERED, true);
    begin(plugins, 1);
    expect_at_once("10", BODY_MODE_STREAMED, false);
    begin(plugins, 1);
    expect_at_once("10", BODY_MODE_NONE, false);
    begin(plugins, 1);
    expect_at_once("10", BODY_MODE_UNKNOWN, false);
}

Test(turn_length, a_request_without_a_length_stays_without_one)
{
    BEGIN({.name = "a", .request_headers = give});
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"));
    cr_expect_eq(s.turn.verdict.kind, VERDICT_REPLACE);
    done();
}

Test(turn_length, a_new_method_goes_with_the_body)
{
    BEGIN({.name = "a", .request_headers = give_with_put});
    cr_expect_eq(play_request(&s)->kind, VERDICT_REPLACE);
    cr_expect_str_eq(scene_cell(&s, ":method"), "set PUT");
    done();
}

Test(turn_length, a_response_does_not_wait)
{
    BEGIN({.name = "a", .response_headers = clear});
    play_headers(&s, PHASE_REQUEST_HEADERS, true, H(":method", "GET"));
    play_headers(&s, PHASE_RESPONSE_HEADERS, false, H(":status", "200"), H("content-length", "9"));
    cr_expect_eq(s.turn.verdict.kind, VERDICT_REPLACE);
    done();
}

/* The edit of the length was made in memory of the body's message. */
Test(turn_length, leaves_nothing_of_a_message_that_is_gone)
{
    BEGIN({.name = "a", .request_headers = give});
    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "their body");
    cr_expect_str_eq(scene_cell(&s, "content-length"), "set 5");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x-end", "1"));
    cr_expect_eq(headers_count(&s.txn.lanes[LANE_REQUEST].headers), 0);
    done();
}
