/* Plugins that wait: what becomes of the result when no callback waits for it, and of mistakes. */
#include "plugin/wait/wait.h"
#include "waiting.h"

#include <semaphore.h>

/* ---- no callback waits for it ---------------------------------------------------------------- */

Test(forsaken, a_proxy_that_leaves_cancels)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_reset(c);
    expect_journal("1; cancel arg; close 1; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    kit_free(k);
}

Test(forsaken, a_time_that_is_waited_for_ends_with_the_transaction)
{
    plan.after_ms = 30;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_reset(c);
    kit_run(k);
    expect_journal("1; close 1; ");
    kit_free(k);
}

/* The result is on its way already: that needs no cancelling. */
Test(forsaken, a_result_that_meets_the_end_is_dropped)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    bring(0, "yes");
    kit_reset(c);
    expect_journal("1; close 1; ");
    run();
    expect_journal("drop self yes; ");
    kit_free(k);
}

Test(forsaken, messages_that_waited_are_returned_at_the_end)
{
    begin(REQUEST, BODY_MODE_STREAMED);
    send_request(false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_stop(c);
    expect_journal("1; cancel arg; close 3; ");
    bring(0, "late");
    kit_free(k);
}

Test(forsaken, an_immediate_response_ends_the_other_directions_wait)
{
    plan.respond = true;
    begin(REQUEST | RESPONSE, BODY_MODE_NONE);
    send_request(true);
    send_response();
    bring(1, "no");
    run();
    kit_answered(c, LANE_RESPONSE);
    kit_expect_immediate(c, 403, NULL, NULL);
    expect_journal("1; 8; resume 8 result no; cancel arg; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    end();
}

Test(forsaken, an_error_ends_the_other_directions_wait)
{
    static const struct kit_linked linked[] = {{"waiter", &waiter}, {0}};
    k = kit_new(&(struct kit_options){.ini = "[plugin:waiter]\non_error = close\n",
                                      .linked = linked,
                                      .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    plan.phases = REQUEST | RESPONSE;
    plan.fail = true;
    send_request(true);
    send_response();
    bring(1, "no");
    run();
    kit_expect_failed(c, STATUS_INTERNAL, "waiter");
    expect_journal("1; 8; resume 8 result no; cancel arg; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    kit_reset(c);
    kit_free(k);
}

static enum extproc_action answers(struct extproc_txn *x)
{
    return extproc_reply(x, .status = 403);
}

/* The plugins after one that is abandoned may do only what is possible now. */
Test(forsaken, what_is_possible_is_judged_again_without_the_plugin_too)
{
    static const struct extproc_plugin answerer = {
        .abi = EXTPROC_ABI, .name = "answerer", .request_headers = answers};
    static const struct kit_linked linked[] = {{"waiter", &waiter}, {"answerer", &answerer}, {0}};
    k = kit_new(&(struct kit_options){.ini = "[plugin:waiter]\non_error = continue\n",
                                      .linked = linked,
                                      .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    plan.phases = REQUEST | RESPONSE;
    plan.fail = true;
    send_request(true);
    send_response();
    bring(1, "no");
    run();
    kit_expect_log(c, "extproc_respond(): the response has already begun");
    kit_expect_failed(c, STATUS_INTERNAL, "answerer");
    bring(0, "late");
    kit_reset(c);
    kit_free(k);
}

Test(forsaken, a_callback_that_decides_otherwise_drops_the_result)
{
    plan.goes_on = true;
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true); /* answered immediately */
    expect_journal("1; cancel arg; after 1; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    send_response();
    end();
}

Test(forsaken, the_end_that_the_proxy_announces_waits_for_the_answer)
{
    begin(REQUEST, BODY_MODE_NONE);
    send_request(true);
    kit_half_close(c);
    kit_waits(c, LANE_REQUEST);
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "yes");
    kit_expect_failed(c, STATUS_OK, NULL);
    kit_reset(c);
    kit_free(k);
}

/* ---- the plugin has failed in the other direction -------------------------------------------- */

static enum extproc_action breaks(struct extproc_txn *x)
{
    return extproc_fail(x, "broken");
}

/* It waits in the request, and fails in the response. */
static void begin_broken(void)
{
    static const struct extproc_plugin broken = {
        .abi = EXTPROC_ABI,
        .name = "broken",
        .init = on_init,
        .close = on_close,
        .request_headers = on_any,
        .response_headers = breaks,
        .resume = on_resume,
    };
    static const struct kit_linked linked[] = {{"broken", &broken}, {"after", &after}, {0}};
    k = kit_new(&(struct kit_options){.ini = "[plugin:broken]\non_error = continue\n",
                                      .linked = linked,
                                      .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    plan.phases = REQUEST;
    plan.edits_first = true;
    send_request(true);
    send_response();
    kit_waits(c, LANE_REQUEST);
}

/* The request goes on as if it was not there. */
static void expect_without_broken(void)
{
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-before", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", NULL);
}

Test(forsaken, a_plugin_that_has_failed_waits_no_longer)
{
    begin_broken();
    expect_without_broken();
    expect_journal("1; cancel arg; after 1; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    end();
}

Test(forsaken, what_a_plugin_that_has_failed_waited_for_is_dropped)
{
    begin_broken();
    bring(0, "yes");
    expect_without_broken();
    expect_journal("1; drop self yes; after 1; ");
    end();
}

Test(forsaken, a_proxy_that_leaves_meanwhile_cancels_once)
{
    begin_broken();
    kit_reset(c);
    expect_journal("1; cancel arg; close 1; ");
    bring(0, "late");
    run();
    expect_journal("drop self late; ");
    kit_free(k);
}

/* ---- too much is held ------------------------------------------------------------------------ */

Test(forsaken, as_many_may_wait_as_there_is_room_for)
{
    struct kit_call *first;
    begin(REQUEST, BODY_MODE_NONE);
    waits_limit(kit_waits_of(k), 4096);
    send_request(true);
    first = c;

    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    send_request(true);
    kit_expect_immediate(c, 503, NULL, NULL);
    kit_expect_log(c, "are held for plugins that wait, more than half of max_held in [extprocd]");
    kit_end(c);

    bring(0, "yes"); /* then there is room again */
    run();
    c = first;
    kit_answered(c, LANE_REQUEST);
    kit_end(c);
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    send_request(true);
    kit_waits(c, LANE_REQUEST);
    kit_reset(c);
    bring(1, "late");
    kit_free(k);
}

static enum extproc_action waits_at_the_second_try(struct extproc_txn *x)
{
    waits_limit(kit_waits_of(k), 1);
    cr_assert_null(extproc_defer(x, 0, NULL));
    waits_limit(kit_waits_of(k), 0);
    return extproc_waiting(extproc_after(x, 10));
}

static enum extproc_action fails_later(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    return extproc_fail(x, "no");
}

/* It has waited, so what it fails for afterwards is not that it could not. */
Test(forsaken, a_refusal_that_was_got_over_is_not_a_reason)
{
    static const struct extproc_plugin plugin = {.abi = EXTPROC_ABI,
                                                 .name = "x",
                                                 .request_headers = waits_at_the_second_try,
                                                 .resume = fails_later};
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    waits_hold(kit_waits_of(k), 2);
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    send_request(true);
    kit_run(k);
    kit_answered(c, LANE_REQUEST);
    kit_expect_immediate(c, 500, NULL, NULL);
    cr_expect_eq(kit_failures(k, "x", "request_headers", "resume"), 1);
    waits_unhold(kit_waits_of(k), 2);
    end();
}

static enum extproc_action takes_much(struct extproc_txn *x)
{
    return extproc_scratch(x, 100000) ? wait_for_it(x) : EXTPROC_ACTION_FAIL;
}

Test(forsaken, what_a_plugin_took_before_it_waits_is_held_too)
{
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "x", .request_headers = takes_much, .resume = on_resume};
    size_t held;
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    waits_limit(kit_waits_of(k), 100000);
    c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    send_request(true);
    cr_expect(waits_exceed(kit_waits_of(k), &held));
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    cr_expect_not(waits_exceed(kit_waits_of(k), &held));
    cr_expect_eq(held, 0);
    end();
}

/* ---- both directions decide ------------------------------------------------------------------ */

static enum extproc_action skips_and_waits(struct extproc_txn *x)
{
    note("%u; ", (unsigned)x->phase);
    extproc_skip(x, EXTPROC_PHASE_RESPONSE_BODY);
    return x->phase == EXTPROC_PHASE_REQUEST_BODY ? wait_for_it(x) : EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action holds_later(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    return EXTPROC_ACTION_HOLD;
}

/* The request's callback holds, which undoes what it has done; the response's has not. */
Test(forsaken, what_one_direction_decided_stays_where_the_other_undoes_it)
{
    static const struct extproc_plugin plugin = {.abi = EXTPROC_ABI,
                                                 .name = "x",
                                                 .needs = EXTPROC_HOLDS_BODY,
                                                 .request_body = skips_and_waits,
                                                 .response_headers = skips_and_waits,
                                                 .response_body = skips_and_waits,
                                                 .resume = holds_later};
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    c = kit_call(k,
                 &(struct kit_how){.request = BODY_MODE_STREAMED, .response = BODY_MODE_STREAMED});
    kit_lets_wait(c);
    send_request(false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    bring(0, "yes");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_body(c, LANE_RESPONSE, "def", true);
    expect_journal("2; 8; ");
    kit_reset(c);
    kit_free(k);
}

/* ---- the threads ----------------------------------------------------------------------------- */

static sem_t begun, may_end;

static void holds_its_thread(void *arg)
{
    sem_post(&begun);
    sem_wait(&may_end);
}

static enum extproc_action works(struct extproc_txn *x)
{
    return extproc_waiting(extproc_work(x, holds_its_thread, NULL, NULL));
}

/* The first transactions may have ended long ago: a transaction that comes now is not to blame. */
Test(forsaken, the_plugin_that_has_the_threads_is_named)
{
    enum { THREADS = 4, QUEUE = 64 }; /* of the kit */
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "worker", .request_headers = works, .resume = on_resume};
    struct kit_call *calls[THREADS + QUEUE];
    sem_init(&begun, 0, 0);
    sem_init(&may_end, 0, 0);
    k = kit_of((const struct kit_linked[]){{"slow", &plugin}, {0}});
    for (int i = 0; i < THREADS + QUEUE; i++) {
        calls[i] = c = kit_call(k, &(struct kit_how){0});
        kit_lets_wait(c);
        send_request(true);
        kit_waits(c, LANE_REQUEST);
        if (i < THREADS)
            sem_wait(&begun);
    }
    c = kit_call(k, &(struct kit_how){0});
    send_request(true);
    kit_expect_immediate(c, 503, NULL, NULL);
    kit_expect_log(c, "4 of 4 (pool_threads) run work of plugin slow");
    kit_end(c);
    for (int i = 0; i < THREADS + QUEUE; i++)
        kit_reset(calls[i]);
    for (int i = 0; i < THREADS; i++) /* the others have not begun, and do not */
        sem_post(&may_end);
    kit_free(k);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

Test(forsaken, resuming_twice_is_reported_and_harmless)
{
    begin(REQUEST | RESPONSE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /\nx-request-id: 7f3a-1", true);
    bring(0, "once");
    bring(0, "twice");
    run();
    kit_answered(c, LANE_REQUEST);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-answer", "once");
    send_response();
    bring(0, "thrice"); /* another one waits now */
    run();
    kit_waits(c, LANE_RESPONSE);
    bring(1, "yes");
    run();
    kit_answered(c, LANE_RESPONSE);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-answer", "yes");
    kit_expect_log(c, "transaction=7f3a-1 plugin=waiter: extproc_resume() was called twice");
    end();
    expect_journal("1; resume 1 result once; after 1; 8; resume 8 result yes; close 0; ");
}

static enum extproc_action waits_for_nothing(struct extproc_txn *x)
{
    return EXTPROC_ACTION_WAIT;
}

Test(forsaken, waiting_for_nothing_is_a_failure)
{
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "x", .request_headers = waits_for_nothing, .resume = on_resume};
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    c = kit_call(k, &(struct kit_how){0});
    send_request(true);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "EXTPROC_ACTION_WAIT without a wait");
    end();
}

static enum extproc_action cannot_wait(struct extproc_txn *x)
{
    if (extproc_defer(x, 0, NULL))
        return EXTPROC_ACTION_CONTINUE;
    return EXTPROC_ACTION_FAIL;
}

Test(forsaken, a_plugin_without_resume_cannot_wait)
{
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "x", .request_headers = cannot_wait};
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    c = kit_call(k, &(struct kit_how){0});
    send_request(true);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "extproc_defer(): the plugin's descriptor has no resume()");
    end();
}
