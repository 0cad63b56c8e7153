/* Plugins that wait: what goes on meanwhile, for how long, and what the result may do. */
#include "waiting.h"

#include <pthread.h>

/* ---- waiting --------------------------------------------------------------------------------- */

Test(waiting, the_answer_comes_with_the_result)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_waits(c, LANE_REQUEST);
    expect_journal("1; ");
    bring(0, "yes");
    kit_waits(c, LANE_REQUEST); /* the loop has not run */
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "yes");
    expect_journal("resume 1 result yes; after 1; ");
    send_response();
    end();
    expect_journal("8; close 0; ");
}

Test(waiting, a_result_may_come_before_the_callback_has_returned)
{
    plan.early = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "early");
    send_response();
    end();
}

static void *bring_from_afar(void *arg)
{
    extproc_resume(arg, text("from afar"));
    return NULL;
}

Test(waiting, a_result_may_come_from_another_thread)
{
    pthread_t thread;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    cr_assert_eq(pthread_create(&thread, NULL, bring_from_afar, waits[0]), 0);
    pthread_join(thread, NULL);
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "from afar");
    send_response();
    end();
}

Test(waiting, the_other_direction_goes_on)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    send_response(); /* answered immediately */
    expect_journal("1; 8; ");
    kit_waits(c, LANE_REQUEST);
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "yes");
    end();
}

Test(waiting, both_directions_may_wait)
{
    begin(REQUEST | RESPONSE, BODY_MODE_NONE);
    send_request(true);
    send_response();
    bring(1, "second");
    run();
    kit_answered(c, LANE_RESPONSE);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-answer", "second");
    kit_waits(c, LANE_REQUEST);
    bring(0, "first");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "first");
    expect_journal("1; 8; resume 8 result second; resume 1 result first; after 1; ");
    end();
}

Test(waiting, messages_of_the_direction_wait_their_turn)
{
    begin(REQUEST, BODY_MODE_STREAMED);
    send_request(false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_body(c, LANE_REQUEST, "def", true);
    expect_journal("1; ");
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_answered(c, LANE_REQUEST);
    kit_answered(c, LANE_REQUEST);
    expect_journal("resume 1 result yes; after 1; 2; 2; ");
    kit_expect_body(c, LANE_REQUEST, "abcdef");
    send_response();
    end();
}

Test(waiting, each_chunk_may_wait)
{
    begin(EXTPROC_PHASE_REQUEST_BODY, BODY_MODE_STREAMED);
    send_request(false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_body(c, LANE_REQUEST, "def", true);
    bring(0, "1");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_waits(c, LANE_REQUEST);
    bring(1, "2");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_body(c, LANE_REQUEST, "abcdef");
    send_response();
    end();
}

Test(waiting, resume_may_wait_again)
{
    plan.again = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    bring(0, "first");
    run();
    kit_waits(c, LANE_REQUEST);
    bring(1, "second");
    run();
    kit_answered(c, LANE_REQUEST);
    expect_journal("1; resume 1 result first; resume 1 result second; after 1; ");
    send_response();
    end();
}

/* Small messages take more memory than the bytes that the client's window counts. */
Test(waiting, many_messages_hold_the_client_up)
{
    begin(REQUEST, BODY_MODE_STREAMED);
    send_request(false);
    for (int i = 0; i < 255; i++)
        kit_body(c, LANE_REQUEST, "a", false);
    cr_expect_not(kit_is_held(c));
    kit_body(c, LANE_REQUEST, "a", true);
    cr_expect(kit_is_held(c));
    bring(0, "yes");
    run();
    cr_expect_not(kit_is_held(c));
    kit_take_answers(c);
    cr_expect_eq(kit_n_waiting(c), 0);
    cr_expect_eq(kit_body_len(c, LANE_REQUEST), 256);
    send_response();
    end();
}

/* ---- time ------------------------------------------------------------------------------------ */

Test(waiting, a_result_that_is_late_is_dropped)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run_until(k, 149);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    expect_journal("1; cancel arg; resume 1 timeout -; after 1; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    send_response();
    end();
}

Test(waiting, the_plugin_may_wait_for_less)
{
    plan.timeout_ms = 20;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run_until(k, 19);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 20);
    kit_answered(c, LANE_REQUEST);
    bring(0, "late");
    send_response();
    end();
    expect_journal("1; cancel arg; resume 1 timeout -; after 1; 8; close 0; drop self late; ");
}

/* The section's time is for the phase, however often its callback waits. */
Test(waiting, waiting_again_does_not_begin_a_new_time)
{
    plan.again = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run_until(k, 100);
    bring(0, "first");
    kit_run_until(k, 149);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 150);
    kit_answered(c, LANE_REQUEST);
    bring(1, "late");
    run();
    expect_journal("1; resume 1 result first; cancel arg; resume 1 timeout -; after 1; "
                   "drop self late; ");
    send_response();
    end();
}

