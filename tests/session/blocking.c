/* Plugins that block (blocking = yes): their callbacks run in the pool, and while they do the other
 * transactions go on, and their own waits.
 */
#include "blocking.h"

/* ---- in time --------------------------------------------------------------------------------- */

Test(blocking, what_it_does_counts)
{
    begin_blocking("", BODY_MODE_STREAMED);
    request(false);
    kit_waits(c, LANE_REQUEST);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-last", "a long enough name");
    expect_journal("first last; ");
    kit_body(c, LANE_REQUEST, "abc", true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_body(c, LANE_REQUEST, "<abc>");
    response();
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-first", "1");
    kit_expect_log(
        c, "transaction=id-1 chain=linked plugin=blocker phase=request_headers: still here");
    end_blocking(1);
}

Test(blocking, other_transactions_go_on)
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request_that_stops();
    struct kit_call *first = c;
    how.stops = 0;
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    request(true);
    for (int i = 0; i < 10000 && kit_n_waiting(c) > 0; i++) {
        run();
        sched_yield();
        kit_take_answers(c);
    }
    cr_expect_eq(kit_n_waiting(c), 0);
    kit_reset(c);
    c = first;
    kit_waits(c, LANE_REQUEST);
    let_it_end();
    kit_answered(c, LANE_REQUEST);
    end_blocking(2);
}

Test(blocking, both_directions_wait_for_one_another)
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request_that_stops();
    send_response();
    run();
    kit_waits(c, LANE_RESPONSE);
    let_it_end();
    kit_answered(c, LANE_REQUEST);
    kit_answered(c, LANE_RESPONSE);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-first", "1");
    end_blocking(1);
}

Test(blocking, its_own_messages_wait_undecoded)
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_STREAMED);
    kit_lets_block(k, true);
    request(false);
    until_it_stops();
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_body(c, LANE_REQUEST, "def", true);
    kit_nothing(c);
    let_it_end();
    kit_answered(c, LANE_REQUEST);
    kit_answered(c, LANE_REQUEST);
    kit_answered(c, LANE_REQUEST);
    kit_expect_body(c, LANE_REQUEST, "<abc><def>");
    response();
    end_blocking(1);
}

Test(blocking, it_may_respond)
{
    how.responds = EXTPROC_PHASE_REQUEST_HEADERS;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 418, NULL, NULL);
    end_blocking(1);
}

Test(blocking, a_failure_is_one_like_any_other)
{
    how.fails = EXTPROC_PHASE_REQUEST_HEADERS;
    begin_blocking("on_error_status = 502", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 502, NULL, NULL);
    kit_expect_log(c, "plugin=blocker phase=request_headers: request_headers failed: broken");
    end_blocking(1);
}

Test(blocking, open_may_fail)
{
    how.open_fails = true;
    begin_blocking("on_error = continue", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-first", NULL);
    expect_journal("; ");
    cr_expect_eq(kit_failures(k, "blocker", "request_headers", "open"), 1);
    send_response();
    end_blocking(0);
}

/* ---- waiting in it --------------------------------------------------------------------------- */

Test(blocking, it_may_defer)
{
    how.waits = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_waits(c, LANE_REQUEST);
    extproc_resume(blocker_wait, text("yes"));
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-result", "yes");
    response();
    end_blocking(1);
}

Test(blocking, a_result_may_come_before_it_has_returned)
{
    how.waits = REQUEST;
    plan.early = true;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-result", "early");
    response();
    end_blocking(1);
}

Test(blocking, it_may_decide_otherwise)
{
    how.waits = REQUEST;
    plan.goes_on = true;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    expect_journal("cancel arg; first last; ");
    extproc_resume(blocker_wait, text("late"));
    run();
    expect_journal("drop self late; ");
    response();
    end_blocking(1);
}

Test(blocking, it_may_put_work_into_the_pool)
{
    how.waits = REQUEST;
    how.works = true;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-result", "worked");
    response();
    end_blocking(1);
}

Test(blocking, the_time_that_is_left_is_for_the_result)
{
    how.waits = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_run_until(k, 149);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    cr_expect_eq(kit_failures(k, "blocker", "request_headers", "timeout"), 1);
    extproc_resume(blocker_wait, text("late"));
    end_blocking(1);
}

/* A plugin of the other direction that waits is woken when the transaction is free. */
Test(blocking, a_result_for_the_other_direction_waits)
{
    static const struct kit_linked linked[] = {{"waiter", &waiter}, {"blocker", &blocker}, {0}};
    begin_blocking("", BODY_MODE_NONE);
    kit_end(c);
    kit_free(k);
    n_closed = 0;
    k = kit_new(&(struct kit_options){
        .ini = "[plugin:blocker]\nblocking = yes\n", .linked = linked, .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    plan.phases = REQUEST;
    how.stops = RESPONSE;
    n_waits = 0;
    kit_lets_block(k, true);
    request(true);
    send_response();
    until_it_stops();
    journal[0] = '\0';
    bring(0, "yes");
    run();
    expect_journal("");
    kit_waits(c, LANE_REQUEST);
    let_it_end();
    kit_answered(c, LANE_RESPONSE);
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "yes");
    end_blocking(1);
}
