/* The SDK's functions on header maps: where a map stands, what may be edited, what is refused. */
#include "scene.h"

static const struct extproc_str name = EXTPROC_STR("x-a"), value = EXTPROC_STR("1");

/* ---- where a map stands ---------------------------------------------------------------------- */

/* One letter a map: . not yet, - none, O open, G gone. */
static enum extproc_action show_states(struct extproc_txn *x)
{
    static const char letters[] = {[EXTPROC_MAP_STATE_NOT_YET] = '.',
                                   [EXTPROC_MAP_STATE_NONE] = '-',
                                   [EXTPROC_MAP_STATE_OPEN] = 'O',
                                   [EXTPROC_MAP_STATE_GONE] = 'G'};
    for (enum extproc_map map = EXTPROC_MAP_REQUEST; map <= EXTPROC_MAP_RESPONSE_TRAILERS; map++)
        note(x, "%c", letters[extproc_header_state(x, map)]);
    note(x, " ");
    return EXTPROC_ACTION_CONTINUE;
}

#define SHOW_EVERYWHERE                                                                            \
    .request_headers = show_states, .request_body = show_states, .request_trailers = show_states,  \
    .response_headers = show_states, .response_body = show_states,                                 \
    .response_trailers = show_states

Test(api_headers, follow_a_message_in_pieces)
{
    SCENE(s, {.name = "a", SHOW_EVERYWHERE});

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x", "1"));
    play_response(&s);
    play_body(&s, PHASE_RESPONSE_BODY, true, "1");
    cr_assert_str_eq(s.journal, "O... G... GO.. GGO. GGG- ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_headers, stay_open_while_the_complete_body_is_awaited)
{
    SCENE(s, {.name = "a", SHOW_EVERYWHERE});
    s.modes[LANE_REQUEST] = s.modes[LANE_RESPONSE] = BODY_MODE_BUFFERED;

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "1");
    play_response(&s);
    play_body(&s, PHASE_RESPONSE_BODY, false, "1");
    play_headers(&s, PHASE_RESPONSE_TRAILERS, true, H("x", "1"));
    cr_assert_str_eq(s.journal, "O... O-.. G-O. G-O. G-GO ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_headers, may_have_passed_by_unseen)
{
    SCENE(s, {.name = "a", SHOW_EVERYWHERE});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_headers(&s, PHASE_REQUEST_TRAILERS, true, H("x", "1"));
    cr_assert_str_eq(s.journal, "-... -O.. ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_headers, may_come_after_those_of_the_response)
{
    SCENE(s, {.name = "a", SHOW_EVERYWHERE});

    play_headers(&s, PHASE_RESPONSE_HEADERS, true, H(":status", "200"));
    play_headers(&s, PHASE_REQUEST_HEADERS, true, H(":path", "/"));
    cr_assert_str_eq(s.journal, "..O- O-G- ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action replace(struct extproc_txn *x)
{
    cr_assert_eq(extproc_body_set(x, value), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, have_no_trailers_after_a_replacement)
{
    SCENE(s, {.name = "a", .request_headers = replace},
          {.name = "b", .request_body = show_states, .response_headers = show_states});

    play_request(&s);
    play_response(&s);
    cr_assert_str_eq(s.journal, "O... G-O. ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum extproc_action read_values(struct extproc_txn *x)
{
    struct extproc_header h;
    assert_str(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("X-A")), "1");
    assert_str(extproc_header_nth(x, EXTPROC_MAP_REQUEST, name, 1), "2");
    cr_assert_null(extproc_header_nth(x, EXTPROC_MAP_REQUEST, name, 2).ptr);
    cr_assert_null(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-b")).ptr);
    cr_assert_null(extproc_header_get(x, EXTPROC_MAP_RESPONSE, name).ptr);

    cr_assert(extproc_header_at(x, EXTPROC_MAP_REQUEST, 1, &h));
    assert_str(h.name, "x-b2");
    assert_str(h.value, "");
    cr_assert_not(extproc_header_at(x, EXTPROC_MAP_REQUEST, 3, &h));
    cr_assert_not(extproc_header_at(x, EXTPROC_MAP_RESPONSE, 0, &h));
    assert_str(h.name, "x-b2");
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, are_read_by_name_and_by_place)
{
    SCENE(s, {.name = "a", .request_headers = read_values});

    play_headers(&s, PHASE_REQUEST_HEADERS, true, H("x-a", "1"), H("x-b2", ""), H("x-a", "2"));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action edit_while_walking(struct extproc_txn *x)
{
    struct extproc_header h;
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, name, EXTPROC_S("3")), 0);
    cr_assert_eq(extproc_header_append(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-c"), value), 0);
    cr_assert_eq(extproc_header_remove(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-b")), 0);
    for (size_t i = 0; extproc_header_at(x, EXTPROC_MAP_REQUEST, i, &h); i++)
        note(x, "%.*s=%.*s ", EXTPROC_ARG(h.name), EXTPROC_ARG(h.value));
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, are_walked_as_they_are_now)
{
    SCENE(s, {.name = "a", .request_headers = edit_while_walking});

    play_headers(&s, PHASE_REQUEST_HEADERS, true, H("x-a", "1"), H("x-b", "1"), H("x-a", "2"));
    cr_assert_str_eq(s.journal, "x-a=3 = = x-c=1 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- editing --------------------------------------------------------------------------------- */

static enum extproc_action edit_on_condition(struct extproc_txn *x)
{
    const enum extproc_map map = EXTPROC_MAP_REQUEST;
    cr_assert_eq(extproc_header_edit(x, map, EXTPROC_EDIT_IF_ABSENT, name, EXTPROC_S("9")), 0);
    cr_assert_eq(extproc_header_edit(x, map, EXTPROC_EDIT_IF_ABSENT, EXTPROC_S("x-new"), value), 0);
    cr_assert_eq(
        extproc_header_edit(x, map, EXTPROC_EDIT_IF_PRESENT, EXTPROC_S("x-b"), EXTPROC_S("2")), 0);
    cr_assert_eq(extproc_header_edit(x, map, EXTPROC_EDIT_IF_PRESENT, EXTPROC_S("x-other"), value),
                 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, are_edited_on_condition)
{
    SCENE(s, {.name = "a", .request_headers = edit_on_condition});

    play_headers(&s, PHASE_REQUEST_HEADERS, true, H("x-a", "1"), H("x-b", "1"));
    cr_assert_str_eq(scene_cell(&s, "x-a"), "none");
    cr_assert_str_eq(scene_cell(&s, "x-new"), "append 1");
    cr_assert_str_eq(scene_cell(&s, "x-b"), "set 2");
    cr_assert_str_eq(scene_cell(&s, "x-other"), "none");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action misuse(struct extproc_txn *x)
{
    const enum extproc_map map = EXTPROC_MAP_REQUEST, none = (enum extproc_map)9;
    const struct extproc_str absent = STR_ABSENT;
    cr_assert_eq(extproc_header_set(x, map, absent, value), -EINVAL);
    cr_assert_eq(extproc_header_set(x, map, name, absent), -EINVAL);
    cr_assert_eq(extproc_header_remove(x, map, absent), -EINVAL);
    cr_assert_eq(extproc_header_set(x, none, name, value), -EINVAL);
    cr_assert_eq(extproc_header_edit(x, map, (enum extproc_edit)9, name, value), -EINVAL);
    cr_assert_eq(extproc_header_set(x, map, EXTPROC_S("not a name"), value), -EINVAL);
    cr_assert_eq(extproc_header_set(x, map, name, EXTPROC_S("a\nb")), -EINVAL);
    cr_assert_eq(extproc_header_set(x, map, EXTPROC_S("Content-Length"), value), -EPERM);
    cr_assert_eq(extproc_header_set(x, map, EXTPROC_S(":status"), EXTPROC_S("200")), -EPERM);
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_RESPONSE, name, value), -EOPNOTSUPP);
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST_TRAILERS, name, value), -EOPNOTSUPP);

    cr_assert_null(extproc_header_get(x, map, absent).ptr);
    cr_assert_null(extproc_header_get(x, none, name).ptr);
    cr_assert_not(extproc_header_at(x, map, 0, NULL));
    cr_assert_eq(extproc_header_state(x, none), EXTPROC_MAP_STATE_NONE);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, refuse_what_would_come_to_nothing)
{
    SCENE(s, {.name = "a", .request_headers = misuse});

    cr_assert_null(play_request(&s)->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action edit_until_full(struct extproc_txn *x)
{
    int r = 0, n = 0;
    for (; r == 0; n++)
        r = extproc_header_append(x, EXTPROC_MAP_REQUEST, name, value);
    cr_assert_eq(r, -ENOSPC);
    cr_assert_leq(n, 101);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, have_a_limit)
{
    SCENE(s, {.name = "a", .request_headers = edit_until_full});

    cr_assert_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action edit_late(struct extproc_txn *x)
{
    assert_str(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path")), "/");
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, name, value), -EOPNOTSUPP);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, are_read_only_once_they_have_gone)
{
    SCENE(s, {.name = "a", .request_body = edit_late, .response_headers = edit_late});

    play_request(&s);
    cr_assert_null(play_body(&s, PHASE_REQUEST_BODY, false, "1")->headers);
    cr_assert_null(play_response(&s)->headers);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- walking a map --------------------------------------------------------------------------- */

static void note_map(struct extproc_txn *x)
{
    struct extproc_header h;
    for (size_t i = 0; extproc_header_at(x, EXTPROC_MAP_REQUEST, i, &h); i++)
        note(x, "%.*s ", EXTPROC_ARG(h.name));
    note(x, "| ");
}

static enum extproc_action remove_while_walking(struct extproc_txn *x)
{
    struct extproc_header h;
    for (size_t i = 0; extproc_header_at(x, EXTPROC_MAP_REQUEST, i, &h); i++) {
        if (h.name.len > 2 && h.name.ptr[1] == '-')
            cr_expect_eq(extproc_header_remove(x, EXTPROC_MAP_REQUEST, h.name), 0);
        else
            note(x, "%.*s ", EXTPROC_ARG(h.name));
    }
    note(x, "| ");
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action only_look(struct extproc_txn *x)
{
    note_map(x);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, a_loop_that_removes_skips_none_and_leaves_no_gap_to_later_callbacks)
{
    SCENE(s, {.name = "a", .request_headers = remove_while_walking},
          {.name = "b", .request_headers = only_look, .request_body = only_look});
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"), H("x-a", "1"), H("x-b", "2"),
                 H("x-a", "3"), H("te", "t"), H("x-c", "4"));
    play_body(&s, PHASE_REQUEST_BODY, true, "x");
    cr_expect_str_eq(s.journal, ":path  te | :path te | :path te | ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action remove_prefixes(struct extproc_txn *x)
{
    enum extproc_map map = EXTPROC_MAP_REQUEST;
    cr_expect_eq(extproc_header_remove_prefix(x, map, EXTPROC_S("")), -EINVAL);
    cr_expect_eq(extproc_header_remove_prefix(x, (enum extproc_map)9, EXTPROC_S("x-")), -EINVAL);
    cr_expect_eq(extproc_header_remove_prefix(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("x-")),
                 -EOPNOTSUPP);
    cr_expect_eq(extproc_header_remove_prefix(x, map, EXTPROC_S("X-A")), 0);
    cr_expect_eq(extproc_header_remove_prefix(x, map, EXTPROC_S("no-such-")), 0);
    cr_expect_eq(extproc_header_remove_prefix(x, map, EXTPROC_S("co")), -EPERM);
    return EXTPROC_ACTION_CONTINUE;
}

/* content-length is the host's, so nothing of what begins as it does is removed. */
Test(api_headers, a_prefix_is_removed_all_or_none)
{
    SCENE(s, {.name = "a", .request_headers = remove_prefixes},
          {.name = "b", .request_headers = only_look});
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"), H("x-a", "1"), H("x-ab", "2"),
                 H("cookie", "3"), H("content-length", "4"));
    cr_expect_str_eq(s.journal, ":path cookie content-length | ");
    cr_expect_str_eq(scene_cell(&s, "x-ab"), "remove");
    cr_expect_str_eq(scene_cell(&s, "cookie"), "none");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action set_values(struct extproc_txn *x)
{
    enum extproc_map map = EXTPROC_MAP_REQUEST;
    cr_expect_eq(extproc_header_set(x, map, name, EXTPROC_S(" 1")), -EINVAL);
    cr_expect_eq(extproc_header_set(x, map, name, EXTPROC_S("1\t")), -EINVAL);
    cr_expect_eq(extproc_header_set(x, map, name, EXTPROC_S(" ")), -EINVAL);
    cr_expect_eq(extproc_header_set(x, map, name, EXTPROC_S("1 2")), 0);
    cr_expect_eq(extproc_header_set(x, map, name, EXTPROC_S("")), 0);
    cr_expect_eq(extproc_header_set(x, map, EXTPROC_S(":path"), EXTPROC_S("/a#b")), -EINVAL);
    cr_expect_eq(extproc_header_set(x, map, EXTPROC_S(":path"), EXTPROC_S("/\xc3\xbc")), -EINVAL);
    cr_expect_eq(extproc_header_set(x, map, EXTPROC_S(":path"), EXTPROC_S("/a?b=%C3%BC")), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_headers, values_have_no_blank_at_an_end_and_paths_are_ascii)
{
    SCENE(s, {.name = "a", .request_headers = set_values});
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