/* Otherwise it would wait without end, in a circle. */
Test(waiting, nothing_waits_when_the_time_is_over)
{
    plan.again = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run_until(k, 1000);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "extproc_defer(): the time of this phase is over (timeout)");
    cr_expect_eq(n_waits, 1);
    bring(0, "late");
    end();
}

Test(waiting, a_time_may_be_what_is_waited_for)
{
    plan.after_ms = 30;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run_until(k, 29);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 30);
    kit_answered(c, LANE_REQUEST);
    expect_journal("1; resume 1 result -; after 1; ");
    send_response();
    end();
}

Test(waiting, more_time_than_there_is_ends_as_a_timeout)
{
    plan.after_ms = 151;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_run(k);
    kit_answered(c, LANE_REQUEST);
    expect_journal("1; resume 1 timeout -; after 1; ");
    send_response();
    end();
}

/* ---- what the result may do ------------------------------------------------------------------ */

Test(waiting, an_immediate_response_may_follow)
{
    plan.respond = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    bring(0, "no");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 403, NULL, NULL);
    expect_journal("1; resume 1 result no; ");
    end();
}

Test(waiting, what_is_possible_is_judged_again)
{
    plan.respond = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    send_response();
    bring(0, "no");
    run();
    kit_expect_log(c, "extproc_respond(): the response has already begun");
    kit_expect_failed(c, STATUS_INTERNAL, "waiter");
    kit_reset(c);
    kit_free(k);
}

Test(waiting, a_failure_undoes_what_was_done_before_the_wait)
{
    plan.edits_first = plan.fail = plan.skips = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    bring(0, "no");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(
        c, "plugin=waiter phase=request_headers: request_headers failed: the oracle says no");
    expect_journal("1; resume 1 result no; ");
    end();
}

Test(waiting, what_was_edited_before_the_wait_stays)
{
    plan.edits_first = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-before", "1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "yes");
    send_response();
    end();
}

/* What a direction that waits may still edit, and whose memory is its message's, the other one does
 * not see. */
static enum extproc_action looks_at_the_response(struct extproc_txn *x)
{
    note("%d %s; ", (int)extproc_header_state(x, EXTPROC_MAP_RESPONSE),
         extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status")).ptr ? "seen" : "-");
    return EXTPROC_ACTION_CONTINUE;
}

Test(waiting, headers_that_wait_are_not_there_for_the_other_direction)
{
    static const struct extproc_plugin looks = {
        .abi = EXTPROC_ABI, .name = "looks", .request_body = looks_at_the_response};
    k = kit_of((const struct kit_linked[]){{"waiter", &waiter}, {"looks", &looks}, {0}});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_lets_wait(c);
    plan.phases = RESPONSE;
    send_request(false);
    send_response();
    journal[0] = '\0';
    kit_body(c, LANE_REQUEST, "a", false);
    expect_journal("2; 0 -; ");
    bring(0, "yes");
    run();
    kit_answered(c, LANE_RESPONSE);
    journal[0] = '\0';
    kit_body(c, LANE_REQUEST, "b", true);
    expect_journal("2; 3 seen; ");
    end();
}
