/* What a plugin is of no use for outside of its callbacks: open() that fails, needs that the proxy
 * does not meet; and a call that blocks.
 */
#include "session/failing.h"

/* ---- open() ---------------------------------------------------------------------------------- */

static int opens_not(struct extproc_txn *x)
{
    spoil(x);
    return -EIO;
}
static const struct extproc_plugin unopened = {.abi = EXTPROC_ABI,
                                               .name = "unopened",
                                               .open = opens_not,
                                               .close = on_close,
                                               .request_body = on_phase,
                                               .response_headers = on_phase};

static void open_in(enum body_mode mode, const char *ini)
{
    k = beside(&unopened, ini);
    run(mode);
    kit_expect_log(c, "transaction=id-1 chain=linked plugin=bad phase=open: open failed: extproc_");
    cr_expect_eq(kit_failures(k, "bad",
                              mode == BODY_MODE_NONE ? "response_headers" : "request_body", "open"),
                 1);
}

static void end_unopened(void)
{
    kit_end(c);
    cr_expect_eq(n_closed, 0);
    kit_free(k);
}

Test(failing_needs, open_is_judged_by_the_same_key)
{
    for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_UNKNOWN; mode++) {
        if (!comes(mode, EXTPROC_PHASE_REQUEST_HEADERS))
            continue;
        open_in(mode, "[plugin:bad]\non_error_status = 502\n");
        kit_expect_immediate(c, 502, "", "extprocd.bad.error{id-1}");
        end_unopened();
        open_in(mode, "[plugin:bad]\non_error = close\n");
        kit_expect_failed(c, STATUS_INTERNAL, "plugin bad failed in ");
        end_unopened();
        open_in(mode, "[plugin:bad]\non_error = continue\n");
        is_as_without(mode, EXTPROC_PHASE_REQUEST_BODY);
        end_unopened();
    }
}

/* ---- needs ----------------------------------------------------------------------------------- */

static const struct extproc_plugin reads = {.abi = EXTPROC_ABI,
                                            .name = "reads",
                                            .needs = EXTPROC_WHOLE_REQUEST_BODY,
                                            .request_body = on_phase};
static const struct extproc_plugin inspects = {.abi = EXTPROC_ABI,
                                               .name = "inspects",
                                               .needs = EXTPROC_MUST_SEE_RESPONSE_BODY,
                                               .response_body = on_phase};

static const struct extproc_plugin inspects_complete = {.abi = EXTPROC_ABI,
                                                        .name = "inspects",
                                                        .needs = EXTPROC_MUST_SEE_RESPONSE_BODY |
                                                                 EXTPROC_WHOLE_RESPONSE_BODY,
                                                        .response_body = on_phase};

static const struct {
    const struct extproc_plugin *plugin;
    enum body_mode mode;
    const char *ini;
    unsigned status; /* 0: it goes on */
    const char *phase, *reason, *line;
} needs[] = {
    {&reads, BODY_MODE_NONE, "", 500, "request_headers", "need", "needs the request body complete"},
    {&reads, BODY_MODE_NONE, "on_error_status = 503", 503, "request_headers", "need",
     "request_body_mode is NONE"},
    {&reads, BODY_MODE_NONE, "on_error = continue", 0, "request_headers", "need",
     "BUFFERED) (on_error = continue)"},
    {&reads, BODY_MODE_STREAMED, "", 500, "request_body", "need", "sends it in pieces"},
    {&reads, BODY_MODE_STREAMED, "on_error = continue", 0, "request_body", "need",
     "(on_error = continue)"},
    {&inspects, BODY_MODE_NONE, "", 403, "request_headers", "unseen",
     "must see the response body, and the proxy does not send it (in the proxy, set "
     "response_body_mode: STREAMED)"},
    {&inspects, BODY_MODE_NONE, "on_error_status = 503", 403, "request_headers", "unseen",
     "must see the response body"},
    {&inspects, BODY_MODE_NONE, "on_error = continue", 0, "request_headers", "unseen",
     "response_body_mode: STREAMED) (on_error = continue)"},
    {&inspects_complete, BODY_MODE_NONE, "", 403, "request_headers", "unseen",
     "must see the response body, and the proxy does not send it (in the proxy, set "
     "response_body_mode: BUFFERED)"},
};

