/* The walk through the chain: order, composition, replacement, answers, failures, memory. */
#include "scene.h"

/* ---- plugins --------------------------------------------------------------------------------- */

static enum extproc_action pass(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action trace(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    note(x, "%s%d ", instance->name, (int)x->phase);
    return EXTPROC_ACTION_CONTINUE;
}

/* Adds its name to x-path, after noting what it was. */
static enum extproc_action sign(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    enum extproc_map map =
        x->phase < EXTPROC_PHASE_RESPONSE_HEADERS ? EXTPROC_MAP_REQUEST : EXTPROC_MAP_RESPONSE;
    note(x, "%s sees %.*s; ", instance->name,
         EXTPROC_ARG(extproc_header_get(x, map, EXTPROC_S("x-path"))));
    cr_assert_eq(extproc_header_set(x, map, EXTPROC_S("X-Path"), extproc_str_of(instance->name)),
                 0);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action replace(struct extproc_txn *x)
{
    trace(x);
    cr_assert_eq(extproc_body_set(x, EXTPROC_S("new")), 0);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action add_to_body(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    struct extproc_str body = extproc_body(x);
    trace(x);
    struct extproc_str longer = extproc_format(x, "%.*s+%s", EXTPROC_ARG(body), instance->name);
    cr_assert_eq(extproc_body_set(x, longer), 0);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action refuse(struct extproc_txn *x)
{
    trace(x);
    return extproc_reply(x, .status = 403, .body = EXTPROC_S("no\n"));
}

static enum extproc_action fail_after_edit(struct extproc_txn *x)
{
    trace(x);
    extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-path"), EXTPROC_S("bad"));
    return EXTPROC_ACTION_FAIL;
}

static enum extproc_action fail(struct extproc_txn *x)
{
    trace(x);
    return EXTPROC_ACTION_FAIL;
}

/* ---- order ----------------------------------------------------------------------------------- */

Test(turn, calls_requests_in_order_and_responses_in_reverse)
{
    SCENE(s, {.name = "a", .request_headers = sign, .response_headers = sign}, {.name = "idle"},
          {.name = "b", .request_headers = sign, .response_headers = sign});

    play_request(&s);
    cr_assert_str_eq(s.journal, "a sees ; b sees a; ");
    cr_assert_str_eq(scene_cell(&s, "x-path"), "set b");

    s.journal[0] = '\0';
    play_response(&s);
    cr_assert_str_eq(s.journal, "b sees ; a sees b; ");
    cr_assert_str_eq(scene_cell(&s, "x-path"), "set a");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, says_nothing_where_no_plugin_did_anything)
{
    SCENE(s, {.name = "a", .request_headers = pass, .request_body = pass});

    const struct verdict *v = play_request(&s);
    cr_assert_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_eq(v->phase, PHASE_REQUEST_HEADERS);
    cr_assert_null(v->headers);
    cr_assert_null(v->body);
    cr_assert_null(v->metadata);
    cr_assert_null(v->answer);
    cr_assert_not(v->clear_route);

    v = play_body(&s, PHASE_REQUEST_BODY, true, "bytes");
    cr_assert_eq(v->phase, PHASE_REQUEST_BODY);
    cr_assert_null(v->body);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, passes_where_there_is_no_chain)
{
    SCENE(s, {.name = "a", .request_headers = trace});
    s.txn.chain = NULL;

    cr_assert_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    cr_assert_eq(play_body(&s, PHASE_REQUEST_BODY, true, "bytes")->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_str_empty(s.journal);
    cr_assert_eq(arena_size(&s.stream), 0);
    scene_fini(&s);
}

Test(turn, may_end_without_having_run)
{
    SCENE(s, {.name = "a", .request_headers = trace});
    event_is(&s.event, PHASE_REQUEST_HEADERS);
    s.event.end = true;

    cr_assert_eq(turn_begin(&s.turn, &s.txn, &s.event, &s.message), 0);
    turn_end(&s.turn);
    scene_close(&s, EXTPROC_END_DISCONNECTED);
    cr_assert_str_empty(s.journal);
    scene_fini(&s);
}

/* ---- what later phases see ------------------------------------------------------------------- */

static enum extproc_action read_path(struct extproc_txn *x)
{
    note(x, "%.*s ", EXTPROC_ARG(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-path"))));
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, keeps_edits_for_later_phases_and_sends_them_once)
{
    SCENE(s, {.name = "a",
              .request_headers = sign,
              .request_body = read_path,
              .response_headers = read_path});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_request(&s);
    cr_assert_not_null(s.turn.verdict.headers);
    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, true, "12345")->headers);
    cr_assert_null(play_response(&s)->headers);
    cr_assert_str_eq(s.journal, "a sees ; a a ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, edits_headers_again_in_the_phase_of_a_complete_body)
{
    SCENE(s, {.name = "a", .request_headers = sign, .request_body = sign});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "12345");
    cr_assert_str_eq(s.journal, "a sees ; a sees a; ");
    cr_assert_str_eq(scene_cell(&s, "x-path"), "set a");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, hands_each_chunk_from_plugin_to_plugin)
{
    SCENE(s, {.name = "a", .request_body = add_to_body, .response_body = add_to_body},
          {.name = "b", .request_body = add_to_body, .response_body = add_to_body});
    play_request(&s);

    const struct verdict *v = play_body(&s, PHASE_REQUEST_BODY, false, "1");
    assert_str(body_bytes(&s.event.body, &s.message), "1+a+b");
    cr_assert_eq(v->body, &s.event.body);

    play_body(&s, PHASE_RESPONSE_BODY, true, "2");
    assert_str(body_bytes(&s.event.body, &s.message), "2+b+a");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action edit_trailers(struct extproc_txn *x)
{
    cr_assert_eq(
        extproc_header_append(x, EXTPROC_MAP_REQUEST_TRAILERS, EXTPROC_S("x-sum"), EXTPROC_S("1")),
        0);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action read_trailers(struct extproc_txn *x)
{
    note(x, "%.*s",
         EXTPROC_ARG(extproc_header_get(x, EXTPROC_MAP_REQUEST_TRAILERS, EXTPROC_S("x-sum"))));
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, edits_trailers_and_keeps_them)
{
    SCENE(s, {.name = "a", .request_trailers = edit_trailers, .response_headers = read_trailers});
    play_request(&s);

    play_headers(&s, PHASE_REQUEST_TRAILERS, false, H("grpc-status", "0"));
    cr_assert_eq(s.turn.verdict.headers, &s.txn.lanes[LANE_REQUEST].trailers);
    cr_assert_str_eq(scene_cell(&s, "x-sum"), "append 1");
    cr_assert(direction_is_over(&s.txn.lanes[LANE_REQUEST].direction));

    play_response(&s);
    cr_assert_str_eq(s.journal, "1");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- replacement ----------------------------------------------------------------------------- */

Test(turn, passes_a_replacement_to_later_plugins)
{
    SCENE(s, {.name = "a", .request_headers = trace, .request_body = trace},
          {.name = "b", .request_headers = replace, .request_body = trace},
          {.name = "c", .request_headers = trace, .request_body = add_to_body},
          {.name = "d", .request_body = add_to_body});

    const struct verdict *v = play_request(&s);
    cr_assert_str_eq(s.journal, "a1 b1 c1 c2 d2 ");
    cr_assert_eq(v->kind, VERDICT_REPLACE);
    cr_assert_eq(v->phase, PHASE_REQUEST_HEADERS);
    assert_str(body_bytes(&s.event.body, &s.message), "new+c+d");
    cr_assert(direction_is_over(&s.txn.lanes[LANE_REQUEST].direction));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, passes_a_replacement_to_later_plugins_in_the_response)
{
    SCENE(s, {.name = "a", .response_body = add_to_body},
          {.name = "b", .response_headers = trace, .response_body = add_to_body},
          {.name = "c", .response_headers = replace, .response_body = trace},
          {.name = "d", .response_headers = trace, .response_body = trace});

    play_request(&s);
    play_response(&s);
    cr_assert_str_eq(s.journal, "d8 c8 b8 b16 a16 ");
    assert_str(body_bytes(&s.event.body, &s.message), "new+b+a");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, shows_no_replacement_to_a_plugin_that_replaces_it_in_turn)
{
    SCENE(s, {.name = "a", .request_headers = replace},
          {.name = "b", .request_headers = replace, .request_body = trace},
          {.name = "c", .request_body = trace});

    play_request(&s);
    cr_assert_str_eq(s.journal, "a1 b1 c2 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action look_after_replacement(struct extproc_txn *x)
{
    note(x, "%d: body %d, end %d, trailers %d, %.*s; ", (int)x->phase, (int)x->body_mode, x->end,
         (int)extproc_header_state(x, EXTPROC_MAP_REQUEST_TRAILERS), EXTPROC_ARG(extproc_body(x)));
    cr_assert_eq(extproc_header_append(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-n"), EXTPROC_S("1")),
                 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, shows_a_replacement_as_a_complete_body)
{
    SCENE(s, {.name = "a", .request_headers = replace},
          {.name = "b",
           .request_headers = look_after_replacement,
           .request_body = look_after_replacement});

    play_request(&s);
    cr_assert_str_eq(s.journal, "a1 1: body 2, end 0, trailers 0, ; "
                                "2: body 2, end 1, trailers 0, new; ");
    cr_assert_str_eq(scene_cell(&s, "x-n"), "append 1 1");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action replace_as_post(struct extproc_txn *x)
{
    struct extproc_str method = EXTPROC_S(":method"), put = EXTPROC_S("PUT");
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, method, put), -EPERM);
    replace(x);
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, method, put), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, changes_the_method_with_a_replacement_only)
{
    SCENE(s, {.name = "a", .request_headers = replace_as_post});

    play_request(&s);
    cr_assert_str_eq(scene_cell(&s, ":method"), "set PUT");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- content-length -------------------------------------------------------------------------- */

Test(turn, keeps_content_length_right)
{
    SCENE(s, {.name = "a", .request_body = add_to_body});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "12345");
    cr_assert_str_eq(scene_cell(&s, "content-length"), "set 7");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action same_length(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set(x, EXTPROC_S("abcde")), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, leaves_content_length_alone_where_it_fits)
{
    SCENE(s, {.name = "a", .request_body = same_length});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_request(&s);
    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, true, "12345")->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, adds_no_content_length_where_there_was_none)
{
    SCENE(s, {.name = "a", .response_body = add_to_body});
    s.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;

    play_response(&s);
    cr_assert_null(play_body(&s, PHASE_RESPONSE_BODY, true, "12345")->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, leaves_content_length_to_the_proxy_in_other_modes)
{
    SCENE(s, {.name = "a", .request_body = add_to_body});

    play_request(&s);
    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, true, "12345")->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, edits_no_headers_that_it_never_saw)
{
    SCENE(s, {.name = "a", .request_body = add_to_body});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, true, "12345")->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum extproc_action tag_and_clear(struct extproc_txn *x)
{
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-a"), EXTPROC_S("1")), 0);
    cr_assert_eq(extproc_clear_route(x), 0);
    cr_assert_eq(extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("a"), extproc_bool(true)), 0);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action refuse_with_metadata(struct extproc_txn *x)
{
    cr_assert_eq(extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("b"), extproc_bool(true)), 0);
    return refuse(x);
}

Test(turn, stops_at_an_answer_drops_edits_and_keeps_metadata)
{
    SCENE(s, {.name = "a", .request_headers = tag_and_clear},
          {.name = "b", .request_headers = refuse_with_metadata},
          {.name = "c", .request_headers = trace});

    const struct verdict *v = play_request(&s);
    cr_assert_str_eq(s.journal, "b1 ");
    cr_assert_eq(v->kind, VERDICT_RESPOND);
    cr_assert_eq(v->answer->status, 403);
    assert_str(v->answer->body, "no\n");
    assert_str(v->answer->details, "b");
    cr_assert_null(v->headers);
    cr_assert_not(v->clear_route);
    cr_assert_not_null(metadata_find(v->metadata, EXTPROC_S("ns"), EXTPROC_S("a")));
    cr_assert_not_null(metadata_find(v->metadata, EXTPROC_S("ns"), EXTPROC_S("b")));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action clear_only(struct extproc_txn *x)
{
    cr_assert_eq(extproc_clear_route(x), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, clears_the_route_for_a_plugin_that_also_edits)
{
    SCENE(s, {.name = "a", .request_headers = clear_only}, {.name = "b", .request_headers = sign});
    cr_assert_not(play_request(&s)->clear_route);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);

    SCENE(t, {.name = "a", .request_headers = tag_and_clear},
          {.name = "b", .request_headers = sign});
    cr_assert(play_request(&t)->clear_route);
    scene_close(&t, EXTPROC_END_DONE);
    scene_fini(&t);
}

/* ---- failures -------------------------------------------------------------------------------- */

Test(turn, answers_for_a_plugin_that_fails)
{
    SCENE(s, {.name = "a", .request_headers = sign}, {.name = "b", .request_headers = fail},
          {.name = "c", .request_headers = trace});

    const struct verdict *v = play_request(&s);
    cr_assert_str_eq(s.journal, "a sees ; b1 ");
    cr_assert_eq(v->kind, VERDICT_RESPOND);
    cr_assert_eq(v->answer->status, 500);
    assert_str(v->answer->details, "service.b.error{id-1}");
    cr_assert_eq(v->answer->grpc_status, EXTPROC_NO_GRPC);
    cr_assert_null(v->headers);
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

Test(turn, closes_where_no_answer_can_be_sent)
{
    SCENE(s, {.name = "a", .request_body = fail, .response_body = fail, .response_trailers = fail});

    play_response(&s);
    const struct verdict *v = play_body(&s, PHASE_RESPONSE_BODY, false, "1");
    cr_assert_eq(v->kind, VERDICT_CLOSE);
    assert_str(v->why, "plugin a failed in response_body");
    cr_assert_null(v->answer);
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

Test(turn, knows_that_the_response_has_begun)
{
    SCENE(s, {.name = "a", .request_body = refuse});

    play_request(&s);
    play_response(&s);
    cr_assert_eq(play_body(&s, PHASE_REQUEST_BODY, false, "1")->kind, VERDICT_CLOSE);
    SCENE_LOGGED(&s, "response~begun");
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

Test(turn, knows_that_the_proxy_holds_a_response_back)
{
    SCENE(s, {.name = "a", .request_body = refuse, .response_body = refuse});
    s.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;

    play_request(&s);
    play_response(&s);
    cr_assert_eq(play_body(&s, PHASE_REQUEST_BODY, false, "1")->kind, VERDICT_RESPOND);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- a proxy that only observes -------------------------------------------------------------- */

Test(turn, goes_on_without_a_failed_plugin_if_the_proxy_only_observes)
{
    SCENE(s, {.name = "a", .request_headers = sign},
          {.name = "b", .request_headers = fail_after_edit, .request_body = trace},
          {.name = "c", .request_headers = sign, .request_body = trace});

    s.event.observing = true;
    const struct verdict *v =
        prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "GET"));
    cr_assert_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_str_eq(s.journal, "a sees ; b1 c sees a; ");

    scene_settle(&s);
    s.event.observing = true;
    prepared_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_str_eq(s.journal, "a sees ; b1 c sees a; c2 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(turn, drops_answers_and_replacements_if_the_proxy_only_observes)
{
    SCENE(s, {.name = "a", .request_headers = replace, .request_body = trace},
          {.name = "b", .request_headers = refuse}, {.name = "c", .request_headers = trace});

    s.event.observing = true;
    const struct verdict *v =
        prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "GET"));
    cr_assert_eq(v->kind, VERDICT_CONTINUE);
    cr_assert_null(v->body);
    cr_assert_null(v->answer);

    scene_settle(&s);
    s.event.observing = true;
    prepared_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_str_eq(s.journal, "a1 b1 c1 a2 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static enum extproc_action work_on_chunk(struct extproc_txn *x)
{
    struct extproc_str key = EXTPROC_S("k");
    cr_assert_not_null(extproc_scratch(x, 512));
    cr_assert_eq(extproc_body_set(x, extproc_format(x, "%.*s", EXTPROC_ARG(extproc_body(x)))), 0);
    cr_assert_eq(extproc_metadata_set(x, key, key, extproc_string(key)), 0);
    assert_str(extproc_attribute(x, key).as.string, "v");
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, needs_constant_memory_for_a_body_of_any_length)
{
    SCENE(s, {.name = "a", .request_body = work_on_chunk, .response_headers = pass});
    play_request(&s);
    size_t before = 0;

    for (int i = 0; i < 1000; i++) {
        scene_settle(&s);
        s.event.attributes = scene_tree(&s, "k=v");
        s.event.metadata = scene_tree(&s, "ns=v");
        prepared_body(&s, PHASE_REQUEST_BODY, false, "some bytes");
        if (i == 1) /* what the first has left is there */
            before = arena_size(&s.stream) + arena_size(&s.txn.sent->arena);
    }
    cr_assert_leq(arena_size(&s.stream) + arena_size(&s.txn.sent->arena), 2 * before);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action read_kept_trees(struct extproc_txn *x)
{
    note(x, "%.*s %.*s", EXTPROC_ARG(extproc_attribute(x, EXTPROC_S("addr")).as.string),
         EXTPROC_ARG(extproc_metadata(x, EXTPROC_S("ns")).as.string));
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, keeps_the_trees_of_a_first_message)
{
    SCENE(s, {.name = "a", .response_headers = read_kept_trees});

    s.event.attributes = scene_tree(&s, "addr=1.2.3.4");
    s.event.metadata = scene_tree(&s, "ns=m");
    prepared_body(&s, PHASE_REQUEST_BODY, true, "headers passed by unseen");
    play_response(&s);
    cr_assert_str_eq(s.journal, "1.2.3.4 m");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static int released;

static void count_release(void *arg)
{
    released++;
}

static enum extproc_action give(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set_nocopy(x, EXTPROC_S("given"), count_release, NULL), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(turn, releases_a_body_without_a_copy_when_it_ends)
{
    SCENE(s, {.name = "a", .request_body = give});
    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_eq(released, 0);
    scene_settle(&s);
    cr_assert_eq(released, 1);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
