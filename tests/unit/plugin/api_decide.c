/* The SDK's decisions: an immediate response, a new route, skipping phases, waiting. */
#include "scene.h"

/* ---- answers --------------------------------------------------------------------------------- */

static enum extproc_action answer_in_full(struct extproc_txn *x)
{
    char text[] = "body";
    const struct extproc_header headers[] = {H("x-a", "1"), H("set-cookie", "b")};
    enum extproc_action action =
        extproc_reply(x, .status = 429, .body = {text, 4}, .details = EXTPROC_S("slow_down"),
                      .headers = headers, .n_headers = 2, .grpc_status = 8);
    memset(text, '!', sizeof text);
    return action;
}

Test(api_decide, answers_with_copies)
{
    SCENE(s, {.name = "a", .request_headers = answer_in_full});

    const struct answer *answer = play_request(&s)->answer;
    cr_assert_eq(answer->status, 429);
    assert_str(answer->body, "body");
    assert_str(answer->details, "slow_down");
    cr_assert_eq(answer->grpc_status, 8);
    cr_assert_eq(answer->n_headers, 2);
    assert_str(answer->headers[1].name, "set-cookie");
    assert_str(answer->headers[1].value, "b");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action answer_with_the_least(struct extproc_txn *x)
{
    struct extproc_response r = extproc_response_init();
    r.status = 200;
    return extproc_respond(x, &r);
}

Test(api_decide, answers_by_the_plugins_name)
{
    SCENE(s, {.name = "least", .response_headers = answer_with_the_least});

    const struct verdict *v = play_response(&s);
    cr_assert_eq(v->kind, VERDICT_RESPOND);
    assert_str(v->answer->details, "least");
    cr_assert_eq(v->answer->body.len, 0);
    cr_assert_eq(v->answer->grpc_status, EXTPROC_NO_GRPC);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action answer_at_length(struct extproc_txn *x)
{
    return extproc_reply(x, .status = 200, .body = EXTPROC_S("123456789"));
}

Test(api_decide, limits_an_immediate_response_to_the_size_of_an_answer)
{
    SCENE(s, {.name = "a", .request_headers = answer_at_length});

    s.txn.max_answer = 8;
    s.txn.peer = "192.0.2.1:4711";
    s.txn.id = EXTPROC_S("7f3a");
    const struct verdict *v = play_request(&s);
    cr_assert_eq(v->answer->status, 500);
    assert_str(v->answer->details, "service.a.error{7f3a}");
    SCENE_LOGGED(
        &s,
        " error peer=192.0.2.1:4711 transaction=7f3a chain=test plugin=a phase=request_headers: "
        "request_headers failed: extproc_respond(): body of 9 bytes exceeds max_queued (8)\n");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static void assert_refused(struct extproc_txn *x, enum extproc_action action, const char *why)
{
    const char *refused = scene_of(x)->turn.refused.text;
    cr_assert_eq(action, EXTPROC_ACTION_FAIL);
    cr_assert(strstr(refused, "extproc_respond(): ") == refused && lines_have(refused, why),
              "\"%s\" is not \"%s\"", refused, why);
}

static enum extproc_action answer_wrongly(struct extproc_txn *x)
{
    static const struct extproc_header broken[] = {H("x a", "1")}, absent[] = {{{NULL, 0}}},
                                       length[] = {H("content-length", "1")};
    struct extproc_response unsized = extproc_response_init();
    unsized.size = 8;
    unsized.status = 403;
    assert_refused(x, extproc_respond(x, NULL), "size");
    assert_refused(x, extproc_respond(x, &unsized), "size");
    assert_refused(x, extproc_reply(x, .status = 199), "status 199");
    assert_refused(x, extproc_reply(x, .status = 600), "status 600");
    assert_refused(x, extproc_reply(x, .status = 403, .headers = broken, .n_headers = 1),
                   "headers[0], x a: ~space");
    assert_refused(x, extproc_reply(x, .status = 403, .headers = absent, .n_headers = 1),
                   "headers[0]");
    assert_refused(x, extproc_reply(x, .status = 403, .headers = length, .n_headers = 1),
                   "headers[0], content-length: not allowed~length");
    assert_refused(x, extproc_reply(x, .status = 403, .headers = NULL, .n_headers = 1),
                   "headers is NULL");
    assert_refused(x, extproc_reply(x, .status = 403, .headers = broken, .n_headers = SIZE_MAX),
                   "headers exceed 100~the proxy of the scene");
    assert_refused(x, extproc_reply(x, .status = 403, .details = EXTPROC_S("\xff")),
                   "details~UTF-8");
    assert_refused(x, extproc_reply(x, .status = 403, .body = {"", SIZE_MAX / 2}), "out of memory");
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_decide, answers_nothing_that_the_proxy_would_not_take)
{
    SCENE(s, {.name = "a", .request_headers = answer_wrongly});

    const struct verdict *v = play_request(&s);
    cr_assert_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_null(v->answer);
    cr_assert_str_empty(scene_log(&s));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action answer_twice(struct extproc_txn *x)
{
    enum extproc_action action = extproc_reply(x, .status = 403);
    cr_assert_eq(extproc_reply(x, .status = 700), EXTPROC_ACTION_FAIL);
    return action;
}

Test(api_decide, stands_by_an_answer_when_another_is_refused)
{
    SCENE(s, {.name = "a", .request_headers = answer_twice});

    cr_assert_eq(play_request(&s)->answer->status, 403);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_decide, refuses_an_immediate_response_after_the_response_has_begun)
{
    SCENE(s, {.name = "a", .response_body = answer_with_the_least});
    play_response(&s);
    cr_assert_eq(play_body(&s, PHASE_RESPONSE_BODY, false, "1")->kind, VERDICT_CLOSE);
    SCENE_LOGGED(&s, "response~begun");
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);

    SCENE(t, {.name = "a", .response_trailers = answer_with_the_least});
    play_response(&t);
    cr_assert_eq(play_headers(&t, PHASE_RESPONSE_TRAILERS, true, H("x", "1"))->kind, VERDICT_CLOSE);
    scene_close(&t, EXTPROC_END_FAILED);
    scene_fini(&t);
}

/* ---- a new route ----------------------------------------------------------------------------- */

static enum extproc_action try_route(struct extproc_txn *x)
{
    note(x, "%d:%d ", (int)x->phase, extproc_clear_route(x));
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_decide, clears_the_route_while_the_request_is_held)
{
    SCENE(s, {.name = "a",
              .request_headers = try_route,
              .request_body = try_route,
              .request_trailers = try_route,
              .response_headers = try_route});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;
    char expected[64];
    sprintf(expected, "1:0 2:0 4:%d 8:%d ", -EOPNOTSUPP, -EOPNOTSUPP);

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x", "1"));
    play_response(&s);
    cr_assert_str_eq(s.journal, expected);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- skipping phases ------------------------------------------------------------------------- */

static enum extproc_action skip_bodies(struct extproc_txn *x)
{
    note(x, "%d ", (int)x->phase);
    cr_assert_eq(extproc_skip(x, EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY), 0);
    cr_assert_eq(extproc_skip(x, 64), -EINVAL);
    cr_assert_eq(extproc_skip(x, EXTPROC_PHASE_RESPONSE_HEADERS | 64u), -EINVAL);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_decide, skips_later_phases_of_this_plugin)
{
    SCENE(s,
          {.name = "a",
           .request_body = skip_bodies,
           .response_headers = skip_bodies,
           .response_body = skip_bodies},
          {.name = "b", .response_body = try_route});

    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_body(&s, PHASE_REQUEST_BODY, true, "2");
    play_response(&s);
    play_body(&s, PHASE_RESPONSE_BODY, true, "3");
    cr_assert_eq(strncmp(s.journal, "2 8 16:", 7), 0, "%s", s.journal);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- a body that is not copied --------------------------------------------------------------- */

static int n_released;

static void release(void *arg)
{
    cr_expect_eq(arg, &n_released);
    n_released++;
}

#define LENT(text) .body = EXTPROC_S(text), .release = release, .release_arg = &n_released

static enum extproc_action answer_with_a_lent_body(struct extproc_txn *x)
{
    static const char body[] = "mine";
    cr_expect_eq(extproc_reply(x, .status = 700, LENT("no")), EXTPROC_ACTION_FAIL);
    cr_expect_eq(n_released, 1, "a refused one is released immediately");
    cr_expect_eq(extproc_reply(x, .status = 403, LENT("first")), EXTPROC_ACTION_RESPOND);
    return extproc_reply(x, .status = 403, .body = {body, 4}, .release = release,
                         .release_arg = &n_released);
}

Test(api_decide, answers_with_bytes_that_are_lent_and_released_once)
{
    SCENE(s, {.name = "a", .request_headers = answer_with_a_lent_body});
    n_released = 0;
    const struct verdict *v = play_request(&s);
    assert_str(v->answer->body, "mine");
    cr_expect_eq(n_released, 1, "while the answer may be read, nothing is released");
    scene_settle(&s);
    cr_expect_eq(n_released, 3);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
    cr_expect_eq(n_released, 3);
}

static enum extproc_action answer_and_fail(struct extproc_txn *x)
{
    extproc_reply(x, .status = 403, LENT("dropped"));
    return EXTPROC_ACTION_FAIL;
}

Test(api_decide, a_lent_body_of_an_answer_that_is_dropped_is_released)
{
    SCENE(s, {.name = "a", .request_headers = answer_and_fail});
    n_released = 0;
    cr_expect_eq(play_request(&s)->answer->status, 500);
    scene_close(&s, EXTPROC_END_FAILED);
    cr_expect_eq(n_released, 1);
    scene_fini(&s);
}
