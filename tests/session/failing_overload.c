/* There is no room for a plugin that wants to wait, or to hold bytes: both values of overload,
 * every way to need room, every phase, every mode of bodies. What takes the room is another
 * transaction, which notices nothing.
 */
#include "base/loop/pool.h"
#include "plugin/wait/wait.h"
#include "session/failing.h"

#include <semaphore.h>

/* ---- what needs room ------------------------------------------------------------------------- */

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
static enum extproc_action holds_bytes(struct extproc_txn *x)
{
    return EXTPROC_ACTION_HOLD;
}

/* It waits, and meanwhile the room for another wait is taken. */
static bool again;
static enum extproc_action waits_twice(struct extproc_txn *x)
{
    waits_limit(kit_waits_of(k), 0);
    again = true;
    return waits_a_while(x);
}
static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    if (!again)
        return EXTPROC_ACTION_CONTINUE;
    again = false;
    spoil(x);
    waits_limit(kit_waits_of(k), 1);
    return waits_for_ever(x);
}

static const struct extproc_plugin bad = {.abi = EXTPROC_ABI,
                                          .name = "bad",
                                          .needs = EXTPROC_HOLDS_BODY,
                                          .close = on_close,
                                          .resume = on_resume,
                                          IN_EVERY_PHASE(on_phase)};

/* ---- what takes it --------------------------------------------------------------------------- */

static struct kit_call *others[2];
static struct extproc_wait *others_wait;

static struct kit_call *begin_other(extproc_on_fn *then)
{
    trace = (struct trace){0};
    fails_in = EXTPROC_PHASE_REQUEST_HEADERS;
    fails = then;
    struct kit_call *call = call_in(BODY_MODE_NONE);
    kit_headers(call, LANE_REQUEST, ":method: GET\n:path: /\nx-request-id: other", true);
    kit_waits(call, LANE_REQUEST);
    return call;
}

static void take_memory(void)
{
    others[0] = begin_other(waits_for_ever);
    others_wait = unanswered;
    waits_limit(kit_waits_of(k), 1);
}

/* One thread, and room for one piece of work that waits for it. */
static void take_threads(void)
{
    sem_init(&begun, 0, 0);
    sem_init(&may_end, 0, 0);
    others[0] = begin_other(works);
    sem_wait(&begun);
    others[1] = begin_other(works);
}

/* They get their room, and go on. */
static void end_others(void)
{
    waits_limit(kit_waits_of(k), 0);
    if (others_wait)
        extproc_resume(others_wait, NULL);
    for (size_t i = 0; !others_wait && i < 2; i++)
        sem_post(&may_end);
    pool_settle(kit_pool_of(k));
    kit_run(k);
    for (size_t i = 0; i < 2; i++) {
        if (!others[i])
            continue;
        kit_answered(others[i], LANE_REQUEST);
        kit_expect_going(others[i]);
        kit_end(others[i]);
        others[i] = NULL;
    }
    others_wait = NULL;
}

/* ---- every row ------------------------------------------------------------------------------- */

static const struct {
    void (*take)(void);
    extproc_on_fn *fails;
    const char *line;
} ways[] = {
    {take_memory, waits_for_ever, "extproc_defer(): "},
    {take_memory, waits_a_while, "extproc_after(): "},
    {take_memory, works, "extproc_work(): "},
    {take_memory, waits_twice, "extproc_defer(): "},
    {take_memory, holds_bytes, "cannot hold a body: "},
    {take_threads, works,
     "extproc_work(): too much work waits for the threads: 1 of 1 (pool_threads) run work of "
     "plugin bad"},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static bool applies(size_t way, enum body_mode mode, enum extproc_phase phase)
{
    bool has_chunks = comes_in_chunks(mode) &&
                      (phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY));
    return comes(mode, phase) && (ways[way].fails != holds_bytes || has_chunks);
}

