/* What a failure of a plugin means: every policy, every way to fail, every phase, every mode of
 * bodies. With on_error = continue the neighbours, and the proxy, get byte for byte what they get
 * where the plugin is not in the chain.
 */
#include "session/failing.h"

/* ---- ways to fail ---------------------------------------------------------------------------- */

static enum extproc_action returns_fail(struct extproc_txn *x)
{
    return extproc_fail(x, "for the test");
}
static enum extproc_action answers_first(struct extproc_txn *x)
{
    extproc_reply(x, .status = 200, .body = EXTPROC_S("no"));
    return EXTPROC_ACTION_FAIL;
}
static enum extproc_action returns_17(struct extproc_txn *x)
{
    return (enum extproc_action)17;
}
static enum extproc_action responds_without(struct extproc_txn *x)
{
    return EXTPROC_ACTION_RESPOND;
}

/* It changes all that it can change once more. */
static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    cr_expect_eq(why, unanswered ? EXTPROC_WAKE_TIMEOUT : EXTPROC_WAKE_RESULT);
    spoil(x);
    return extproc_fail(x, "after a wait");
}

static const struct extproc_plugin bad = {.abi = EXTPROC_ABI,
                                          .name = "bad",
                                          .close = on_close,
                                          .resume = on_resume,
                                          IN_EVERY_PHASE(on_phase)};

static const struct {
    extproc_on_fn *fails;
    const char *line, *reason;
} ways[] = {
    {returns_fail, "failed: for the test", "callback"},
    {answers_first, "failed: extproc_", "callback"},
    {returns_17, "callback returned invalid action 17", "callback"},
    {responds_without, "EXTPROC_ACTION_RESPOND without a response", "callback"},
    {waits_a_while, "failed: after a wait", "resume"},
    {waits_for_ever, "failed: after a wait", "timeout"},
};
enum { N_WAYS = sizeof ways / sizeof *ways, N_AT_ONCE = 4 };

/* Calls check() once for each way, phase and mode, after the transaction; the call is open. */
static void in_every_phase(const char *ini,
                           void (*check)(enum body_mode mode, enum extproc_phase phase))
{
    for (size_t way = 0; way < N_WAYS; way++) {
        for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_UNKNOWN; mode++) {
            for (enum extproc_phase phase = 1; phase <= EXTPROC_PHASE_RESPONSE_TRAILERS;
                 phase <<= 1) {
                if (!comes(mode, phase))
                    continue;
                char line[128];
                k = beside(&bad, ini);
                fails = ways[way].fails;
                fails_in = phase;
                run(mode);
                snprintf(line, sizeof line,
                         "transaction=id-1 chain=linked plugin=bad phase=%s: ", phase_text(phase));
                kit_expect_log(c, line);
                kit_expect_log(c, ways[way].line);
                cr_expect_eq(n_calls, 1);
                cr_expect_eq(kit_failures(k, "bad", phase_text(phase), ways[way].reason), 1);
                struct extproc_wait *wait = unanswered;
                check(mode, phase);
                kit_end(c);
                cr_expect_eq(n_closed, 1);
                if (wait) /* too late */
                    extproc_resume(wait, NULL);
                kit_free(k);
            }
        }
    }
}

/* ---- on_error -------------------------------------------------------------------------------- */

static unsigned status;

static void is_answered(enum body_mode mode, enum extproc_phase phase)
{
    if (is_late(mode, phase))
        is_cut(phase);
    else
        kit_expect_immediate(c, status, "", "extprocd.bad.error{id-1}");
    kit_expect_no_log(c, "on_error");
}

Test(failing, respond_is_a_500)
{
    status = 500;
    in_every_phase("", is_answered);
}

Test(failing, respond_has_the_status_that_the_operator_wants)
{
    status = 503;
    in_every_phase("[plugin:bad]\non_error = respond\non_error_status = 503\n", is_answered);
}

static void is_closed(enum body_mode mode, enum extproc_phase phase)
{
    is_cut(phase);
    kit_expect_log(c, "(on_error = close)");
}

Test(failing, close_ends_the_stream)
{
    in_every_phase("[plugin:bad]\non_error = close\n", is_closed);
}

Test(failing, continue_is_as_if_it_was_not_there)
{
    in_every_phase("[plugin:bad]\non_error = continue\n", is_as_without);
}

static void decides_nothing(const char *ini)
{
    k = beside(&bad, ini);
    fails = returns_fail;
    fails_in = EXTPROC_PHASE_REQUEST_HEADERS;
    trace = (struct trace){0};
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .observing = true});
    kit_request(c, ":method: POST\n:path: /\nx-keep: 1", "abc", "x-end: 1");
    kit_expect_going(c);
    kit_expect_no_log(c, "on_error");
    kit_expect_log(c, "for the test");
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "callback"), 1);
    cr_expect(strstr(trace.text, "x-end=1") && !strstr(trace.text, "bad"));
    kit_end(c);
    kit_free(k);
}

Test(failing, where_the_proxy_observes_a_failure_is_counted_and_the_message_goes_on)
{
    decides_nothing("[plugin:bad]\non_error = close\n");
    decides_nothing("[plugin:bad]\non_error = continue\n");
    decides_nothing("");
}

/* A plugin that fails in each transaction fills no log, and hides no other failure. */
static size_t n_lines(const char *text)
{
    size_t n = 0;
    for (const char *at = kit_log(k); (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

Test(failing, lines_that_repeat_are_limited_for_each_reason)
{
    enum { TIMES = 150, LIMIT = 10 };
    k = beside(&bad, "[plugin:bad]\non_error = continue\n");
    fails_in = EXTPROC_PHASE_REQUEST_HEADERS;
    for (size_t way = 0; way < N_AT_ONCE; way++) {
        fails = ways[way].fails;
        for (int i = 0; i < TIMES; i++) {
            run(BODY_MODE_NONE);
            kit_end(c);
        }
        cr_expect_eq(n_lines(ways[way].line), LIMIT, "%s", ways[way].line);
    }
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "callback"), TIMES * N_AT_ONCE);
    kit_free(k);
}