Test(failing_needs, a_need_that_is_not_met_is_judged_by_the_same_key)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        char ini[64];
        snprintf(ini, sizeof ini, "[plugin:bad]\n%s\n", needs[i].ini);
        k = beside(needs[i].plugin, ini);
        run(needs[i].mode);
        kit_expect_log(c, needs[i].line);
        if (needs[i].status)
            kit_expect_immediate(c, needs[i].status, "", "extprocd.bad.error{id-1}");
        else
            is_as_without(needs[i].mode, EXTPROC_PHASE_REQUEST_BODY);
        cr_expect_eq(kit_failures(k, "bad", needs[i].phase, needs[i].reason), 1, "case %zu", i);
        cr_expect_eq(n_calls, 0);
        kit_end(c);
        kit_free(k);
    }
}

/* ---- every need, direction, mode and policy -------------------------------------------------- */

enum need { NEED_WHOLE, NEED_SEEN, NEED_HEADERS, N_NEEDS };

static const struct {
    uint64_t bits[N_LANES];
    unsigned status; /* where the client can get one */
    const char *reason;
} rows[N_NEEDS] = {
    [NEED_WHOLE] = {{EXTPROC_WHOLE_REQUEST_BODY, EXTPROC_WHOLE_RESPONSE_BODY}, 503, "need"},
    [NEED_SEEN] = {{EXTPROC_MUST_SEE_REQUEST_BODY, EXTPROC_MUST_SEE_RESPONSE_BODY}, 403, "unseen"},
    [NEED_HEADERS] = {{EXTPROC_HEADERS_WAIT, EXTPROC_HEADERS_WAIT}, 503, "need"},
};

/* As soon as the mode is known to be of no use: a STREAMED body may come in one chunk, and is
 * complete then, but its headers have gone on. 0: it is met. */
static enum extproc_phase missed_in(enum need need, enum lane lane, enum body_mode mode)
{
    if (mode == BODY_MODE_NONE || (mode == BODY_MODE_STREAMED && need == NEED_HEADERS))
        return EXTPROC_PHASE_REQUEST_HEADERS;
    if (!comes_in_chunks(mode) || need == NEED_SEEN)
        return 0;
    return lane == LANE_REQUEST ? EXTPROC_PHASE_REQUEST_BODY : EXTPROC_PHASE_RESPONSE_BODY;
}

static void expect_miss(enum need need, enum extproc_phase phase)
{
    char line[128];
    snprintf(line, sizeof line,
             "transaction=id-1 chain=linked plugin=bad phase=%s: ", phase_text(phase));
    kit_expect_log(c, line);
    cr_expect_eq(kit_failures(k, "bad", phase_text(phase), rows[need].reason), 1,
                 "need %d phase %s: %s", (int)need, phase_text(phase), kit_log(k));
    cr_expect_eq(n_calls, 0);
}

/* Calls check() for each that is missed; the call is open. */
static void miss_every_need(const char *ini, void (*check)(enum need need, enum body_mode mode,
                                                           enum extproc_phase phase))
{
    for (enum need need = 0; need < N_NEEDS; need++) {
        for (enum lane lane = 0; lane < N_LANES; lane++) {
            const struct extproc_plugin needy = {
                .abi = EXTPROC_ABI,
                .name = "needy",
                .needs = rows[need].bits[lane],
                .request_body = lane == LANE_REQUEST ? on_phase : NULL,
                .response_body = lane == LANE_RESPONSE ? on_phase : NULL};
            for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_UNKNOWN; mode++) {
                if (!comes(mode, EXTPROC_PHASE_REQUEST_HEADERS))
                    continue;
                enum extproc_phase phase = missed_in(need, lane, mode);
                k = beside(&needy, ini);
                fails_in = 0;
                run(mode);
                if (phase) {
                    expect_miss(need, phase);
                    check(need, mode, phase);
                } else {
                    kit_expect_going(c);
                    kit_expect_no_log(c, "plugin=bad");
                }
                kit_end(c);
                kit_free(k);
            }
        }
    }
}

