/* One plugin's call: what it sees, what it may return, what its needs ask of the proxy. */
#include "scene.h"

#include <signal.h>

static enum extproc_action show(struct extproc_txn *x)
{
    note(x, "%d: body %d end %d; ", (int)x->phase, (int)x->body_mode, x->end);
    return EXTPROC_ACTION_CONTINUE;
}

static void play_all(struct scene *s, enum lane lane)
{
    play_headers(s, phase_of(lane, PART_HEADERS), false, H("x", "1"));
    play_body(s, phase_of(lane, PART_BODY), false, "1");
    play_headers(s, phase_of(lane, PART_TRAILERS), false, H("x", "1"));
}

/* ---- what it sees ---------------------------------------------------------------------------- */

Test(handle, shows_phase_body_mode_and_end)
{
    SCENE(s, {.name = "a",
              .request_headers = show,
              .request_body = show,
              .request_trailers = show,
              .response_headers = show,
              .response_body = show,
              .response_trailers = show});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;
    s.modes[LANE_RESPONSE] = BODY_MODE_UNKNOWN;

    play_all(&s, LANE_REQUEST);
    cr_assert_str_eq(s.journal, "1: body 2 end 0; 2: body 2 end 0; 4: body 2 end 1; ");
    s.journal[0] = '\0';
    play_all(&s, LANE_RESPONSE);
    cr_assert_str_eq(s.journal, "8: body 1 end 0; 16: body 1 end 0; 32: body 1 end 1; ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(handle, shows_a_message_that_is_all_headers)
{
    SCENE(s, {.name = "a", .request_headers = show});
    s.modes[LANE_REQUEST] = BODY_MODE_NONE;

    play_headers(&s, PHASE_REQUEST_HEADERS, true, H(":method", "GET"));
    cr_assert_str_eq(s.journal, "1: body 0 end 1; ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static int open_look(struct extproc_txn *x)
{
    struct extproc_response response = extproc_response_init();
    struct extproc_str s = EXTPROC_S("s");
    response.status = 403;
    cr_assert_eq(x->phase, 0);
    cr_assert_null(x->ctx);
    cr_assert_eq(x->self, x->instance->self);
    assert_str(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path")), "/");
    cr_assert_eq(extproc_header_state(x, EXTPROC_MAP_REQUEST), EXTPROC_MAP_STATE_GONE);
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, s, s), -EOPNOTSUPP);
    cr_assert_null(extproc_body(x).ptr);
    cr_assert_eq(extproc_body_set(x, s), -EOPNOTSUPP);
    cr_assert_eq(extproc_metadata_set(x, s, s, extproc_null()), -EOPNOTSUPP);
    cr_assert_eq(extproc_clear_route(x), -EOPNOTSUPP);
    cr_assert_eq(extproc_respond(x, &response), EXTPROC_ACTION_FAIL);
    x->ctx = extproc_alloc(x, 1);
    return 0;
}

static enum extproc_action has_ctx(struct extproc_txn *x)
{
    cr_assert_not_null(x->ctx);
    return show(x);
}

Test(handle, opens_before_the_phase_where_nothing_can_be_decided)
{
    SCENE(s, {.name = "a", .open = open_look, .request_headers = has_ctx});

    const struct verdict *v = play_request(&s);
    cr_assert_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_null(v->headers);
    cr_assert_null(v->metadata);
    cr_assert_str_eq(s.journal, "1: body 1 end 0; ");
    cr_assert_str_empty(scene_log(&s));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static int open_skip(struct extproc_txn *x)
{
    return extproc_skip(x, EXTPROC_PHASE_REQUEST_HEADERS);
}

Test(handle, calls_no_phase_that_open_did_not_want)
{
    SCENE(s, {.name = "a", .open = open_skip, .request_headers = show, .request_body = show});

    play_request(&s);
    cr_assert_str_empty(s.journal);
    play_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_str_eq(s.journal, "2: body 1 end 1; ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- what it returns ------------------------------------------------------------------------- */

static int open_fails(struct extproc_txn *x)
{
    return -EIO;
}

static int open_nonsense(struct extproc_txn *x)
{
    return 7;
}

static enum extproc_action just_fail(struct extproc_txn *x)
{
    return EXTPROC_ACTION_FAIL;
}

static enum extproc_action just_respond(struct extproc_txn *x)
{
    return EXTPROC_ACTION_RESPOND;
}

static enum extproc_action nonsense(struct extproc_txn *x)
{
    return (enum extproc_action)42;
}

/* Accepted once, forgotten by the next callback. */
static enum extproc_action prepare_answer(struct extproc_txn *x)
{
    cr_assert_eq(extproc_reply(x, .status = 403), EXTPROC_ACTION_RESPOND);
    return EXTPROC_ACTION_CONTINUE;
}

static void assert_failure(const struct extproc_plugin *plugin, const char *logged)
{
    struct scene s;
    scene_init(&s, plugin, 1);
    play_request(&s);
    const struct verdict *v = play_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_eq(v->kind, VERDICT_RESPOND);
    cr_assert_eq(v->answer->status, 500);
    SCENE_LOGGED(&s, logged);
    SCENE_LOGGED(&s, "bad");
    SCENE_LOGGED(&s, "id-1");
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

Test(handle, reports_why_a_plugin_failed)
{
    const struct extproc_plugin plugins[] = {
        {.name = "bad", .request_body = show, .open = open_fails},
        {.name = "bad", .request_body = show, .open = open_nonsense},
        {.name = "bad", .request_body = just_fail},
        {.name = "bad", .request_body = nonsense},
        {.name = "bad", .request_body = just_respond, .request_headers = prepare_answer},
    };
    assert_failure(&plugins[0], "open() returned -5 (Input/output error)");
    assert_failure(&plugins[1], "open() returned 7 ~-errno");
    assert_failure(&plugins[2], "request_body failed without a reason");
    assert_failure(&plugins[3], "invalid action 42");
    assert_failure(&plugins[4], "callback returned EXTPROC_ACTION_RESPOND");
}

/* ---- what it needs --------------------------------------------------------------------------- */

Test(handle, passes_no_part_of_a_body_to_a_plugin_that_needs_all)
{
    SCENE(s, {.name = "a", .needs = EXTPROC_WHOLE_REQUEST_BODY, .request_body = show});

    play_request(&s);
    cr_assert_eq(play_body(&s, PHASE_REQUEST_BODY, false, "1")->kind, VERDICT_RESPOND);
    cr_assert_str_empty(s.journal);
    SCENE_LOGGED(&s, "send all of the request");
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

Test(handle, passes_a_first_chunk_that_is_the_last_as_complete)
{
    SCENE(s, {.name = "a", .needs = EXTPROC_WHOLE_REQUEST_BODY, .request_body = show},
          {.name = "b", .needs = EXTPROC_WHOLE_RESPONSE_BODY, .request_body = show});

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_str_eq(s.journal, "2: body 2 end 1; 2: body 1 end 1; ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(handle, passes_a_complete_body_to_a_plugin_that_needs_it)
{
    SCENE(s, {.name = "a", .needs = EXTPROC_WHOLE_RESPONSE_BODY, .response_body = show});
    s.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;

    play_response(&s);
    play_body(&s, PHASE_RESPONSE_BODY, false, "trailers follow");
    cr_assert_str_eq(s.journal, "16: body 2 end 0; ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(handle, wants_headers_held_where_they_are_edited_after_the_body)
{
    SCENE(s, {.name = "a", .needs = EXTPROC_HEADERS_WAIT, .response_body = show});
    play_response(&s);
    cr_assert_eq(play_body(&s, PHASE_RESPONSE_BODY, true, "1")->kind, VERDICT_CLOSE);
    SCENE_LOGGED(&s, "hold response headers");
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);

    SCENE(t, {.name = "a", .needs = EXTPROC_HEADERS_WAIT, .response_body = show});
    t.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;
    play_response(&t);
    cr_assert_eq(play_body(&t, PHASE_RESPONSE_BODY, true, "1")->kind, VERDICT_CONTINUE);
    scene_close(&t, EXTPROC_END_DONE);
    scene_fini(&t);
}

static enum extproc_action call_the_next(struct extproc_txn *x)
{
    struct scene *scene = scene_of(x);
    handle_call(&scene->turn, 1, PHASE_REQUEST_HEADERS);
    return EXTPROC_ACTION_CONTINUE;
}

Test(handle, no_callback_runs_inside_another, .signal = SIGABRT)
{
    SCENE(s, {.name = "a", .request_headers = call_the_next},
          {.name = "b", .request_headers = call_the_next});
    play_request(&s);
}

/* ---- what is known of the end ---------------------------------------------------------------- */

static enum extproc_action show_last(struct extproc_txn *x)
{
    note(x, "%d:%d%d ", (int)x->phase, x->end, x->last);
    return EXTPROC_ACTION_CONTINUE;
}

#define SHOW_LAST                                                                                  \
    .request_headers = show_last, .request_body = show_last, .request_trailers = show_last

Test(handle, last_is_known_in_complete_bodies_also_where_trailers_follow)
{
    SCENE(s, {.name = "a", SHOW_LAST});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;
    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "all");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x-t", "1"));
    cr_expect_str_eq(s.journal, "1:00 2:01 4:11 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(handle, last_of_chunks_is_known_only_where_no_trailers_follow)
{
    SCENE(s, {.name = "a", SHOW_LAST});
    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_body(&s, PHASE_REQUEST_BODY, false, "2");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x-t", "1"));
    cr_expect_str_eq(s.journal, "1:00 2:00 2:00 4:11 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);

    scene_init(&s, s_plugins, 1);
    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_body(&s, PHASE_REQUEST_BODY, true, "2");
    cr_expect_str_eq(s.journal, "1:00 2:00 2:11 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(handle, a_message_without_a_body_has_had_its_last_byte)
{
    SCENE(s, {.name = "a", SHOW_LAST});
    play_headers(&s, PHASE_REQUEST_HEADERS, true, H(":method", "GET"), H(":path", "/"));
    cr_expect_str_eq(s.journal, "1:11 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
