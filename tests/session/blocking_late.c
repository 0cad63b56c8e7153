/* Plugins that block: what becomes of a callback whose time is over, or whose transaction ends. */
#include "blocking.h"

/* ---- too late -------------------------------------------------------------------------------- */

static void expect_too_late(void)
{
    kit_expect_log(
        c, "transaction=id-1 chain=linked plugin=blocker phase=request_headers: has not returned "
           "within 150 ms (timeout): its thread runs on");
    cr_expect_eq(kit_failures(k, "blocker", "request_headers", "timeout"), 1);
}

/* What it does afterwards has no effect, and what it was shown is there still. */
static void expect_no_effect(void)
{
    let_it_end();
    cr_expect_eq(how.last_edit, -EOPNOTSUPP);
    cr_expect_not(how.had_scratch);
    kit_expect_log(c, "plugin=blocker: still here");
}

Test(blocking_late, too_late_is_a_failure_without_delay)
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request_that_stops();
    kit_run_until(k, 149);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, "extprocd.blocker.error{id-1}");
    expect_too_late();
    expect_no_effect();
    cr_expect_eq(n_closed, 0);
    end_blocking(1);
}

Test(blocking_late, too_late_may_be_as_if_it_was_not_there)
{
    how.stops = REQUEST;
    begin_blocking("on_error = continue", BODY_MODE_STREAMED);
    kit_lets_block(k, true);
    request(false);
    until_it_stops();
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-first", NULL);
    expect_too_late();
    expect_journal("; ");
    kit_body(c, LANE_REQUEST, "abc", true); /* the transaction goes on meanwhile */
    kit_expect_body(c, LANE_REQUEST, "abc");
    send_response();
    expect_no_effect();
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-last", NULL);
    end_blocking(1);
}

Test(blocking_late, too_late_may_close_the_stream)
{
    how.stops = REQUEST;
    begin_blocking("on_error = close", BODY_MODE_NONE);
    request_that_stops();
    kit_run_until(k, 150);
    kit_expect_failed(c, STATUS_INTERNAL, "plugin blocker failed in request_headers");
    kit_reset(c);
    cr_expect_eq(n_closed, 0);
    let_it_end();
    kit_free(k);
    cr_expect_eq(n_closed, 1);
}

Test(blocking_late, an_open_that_is_too_late_is_closed)
{
    how.open_stops = true;
    begin_blocking("", BODY_MODE_NONE);
    request_that_stops();
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "plugin=blocker phase=open: has not returned");
    let_it_end();
    end_blocking(1);
}

Test(blocking_late, a_resume_may_be_too_late)
{
    how.waits = REQUEST;
    how.resume_stops = true;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    extproc_resume(blocker_wait, text("yes"));
    kit_lets_block(k, true);
    run();
    until_it_stops();
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    expect_too_late();
    let_it_end();
    end_blocking(1);
}

/* ---- the end meanwhile ----------------------------------------------------------------------- */

static void ends_meanwhile(void (*end_it)(struct kit_call *c))
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_STREAMED);
    kit_lets_block(k, true);
    request(false);
    until_it_stops();
    kit_body(c, LANE_REQUEST, "abc", false);
    end_it(c);
    cr_expect_eq(n_closed, 0);
    sem_post(&may_end);
    kit_free(k);
    cr_expect_eq(how.last_edit, -EOPNOTSUPP);
    cr_expect_eq(n_closed, 1);
    expect_journal("");
}

Test(blocking_late, a_client_may_leave_meanwhile)
{
    ends_meanwhile(kit_reset);
}

/* What a thread has is taken back before what waits. */
Test(blocking_late, a_client_may_leave_while_the_other_direction_waits)
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
    kit_reset(c);
    sem_post(&may_end);
    bring(0, "late");
    kit_free(k);
    cr_expect_eq(n_closed, 1);
}

Test(blocking_late, the_service_may_stop_meanwhile)
{
    ends_meanwhile(kit_stop);
}