static void is_refused(enum need need, enum body_mode mode, enum extproc_phase phase)
{
    if (is_late(mode, phase))
        is_cut(phase);
    else
        kit_expect_immediate(c, rows[need].status, "", "extprocd.bad.error{id-1}");
}

static void is_closed(enum need need, enum body_mode mode, enum extproc_phase phase)
{
    is_cut(phase);
    kit_expect_log(c, "(on_error = close)");
}

static void goes_on_without(enum need need, enum body_mode mode, enum extproc_phase phase)
{
    is_as_without(mode, phase);
}

Test(failing_needs, every_need_that_is_not_met_may_be_answered_for)
{
    miss_every_need("[plugin:bad]\non_error_status = 503\n", is_refused);
}

Test(failing_needs, every_need_that_is_not_met_may_close_the_stream)
{
    miss_every_need("[plugin:bad]\non_error = close\n", is_closed);
}

Test(failing_needs, every_need_that_is_not_met_may_be_done_without)
{
    miss_every_need("[plugin:bad]\non_error = continue\n", goes_on_without);
}

/* ---- what it had done before ----------------------------------------------------------------- */

/* It had edited the headers before, and the plugins after it have not seen that. */
static enum extproc_action changes_only(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}
static enum extproc_action spoils_more(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    spoil(x);
    return EXTPROC_ACTION_CONTINUE;
}

Test(failing_needs, what_was_done_before_a_need_was_missed_is_undone)
{
    static const struct extproc_plugin edits = {.abi = EXTPROC_ABI,
                                                .name = "edits",
                                                .needs = EXTPROC_WHOLE_REQUEST_BODY,
                                                .close = on_close,
                                                .resume = spoils_more,
                                                .request_headers = on_phase,
                                                .request_body = on_phase};
    static const struct extproc_plugin looks_on = {.abi = EXTPROC_ABI,
                                                   .name = "looks_on",
                                                   .needs = EXTPROC_MUST_SEE_RESPONSE_BODY,
                                                   .close = on_close,
                                                   .resume = spoils_more,
                                                   .request_headers = on_phase,
                                                   .response_body = on_phase};
    static const struct {
        const struct extproc_plugin *plugin;
        extproc_on_fn *then;
    } cases[] = {{&edits, changes_only},
                 {&edits, waits_a_while},
                 {&looks_on, changes_only},
                 {&looks_on, waits_a_while}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        k = beside(cases[i].plugin, "[plugin:bad]\non_error = continue\n");
        fails_in = EXTPROC_PHASE_REQUEST_HEADERS;
        fails = cases[i].then;
        run(BODY_MODE_NONE);
        is_as_without(BODY_MODE_NONE, EXTPROC_PHASE_REQUEST_HEADERS);
        cr_expect_eq(n_calls, 1);
        kit_end(c);
        cr_expect_eq(n_closed, 1);
        kit_free(k);
    }
}

/* ---- blocking -------------------------------------------------------------------------------- */

/* A watch sees it: here the callback is the watch as well. */
static enum extproc_action blocks(struct extproc_txn *x)
{
    struct running *running = &kit_loop(k)->running;
    cr_expect(running_see(running, running_look(running), 200));
    return EXTPROC_ACTION_CONTINUE;
}

Test(failing_needs, a_call_that_has_blocked_is_reported_with_its_transaction)
{
    static const struct extproc_plugin blocker = {.abi = EXTPROC_ABI,
                                                  .name = "blocker",
                                                  .request_headers = blocks,
                                                  .response_headers = witness};
    k = beside(&blocker, "");
    run(BODY_MODE_NONE);
    kit_expect_going(c);
    kit_expect_log(
        c, " warn  listener=kit peer=192.0.2.1:4711 transaction=id-1 chain=linked plugin=bad "
           "phase=request_headers: the plugin has blocked all transactions for 200 ms "
           "(timeout = 150ms)");
    cr_expect_eq(kit_counter(k, NULL, "blocked"), 1);
    kit_end(c);
    kit_free(k);
}
