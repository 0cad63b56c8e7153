/* The SDK's functions on what headers say of a body, and what setting one does to them. */
#include "scene.h"

#define DESCRIBED                                                                                  \
    H("content-encoding", "gzip"), H("content-digest", "a"), H("etag", "\"v1\""),                  \
        H("accept-ranges", "bytes"), H("content-length", "5")
#define PLAIN H("content-digest", "a"), H("etag", "\"v1\""), H("content-length", "5")

static enum extproc_change change;
static int result;

static enum extproc_action announce(struct extproc_txn *x)
{
    result = extproc_body_changes(x, change);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action set(struct extproc_txn *x)
{
    result = extproc_body_set(x, EXTPROC_S("new"));
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin announces = {
    .abi = EXTPROC_ABI, .name = "a", .request_headers = announce, .response_headers = announce};
static const struct extproc_plugin sets = {
    .abi = EXTPROC_ABI, .name = "s", .request_headers = set, .response_headers = set};
static const struct extproc_plugin sets_bodies = {
    .abi = EXTPROC_ABI, .name = "b", .request_body = set, .response_body = set};

static struct scene s;

static void begin(const struct extproc_plugin *plugin, enum body_mode mode)
{
    scene_init(&s, plugin, 1);
    s.modes[LANE_REQUEST] = s.modes[LANE_RESPONSE] = mode;
    result = 1;
}

static void done(void)
{
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* A transaction of its own: the request in this method, then the head of a response. */
static void respond(const char *method, const char *status, bool end)
{
    scene_settle(&s);
    memset(s.txn.lanes, 0, sizeof s.txn.lanes);
    play_headers(&s, PHASE_REQUEST_HEADERS, true, {EXTPROC_S(":method"), extproc_str_of(method)});
    play_headers(&s, PHASE_RESPONSE_HEADERS, end, {EXTPROC_S(":status"), extproc_str_of(status)},
                 DESCRIBED);
}

#define expect_cell(name, cell) cr_expect_str_eq(scene_cell(&s, name), cell)

static void expect_untouched(void)
{
    cr_expect_eq(result, 0);
    cr_expect_null(s.turn.verdict.headers);
}

/* ---- announced ------------------------------------------------------------------------------- */

Test(api_form, a_change_to_come_is_made_in_the_headers_phase)
{
    begin(&announces, BODY_MODE_STREAMED);
    change = EXTPROC_CHANGE_EDIT;
    respond("GET", "200", false);
    cr_expect_eq(result, 0);
    expect_cell("content-digest", "remove");
    expect_cell("accept-ranges", "remove");
    expect_cell("etag", "set W/\"v1\"");
    expect_cell("content-encoding", "none");
    expect_cell("content-length", "none");
    done();
}

Test(api_form, another_body_loses_the_encoding_too)
{
    begin(&announces, BODY_MODE_STREAMED);
    change = EXTPROC_CHANGE_REPLACE;
    respond("GET", "200", false);
    expect_cell("content-encoding", "remove");
    done();
}

Test(api_form, what_is_going_to_be_set_while_headers_are_held_is_left_until_then)
{
    begin(&announces, BODY_MODE_BUFFERED);
    change = EXTPROC_CHANGE_EDIT;
    respond("GET", "200", false);
    expect_untouched();
    done();
}

Test(api_form, a_body_that_callbacks_do_not_get_stays)
{
    static const enum body_mode modes[] = {BODY_MODE_NONE, BODY_MODE_BUFFERED_PARTIAL};
    for (size_t i = 0; i < 2; i++) {
        begin(&announces, modes[i]);
        change = EXTPROC_CHANGE_EDIT;
        respond("GET", "200", false);
        expect_untouched();
        respond("HEAD", "200", true);
        expect_untouched();
        done();
    }
}

Test(api_form, where_nothing_follows_nothing_changes)
{
    begin(&announces, BODY_MODE_STREAMED);
    change = EXTPROC_CHANGE_REPLACE;
    respond("GET", "200", true);
    expect_untouched();
    respond("GET", "204", true);
    expect_untouched();
    respond("CONNECT", "200", false);
    expect_untouched();
    done();
}

Test(api_form, head_and_304_say_what_get_would)
{
    static const struct {
        const char *method, *status;
    } cases[] = {{"HEAD", "200"}, {"HEAD", "404"}, {"GET", "304"}};
    static const enum body_mode modes[] = {BODY_MODE_STREAMED, BODY_MODE_BUFFERED};
    for (size_t i = 0; i < 6; i++) {
        begin(&announces, modes[i % 2]);
        change = EXTPROC_CHANGE_EDIT;
        respond(cases[i / 2].method, cases[i / 2].status, true);
        cr_expect_eq(result, 0);
        expect_cell("content-length", "remove");
        expect_cell("etag", "set W/\"v1\"");
        expect_cell("content-encoding", "none");
        done();
    }
}

Test(api_form, out_of_place)
{
    static const struct extproc_plugin late = {
        .abi = EXTPROC_ABI, .name = "l", .request_body = announce, .response_trailers = announce};
    begin(&late, BODY_MODE_BUFFERED);
    change = EXTPROC_CHANGE_EDIT;
    play_body(&s, PHASE_REQUEST_BODY, true, "old");
    cr_expect_eq(result, -EOPNOTSUPP);
    play_headers(&s, PHASE_RESPONSE_TRAILERS, true, H("x", "1"));
    cr_expect_eq(result, -EOPNOTSUPP);
    done();
    begin(&announces, BODY_MODE_STREAMED);
    change = (enum extproc_change)2;
    respond("GET", "200", false);
    cr_expect_eq(result, -EINVAL);
    cr_expect_null(s.turn.verdict.headers);
    done();
}

/* ---- by setting a body ----------------------------------------------------------------------- */

Test(api_form, a_body_that_is_set_in_a_headers_phase_is_plain)
{
    begin(&sets, BODY_MODE_NONE);
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"), DESCRIBED);
    cr_expect_eq(result, 0);
    expect_cell("content-encoding", "remove");
    expect_cell("content-digest", "remove");
    expect_cell("etag", "none"); /* in a request it means nothing */
    respond("GET", "206", false);
    expect_cell("content-encoding", "remove");
    expect_cell(":status", "set 200");
    done();
}

Test(api_form, a_body_that_head_does_not_have_is_set_in_its_headers)
{
    begin(&sets, BODY_MODE_NONE);
    respond("HEAD", "200", true);
    cr_expect_eq(result, -ENODATA);
    expect_cell("content-encoding", "remove");
    expect_cell("content-length", "remove");
    done();
}

Test(api_form, a_body_that_may_be_none_is_announced_by_those_that_can_set_it_later)
{
    for (int can = 0; can < 2; can++) {
        begin(&sets, BODY_MODE_STREAMED);
        s.instances[0].fallback = can ? EXTPROC_PHASE_RESPONSE_BODY : 0;
        play_headers(&s, PHASE_RESPONSE_HEADERS, false, H(":status", "200"), DESCRIBED);
        cr_expect_eq(result, -ENODATA);
        expect_cell("content-encoding", can ? "remove" : "none");
        done();
    }
}

Test(api_form, headers_that_are_held_follow_the_body)
{
    begin(&sets_bodies, BODY_MODE_BUFFERED);
    respond("GET", "200", false);
    play_body(&s, PHASE_RESPONSE_BODY, true, "old");
    cr_expect_eq(result, 0);
    expect_cell("content-digest", "remove");
    expect_cell("etag", "set W/\"v1\"");
    expect_cell("content-encoding", "none");
    expect_cell("content-length", "set 3");
    done();
}

static enum extproc_action set_and_fail(struct extproc_txn *x)
{
    set(x);
    return EXTPROC_ACTION_FAIL;
}

Test(api_form, a_plugin_that_fails_has_changed_nothing)
{
    static const struct extproc_plugin fails = {
        .abi = EXTPROC_ABI, .name = "f", .response_headers = set_and_fail};
    begin(&fails, BODY_MODE_NONE);
    respond("GET", "206", false);
    cr_expect_eq(result, 0);
    cr_expect_eq(s.txn.lanes[LANE_RESPONSE].headers.n_edits, 0);
    cr_expect_not(s.txn.lanes[LANE_RESPONSE].changed);
    done();
}

/* ---- trailers -------------------------------------------------------------------------------- */

/* ---- bodies that are changed without a word -------------------------------------------------- */

static void stream_after(size_t n, const struct extproc_header *headers)
{
    begin(&sets_bodies, BODY_MODE_STREAMED);
    scene_map(&s, PHASE_RESPONSE_HEADERS, false, headers, n);
    play_body(&s, PHASE_RESPONSE_BODY, false, "one");
    play_body(&s, PHASE_RESPONSE_BODY, true, "two");
}
#define STREAM_AFTER(...)                                                                          \
    stream_after(sizeof((struct extproc_header[]){__VA_ARGS__}) / sizeof(struct extproc_header),   \
                 (struct extproc_header[]){__VA_ARGS__})

Test(api_form, a_change_that_was_not_announced_names_the_header_that_is_wrong_now)
{
    STREAM_AFTER({EXTPROC_S(":status"), EXTPROC_S("200")}, H("etag", "\"v1\""));
    SCENE_LOGGED(&s, "etag");
    SCENE_LOGGED(&s, "extproc_body_changes()");
    cr_expect_null(
        strstr(strstr(scene_log(&s), "extproc_body_changes") + 1, "extproc_body_changes"),
        "once for a message");
    done();
}

Test(api_form, headers_that_stay_true_need_no_announcement)
{
    STREAM_AFTER({EXTPROC_S(":status"), EXTPROC_S("200")}, H("etag", "W/\"v1\""),
                 H("content-type", "text/plain"));
    cr_expect_str_empty(scene_log(&s));
    done();
}

static const struct extproc_plugin announces_and_sets = {
    .abi = EXTPROC_ABI, .name = "c", .response_headers = announce, .response_body = set};

Test(api_form, who_announces_is_not_warned)
{
    begin(&announces_and_sets, BODY_MODE_STREAMED);
    change = EXTPROC_CHANGE_EDIT;
    play_headers(&s, PHASE_RESPONSE_HEADERS, false, {EXTPROC_S(":status"), EXTPROC_S("200")},
                 DESCRIBED);
    play_body(&s, PHASE_RESPONSE_BODY, true, "one");
    cr_expect_str_empty(scene_log(&s));
    done();
}

Test(api_form, trailers_lose_the_digest_of_the_old_bytes)
{
    begin(&sets_bodies, BODY_MODE_STREAMED);
    respond("GET", "200", false);
    play_body(&s, PHASE_RESPONSE_BODY, false, "old");
    play_headers(&s, PHASE_RESPONSE_TRAILERS, true, H("repr-digest", "a"), H("x", "1"));
    expect_cell("repr-digest", "remove");
    expect_cell("x", "none");
    done();
}

Test(api_form, trailers_of_a_body_as_it_was_keep_it)
{
    begin(&announces, BODY_MODE_NONE);
    change = EXTPROC_CHANGE_EDIT;
    respond("GET", "200", false);
    play_headers(&s, PHASE_RESPONSE_TRAILERS, true, H("repr-digest", "a"));
    expect_cell("repr-digest", "none");
    done();
}

/* ---- form ------------------------------------------------------------------------------------ */

static enum extproc_form form;

static enum extproc_action look(struct extproc_txn *x)
{
    form = extproc_body_form(x);
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin looks = {.abi = EXTPROC_ABI,
                                            .name = "l",
                                            .request_headers = look,
                                            .request_body = look,
                                            .response_headers = look,
                                            .response_body = look};

Test(api_form, is_known_in_headers_and_body_phases)
{
    begin(&looks, BODY_MODE_STREAMED);
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"), PLAIN);
    cr_expect_eq(form, EXTPROC_FORM_PLAIN);
    play_body(&s, PHASE_REQUEST_BODY, true, "old");
    cr_expect_eq(form, EXTPROC_FORM_PLAIN);
    play_headers(&s, PHASE_RESPONSE_HEADERS, false, H(":status", "200"), DESCRIBED);
    cr_expect_eq(form, EXTPROC_FORM_ENCODED);
    play_body(&s, PHASE_RESPONSE_BODY, true, "old");
    cr_expect_eq(form, EXTPROC_FORM_ENCODED);
    done();
}

Test(api_form, is_not_known_of_headers_that_are_skipped)
{
    begin(&looks, BODY_MODE_STREAMED);
    play_body(&s, PHASE_RESPONSE_BODY, true, "old");
    cr_expect_eq(form, EXTPROC_FORM_UNKNOWN);
    done();
}

Test(api_form, is_what_plugins_before_made_of_it)
{
    const struct extproc_plugin both[] = {sets, looks};
    scene_init(&s, both, 2);
    s.modes[LANE_REQUEST] = BODY_MODE_NONE;
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"), DESCRIBED);
    cr_expect_eq(form, EXTPROC_FORM_PLAIN);
    done();
}
