/* A transaction from its first event to its end: what it costs, what it keeps, what close()
 * gets. */
#include "scene.h"

#include <signal.h>

static enum extproc_action pass(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static int open_note(struct extproc_txn *x)
{
    note(x, "open %s; ", ((const struct instance *)x->instance)->name);
    return 0;
}

static int open_fail(struct extproc_txn *x)
{
    open_note(x);
    return -EIO;
}

static void close_note(struct extproc_txn *x, enum extproc_end why)
{
    note(x, "close %s %d; ", ((const struct instance *)x->instance)->name, (int)why);
}

/* ---- memory and references ------------------------------------------------------------------- */

Test(txn, takes_no_memory_until_a_plugin_is_called)
{
    SCENE(s, {.name = "a", .response_headers = pass});
    s.chain.interest = 0; /* so that nothing is kept either */

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, true, "bytes");
    scene_settle(&s);
    cr_assert_null(s.txn.handles);
    cr_assert_eq(arena_size(&s.stream), 0);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, is_small)
{
    cr_assert_leq(sizeof(struct handle), 64);
    cr_assert_leq(sizeof(struct txn), 688);
}

Test(txn, holds_the_generation_until_its_end)
{
    SCENE(s, {.name = "a", .request_headers = pass});
    cr_assert_eq(s.generation->refs, 2);

    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_eq(s.generation->refs, 1);
    scene_fini(&s);
}

/* ---- open and close -------------------------------------------------------------------------- */

Test(txn, opens_at_the_first_phase_and_closes_in_request_order)
{
    SCENE(s,
          {.name = "a",
           .open = open_note,
           .close = close_note,
           .request_headers = pass,
           .response_headers = pass},
          {.name = "b", .open = open_note, .close = close_note, .response_headers = pass},
          {.name = "never", .open = open_note, .close = close_note, .request_trailers = pass});

    play_request(&s);
    cr_assert_str_eq(s.journal, "open a; ");
    play_response(&s);
    cr_assert_str_eq(s.journal, "open a; open b; ");
    scene_close(&s, EXTPROC_END_DRAINED);
    cr_assert_str_eq(s.journal, "open a; open b; close a 3; close b 3; ");
    scene_fini(&s);
}

Test(txn, closes_nothing_that_did_not_open)
{
    SCENE(s, {.name = "a", .open = open_fail, .close = close_note, .request_headers = pass});

    cr_assert_eq(play_request(&s)->kind, VERDICT_RESPOND);
    scene_close(&s, EXTPROC_END_FAILED);
    cr_assert_str_eq(s.journal, "open a; ");
    scene_fini(&s);
}

static void close_look(struct extproc_txn *x, enum extproc_end why)
{
    struct extproc_header header;
    struct extproc_str name = EXTPROC_S(":path");
    cr_assert_eq(x->phase, 0);
    cr_assert_str_eq(x->ctx, "mine");
    for (enum extproc_map map = EXTPROC_MAP_REQUEST; map <= EXTPROC_MAP_RESPONSE_TRAILERS; map++) {
        cr_assert_eq(extproc_header_state(x, map), EXTPROC_MAP_STATE_NONE);
        cr_assert_null(extproc_header_get(x, map, name).ptr);
        cr_assert_not(extproc_header_at(x, map, 0, &header));
    }
    cr_assert_eq(extproc_attribute(x, EXTPROC_S("addr")).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_metadata(x, EXTPROC_S("ns")).kind, EXTPROC_KIND_ABSENT);
    cr_assert_not_null(extproc_alloc(x, 8));
    cr_assert_not_null(extproc_scratch(x, 8));
    assert_str(extproc_format(x, "%d", 7), "7");
    cr_assert_eq(extproc_list(x, NULL, 0).kind, EXTPROC_KIND_LIST);
    extproc_log(x, EXTPROC_LEVEL_ERROR, "bye");
    note(x, "closed");
}

static int open_ctx(struct extproc_txn *x)
{
    x->ctx = strcpy(extproc_alloc(x, 8), "mine");
    return 0;
}

/* Whatever the neighbours in the chain still wanted. */
Test(txn, leaves_nothing_of_the_message_to_close)
{
    SCENE(s, {.name = "a", .open = open_ctx, .close = close_look, .request_headers = pass},
          {.name = "b", .response_trailers = pass});

    s.event.attributes = scene_tree(&s, "addr=1.2.3.4");
    s.event.metadata = scene_tree(&s, "ns=m");
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"), H("x-request-id", "id-1"));
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_str_eq(s.journal, "closed");
    SCENE_LOGGED(&s, "id-1");
    scene_fini(&s);
}

/* ---- what may still come --------------------------------------------------------------------- */

Test(txn, wants_what_may_still_come)
{
    SCENE(s, {.name = "a", .request_headers = pass, .request_body = pass});
    cr_assert(txn_wants_later(&s.txn));

    play_request(&s);
    cr_assert(txn_wants_later(&s.txn));
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    cr_assert(txn_wants_later(&s.txn));
    play_response(&s);
    cr_assert(txn_wants_later(&s.txn));
    play_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_not(txn_wants_later(&s.txn));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, wants_a_complete_body_once)
{
    SCENE(s, {.name = "a", .request_body = pass});
    s.modes[LANE_REQUEST] = BODY_MODE_BUFFERED;

    play_body(&s, PHASE_REQUEST_BODY, false, "trailers follow");
    cr_assert_not(txn_wants_later(&s.txn));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, wants_a_request_that_comes_after_its_response)
{
    SCENE(s, {.name = "a", .request_headers = pass});

    play_response(&s);
    cr_assert(txn_wants_later(&s.txn));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action skip_response(struct extproc_txn *x)
{
    cr_assert_eq(extproc_skip(x, EXTPROC_PHASE_RESPONSE_HEADERS), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(txn, does_not_want_what_everyone_skips)
{
    SCENE(s, {.name = "a", .request_headers = skip_response, .response_headers = pass});

    play_request(&s);
    cr_assert_not(txn_wants_later(&s.txn));
    scene_settle(&s);
    cr_assert_not(s.txn.lanes[LANE_REQUEST].headers_here);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- its name -------------------------------------------------------------------------------- */

Test(txn, is_named_by_its_request_id)
{
    SCENE(s, {.name = "a", .request_headers = pass});

    play_request(&s);
    scene_settle(&s); /* the headers are dropped, the id is not */
    assert_str(txn_id(&s.txn), "id-1");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, has_an_id_of_its_own_where_the_one_it_came_with_is_empty)
{
    SCENE(s, {.name = "a", .response_headers = pass});
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"), H("x-request-id", ""));
    cr_assert_eq(txn_id(&s.txn).len, 16);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, has_an_id_of_its_own_where_it_came_without)
{
    SCENE(s, {.name = "a", .response_headers = pass});
    play_response(&s);

    struct extproc_str id = txn_id(&s.txn);
    cr_assert_eq(id.len, 16);
    cr_assert_eq(txn_id(&s.txn).ptr, id.ptr);

    play_request(&s); /* too late to change it */
    cr_assert_eq(txn_id(&s.txn).ptr, id.ptr);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(txn, ends_once, .signal = SIGABRT)
{
    SCENE(s, {.name = "a", .request_headers = pass});
    scene_close(&s, EXTPROC_END_DONE);
    txn_end(&s.txn, EXTPROC_END_DONE, NULL, NULL);
}