static void expect_line(size_t way, enum extproc_phase phase)
{
    char line[128];
    snprintf(line, sizeof line,
             " warn  listener=kit peer=192.0.2.1:4711 transaction=id-1 chain=linked plugin=bad "
             "phase=%s: ",
             phase_text(phase));
    kit_expect_log(c, line);
    kit_expect_log(c, ways[way].line);
    if (ways[way].take == take_memory)
        kit_expect_log(c, "more than half of max_held in [extprocd]");
    cr_expect_eq(kit_failures(k, "bad", phase_text(phase), "overload"), 1);
}

/* The section's on_error, which is for other failures, would close the stream. */
static void in_every_phase(enum policy_action overload,
                           void (*check)(enum body_mode mode, enum extproc_phase phase))
{
    const struct kit_options options = {.ini = "[plugin:bad]\ntimeout = 0s\non_error = close\n",
                                        .overload = overload,
                                        .pool_threads = 1,
                                        .pool_queue = 1};
    for (size_t way = 0; way < N_WAYS; way++) {
        for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_UNKNOWN; mode++) {
            for (enum extproc_phase phase = 1; phase <= EXTPROC_PHASE_RESPONSE_TRAILERS;
                 phase <<= 1) {
                if (!applies(way, mode, phase))
                    continue;
                k = beside_of(&bad, options);
                ways[way].take();
                fails = ways[way].fails;
                fails_in = phase;
                run(mode);
                cr_expect_eq(n_calls, 1);
                expect_line(way, phase);
                check(mode, phase);
                kit_end(c);
                cr_expect_eq(n_closed, 1);
                end_others();
                kit_free(k);
            }
        }
    }
}

static void is_refused(enum body_mode mode, enum extproc_phase phase)
{
    if (is_late(mode, phase))
        is_cut(phase);
    else
        kit_expect_immediate(c, 503, "", "extprocd.bad.overload{id-1}");
    kit_expect_no_log(c, "on_error");
}

Test(failing_overload, respond_is_a_503)
{
    in_every_phase(POLICY_RESPOND, is_refused);
}

static void goes_on_without(enum body_mode mode, enum extproc_phase phase)
{
    kit_expect_log(c, "(overload = continue)");
    reads_as_without(mode, phase);
}

Test(failing_overload, continue_is_as_if_it_was_not_there)
{
    in_every_phase(POLICY_CONTINUE, goes_on_without);
}

/* ---- what is not a failure ------------------------------------------------------------------- */

static enum extproc_action does_without(struct extproc_txn *x)
{
    cr_expect_null(extproc_defer(x, 0, NULL));
    return EXTPROC_ACTION_CONTINUE;
}

Test(failing_overload, a_plugin_that_goes_on_without_waiting_has_not_failed)
{
    k = beside(&bad, "[plugin:bad]\ntimeout = 0s\n");
    take_memory();
    fails = does_without;
    run(BODY_MODE_NONE);
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-bad", "1");
    kit_expect_no_log(c, "max_held");
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "overload"), 0);
    kit_end(c);
    end_others();
    kit_free(k);
}

static enum extproc_action fails_otherwise(struct extproc_txn *x)
{
    return extproc_fail(x, "for the test");
}

Test(failing_overload, room_is_not_the_reason_where_none_was_asked_for)
{
    k = beside(&bad, "[plugin:bad]\ntimeout = 0s\n");
    take_memory();
    fails = fails_otherwise;
    run(BODY_MODE_NONE);
    kit_expect_immediate(c, 500, "", "extprocd.bad.error{id-1}");
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "callback"), 1);
    kit_end(c);
    end_others();
    kit_free(k);
}

Test(failing_overload, where_the_proxy_observes_it_is_counted_and_the_message_goes_on)
{
    k = beside(&bad, "[plugin:bad]\ntimeout = 0s\n");
    take_memory();
    fails = waits_for_ever;
    fails_in = EXTPROC_PHASE_REQUEST_HEADERS;
    trace = (struct trace){0};
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .observing = true});
    kit_request(c, ":method: POST\n:path: /\nx-keep: 1", "abc", "x-end: 1");
    kit_expect_going(c);
    kit_expect_no_log(c, "(overload");
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "overload"), 1);
    cr_expect(strstr(trace.text, "x-end=1") && !strstr(trace.text, "bad"));
    kit_end(c);
    end_others();
    kit_free(k);
}