Test(blocking_late, the_end_that_the_proxy_announces_waits_for_it)
{
    how.stops = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request_that_stops();
    kit_half_close(c);
    run();
    kit_waits(c, LANE_REQUEST);
    let_it_end();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-last", "a long enough name");
    kit_expect_failed(c, STATUS_OK, NULL);
    kit_reset(c);
    kit_free(k);
    cr_expect_eq(n_closed, 1);
}

Test(blocking_late, a_close_that_blocks_delays_no_other)
{
    how.close_stops = true;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_lets_block(k, true);
    kit_reset(c);
    until_it_stops();
    c = kit_call(k, &(struct kit_how){0});
    kit_end(c);
    sem_post(&may_end);
    kit_free(k);
    cr_expect_eq(n_closed, 1);
}

/* ---- the threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, QUEUE = 64 }; /* of the kit */

static struct kit_call *calls[THREADS + QUEUE];

/* Each thread opens the plugin for a transaction of its own, and others wait for one. */
static void take_the_threads(int n_queued)
{
    how.open_stops = true;
    kit_lets_block(k, true);
    for (int i = 0; i < THREADS + n_queued; i++) {
        calls[i] = c;
        request(true);
        kit_waits(c, LANE_REQUEST);
        if (i < THREADS)
            until_it_stops();
        c = kit_call(k, &(struct kit_how){0});
        kit_lets_wait(c);
    }
}

static void give_them_back(int n_queued)
{
    for (int i = 0; i < THREADS + n_queued; i++)
        kit_reset(calls[i]);
    for (int i = 0; i < THREADS; i++)
        sem_post(&may_end);
    kit_free(k);
}

/* Those that wait for a thread need none when their time is over, or they leave. */
Test(blocking_late, what_finds_no_thread_is_an_overload)
{
    begin_blocking("", BODY_MODE_NONE);
    take_the_threads(QUEUE);
    request(true);
    kit_expect_immediate(c, 503, NULL, "extprocd.blocker.overload{id-1}");
    kit_expect_log(c, "no thread is free to call it: 4 of 4 (pool_threads) run code of plugin "
                      "blocker");
    cr_expect_eq(kit_failures(k, "blocker", "request_headers", "overload"), 1);
    kit_end(c);
    kit_reset(calls[THREADS + QUEUE - 1]);
    kit_run_until(k, 150);
    for (int i = 0; i < THREADS + QUEUE - 1; i++) {
        c = calls[i];
        kit_answered(c, LANE_REQUEST);
        kit_expect_immediate(c, 500, NULL, NULL);
    }
    kit_expect_log(c, "no thread has called it within its timeout: 4 of 4");
    give_them_back(QUEUE - 1);
    cr_expect_eq(n_opened, THREADS);
    cr_expect_eq(n_closed, THREADS);
}

/* A transaction whose plugin waits for a result, which comes when all threads are taken. */
static struct kit_call *wait_for_a_thread_too(int n_queued)
{
    how.waits = REQUEST;
    begin_blocking("", BODY_MODE_NONE);
    request(true);
    run();
    struct kit_call *first = c;
    kit_waits(first, LANE_REQUEST);
    struct extproc_wait *wait = blocker_wait;
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    take_the_threads(n_queued);
    kit_end(c);
    extproc_resume(wait, text("yes"));
    run();
    return first;
}

Test(blocking_late, a_result_that_finds_no_thread_is_dropped)
{
    c = wait_for_a_thread_too(QUEUE);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 503, NULL, "extprocd.blocker.overload{id-1}");
    expect_journal("drop self yes; ");
    kit_reset(c);
    give_them_back(QUEUE);
}

Test(blocking_late, a_result_that_finds_no_thread_in_time_is_dropped)
{
    c = wait_for_a_thread_too(0);
    expect_journal("");
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    expect_journal("drop self yes; ");
    kit_reset(c);
    give_them_back(0);
}

Test(blocking_late, a_result_whose_client_leaves_before_it_finds_a_thread_is_dropped)
{
    c = wait_for_a_thread_too(0);
    kit_reset(c);
    expect_journal("drop self yes; ");
    give_them_back(0);
}
