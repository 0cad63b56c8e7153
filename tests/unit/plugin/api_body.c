/* The SDK's functions on the body: what is in hand, other bytes in its place, who releases them. */
#include "scene.h"

static int released;

static void count_release(void *arg)
{
    cr_assert_eq(arg, &released);
    released++;
}

static const struct extproc_str fresh = EXTPROC_STR("fresh");

/* ---- reading --------------------------------------------------------------------------------- */

static enum extproc_action show_body(struct extproc_txn *x)
{
    struct extproc_str body = extproc_body(x);
    note(x, "%s%.*s. ", body.ptr ? "" : "absent", EXTPROC_ARG(body));
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_body, is_there_in_body_phases_only)
{
    SCENE(s, {.name = "a",
              .request_headers = show_body,
              .request_body = show_body,
              .request_trailers = show_body});

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "chunk");
    play_body(&s, PHASE_REQUEST_BODY, false, "");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x", "1"));
    cr_assert_str_eq(s.journal, "absent. chunk. . absent. ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_body, is_one_piece_however_it_came)
{
    SCENE(s, {.name = "a", .request_body = show_body}, {.name = "b", .request_body = show_body});
    const struct extproc_str pieces[] = {EXTPROC_STR("in "), EXTPROC_STR("two")};

    body_init(&s.event.body, pieces, 2);
    cr_assert_null(scene_play(&s, PHASE_REQUEST_BODY, true)->body);
    cr_assert_str_eq(s.journal, "in two. in two. ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- more than an answer may have ------------------------------------------------------------ */

static enum extproc_action set_longer_than_answers(struct extproc_txn *x)
{
    note(x, "%d ", extproc_body_set(x, EXTPROC_S("12345678")));
    note(x, "%d ", extproc_body_set(x, EXTPROC_S("123456789")));
    note(x, "%d ", extproc_body_set_nocopy(x, EXTPROC_S("123456789"), count_release, &released));
    assert_str(extproc_body(x), "12345678");
    return EXTPROC_ACTION_FAIL;
}

Test(api_body, that_is_too_long_is_refused_at_the_call)
{
    SCENE(s, {.name = "a", .request_body = set_longer_than_answers});
    char wanted[64];

    s.txn.max_answer = 8;
    s.txn.peer = "192.0.2.1:4711";
    s.txn.id = EXTPROC_S("7f3a");
    play_body(&s, PHASE_REQUEST_BODY, true, "old");
    snprintf(wanted, sizeof wanted, "0 %d %d ", -ENOSPC, -ENOSPC);
    cr_assert_str_eq(s.journal, wanted);
    cr_assert_eq(released, 1);
    SCENE_LOGGED(
        &s, " error peer=192.0.2.1:4711 transaction=7f3a chain=test plugin=a phase=request_body: "
            "request_body failed: extproc_body_set(): body of 9 bytes exceeds max_queued (8)\n");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- other bytes ----------------------------------------------------------------------------- */

static enum extproc_action set_a_copy(struct extproc_txn *x)
{
    char text[] = "mine";
    cr_assert_eq(extproc_body_set(x, extproc_str_of(text)), 0);
    memset(text, '!', sizeof text);
    return show_body(x);
}

static enum extproc_action clear(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set(x, EXTPROC_S("")), 0);
    return show_body(x);
}

static enum extproc_action give(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set_nocopy(x, fresh, count_release, &released), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_body, is_set_as_a_copy)
{
    SCENE(s, {.name = "a", .request_body = set_a_copy}, {.name = "b", .request_body = clear});

    cr_assert_not_null(play_body(&s, PHASE_REQUEST_BODY, true, "theirs")->body);
    cr_assert_str_eq(s.journal, "mine. . ");
    cr_assert_eq(s.event.body.len, 0);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_body, is_set_without_a_copy)
{
    SCENE(s, {.name = "a", .request_body = give}, {.name = "b", .request_body = give});

    play_body(&s, PHASE_REQUEST_BODY, true, "theirs");
    cr_assert_eq(body_bytes(&s.event.body, &s.message).ptr, fresh.ptr);
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_eq(released, 2);
    scene_fini(&s);
}

Test(api_body, is_replaced_in_a_headers_phase)
{
    SCENE(s, {.name = "a", .request_headers = give});
    s.modes[LANE_REQUEST] = BODY_MODE_NONE;

    cr_assert_eq(play_request(&s)->kind, VERDICT_REPLACE);
    assert_str(body_bytes(&s.event.body, &s.message), "fresh");
    cr_assert_eq(released, 0);
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_eq(released, 1);
    scene_fini(&s);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static enum extproc_action set_nothing(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set(x, STR_ABSENT), -EINVAL);
    cr_assert_eq(extproc_body_set_nocopy(x, STR_ABSENT, count_release, &released), -EINVAL);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action set_too_much(struct extproc_txn *x)
{
    struct extproc_str huge = {"", SIZE_MAX / 2};
    cr_assert_eq(extproc_body_set(x, huge), -ENOMEM);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action set_out_of_place(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set(x, fresh), -EOPNOTSUPP);
    cr_assert_eq(extproc_body_set_nocopy(x, fresh, count_release, &released), -EOPNOTSUPP);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_body, stays_as_it_was_where_it_is_not_set)
{
    SCENE(s, {.name = "a", .request_body = set_nothing},
          {.name = "b", .request_body = set_too_much});

    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, true, "theirs")->body);
    cr_assert_eq(released, 1);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_body, is_out_of_reach_in_trailers)
{
    SCENE(s, {.name = "a", .response_trailers = set_out_of_place});

    cr_assert_null(play_headers(&s, PHASE_RESPONSE_TRAILERS, true, H("x", "1"))->body);
    cr_assert_eq(released, 1);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action give_in_vain(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set_nocopy(x, fresh, count_release, &released), 0);
    cr_assert_eq(released, 1);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_body, is_accepted_and_dropped_if_the_proxy_only_observes)
{
    SCENE(s, {.name = "a", .request_headers = give_in_vain});
    s.event.observing = true;

    cr_assert_null(prepared_headers(&s, PHASE_REQUEST_HEADERS, true, H(":path", "/"))->body);
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_eq(released, 1);
    scene_fini(&s);
}
