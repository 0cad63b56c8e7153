/* What a failure of a plugin means: every policy, every way to fail, every phase, every mode of
 * bodies. With on_error = continue the neighbours, and the proxy, get byte for byte what they get
 * where the plugin is not in the chain.
 */
#include "kit/criterion.h"
#include "kit/pb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what neighbours and proxy see ----------------------------------------------------------- */

enum { TRACE_MAX = 4096 };

static struct trace {
    char text[TRACE_MAX]; /* of the neighbours */
    size_t len;
    uint8_t answers[TRACE_MAX];
    size_t n_bytes;
} trace;

EXTPROC_PRINTF(1, 2)
static void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(trace.text + trace.len, sizeof trace.text - trace.len, fmt, ap);
    va_end(ap);
    cr_assert(n >= 0 && trace.len + (size_t)n < sizeof trace.text);
    trace.len += (size_t)n;
}

static enum extproc_map map_of(const struct extproc_txn *x)
{
    switch (x->phase) {
    case EXTPROC_PHASE_REQUEST_TRAILERS:
        return EXTPROC_MAP_REQUEST_TRAILERS;
    case EXTPROC_PHASE_RESPONSE_TRAILERS:
        return EXTPROC_MAP_RESPONSE_TRAILERS;
    default:
        return extproc_is_response(x) ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST;
    }
}

static bool is_body(const struct extproc_txn *x)
{
    return x->phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY);
}

/* Writes down all that there is, and leaves a mark. */
static enum extproc_action witness(struct extproc_txn *x)
{
    struct extproc_header header;
    struct extproc_value sent =
        extproc_value_get(x, extproc_metadata(x, EXTPROC_S("ns")), EXTPROC_S("k"));
    note("%u:", (unsigned)x->phase);
    for (size_t i = 0; extproc_header_at(x, map_of(x), i, &header); i++)
        note(" %.*s=%.*s", EXTPROC_ARG(header.name), EXTPROC_ARG(header.value));
    note(" k=%.*s", EXTPROC_ARG(sent.as.string));
    if (is_body(x)) {
        struct extproc_str body = extproc_body(x);
        note(" body=%.*s", EXTPROC_ARG(body));
        extproc_body_set(x, extproc_format(x, "%.*s.", EXTPROC_ARG(body)));
    } else {
        extproc_header_append(x, map_of(x), EXTPROC_S("x-seen"), EXTPROC_S("w"));
    }
    note("\n");
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action witness_first(struct extproc_txn *x)
{
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"), extproc_string(EXTPROC_S("first")));
    return witness(x);
}

#define IN_EVERY_PHASE(fn)                                                                         \
    .request_headers = fn, .request_body = fn, .request_trailers = fn, .response_headers = fn,     \
    .response_body = fn, .response_trailers = fn

static const struct extproc_plugin before = {
    .abi = EXTPROC_ABI, .name = "before", IN_EVERY_PHASE(witness_first)};
static const struct extproc_plugin after = {
    .abi = EXTPROC_ABI, .name = "after", IN_EVERY_PHASE(witness)};

/* ---- the plugin that fails ------------------------------------------------------------------- */

static enum extproc_phase fails_in;
static extproc_on_fn *fails;
static unsigned n_calls, n_closed;

/* Changes all that it can change. */
static void spoil(struct extproc_txn *x)
{
    for (enum extproc_map map = 0; map <= EXTPROC_MAP_RESPONSE_TRAILERS; map++) {
        extproc_header_set(x, map, EXTPROC_S("x-bad"), EXTPROC_S("1"));
        extproc_header_set(x, map, EXTPROC_S("x-end"), EXTPROC_S("bad"));
        extproc_header_remove(x, map, EXTPROC_S("x-keep"));
    }
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"), extproc_string(EXTPROC_S("bad")));
    extproc_metadata_set(x, EXTPROC_S("bad"), EXTPROC_S("k"), extproc_string(EXTPROC_S("bad")));
    extproc_body_set(x, EXTPROC_S("spoilt"));
    extproc_clear_route(x);
    extproc_skip(x, EXTPROC_PHASE_RESPONSE_HEADERS);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    if (x->phase != fails_in)
        return EXTPROC_ACTION_CONTINUE;
    n_calls++;
    spoil(x);
    return fails(x);
}

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

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    n_closed++;
}

static const struct extproc_plugin bad = {
    .abi = EXTPROC_ABI, .name = "bad", .close = on_close, IN_EVERY_PHASE(on_phase)};

/* ---- one transaction ------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

static struct kit *beside(const struct extproc_plugin *plugin, const char *ini)
{
    const struct kit_linked alone[] = {{"before", &before}, {"after", &after}, {0}};
    const struct kit_linked three[] = {
        {"before", &before}, {"bad", plugin}, {"after", &after}, {0}};
    return kit_new(&(struct kit_options){
        .ini = ini, .linked = plugin ? three : alone, .fail = kit_criterion_fail});
}

static bool goes_on(size_t n_answers)
{
    if (kit_n_answers(c) != n_answers)
        return false;
    const PbResponse *answer = kit_answer(c);
    size_t len = protobuf_c_message_get_packed_size(&answer->base);
    cr_assert(trace.n_bytes + len < sizeof trace.answers);
    protobuf_c_message_pack(&answer->base, trace.answers + trace.n_bytes);
    trace.n_bytes += len;
    return answer->response_case != PB_CASE_RESPONSE(IMMEDIATE_RESPONSE);
}

/* Both directions with all that a mode sends, up to where it ends. */
static void run(enum body_mode mode)
{
    static const char *const headers[N_LANES] = {
        ":method: POST\n:path: /\nx-keep: 1\nx-request-id: id-1", ":status: 200\nx-keep: 1"};
    size_t n = 0;
    trace = (struct trace){0};
    n_calls = n_closed = 0;
    c = kit_call(k, &(struct kit_how){.request = mode, .response = mode});
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        kit_headers(c, lane, headers[lane], false);
        if (!goes_on(++n))
            return;
        for (int chunk = 0; mode == BODY_MODE_STREAMED && chunk < 2; chunk++) {
            kit_body(c, lane, chunk ? "cd" : "ab", false);
            if (!goes_on(++n))
                return;
        }
        if (mode == BODY_MODE_BUFFERED) {
            kit_body(c, lane, "abcd", false);
            if (!goes_on(++n))
                return;
        }
        kit_trailers(c, lane, "x-keep: 1\nx-end: 1");
        if (!goes_on(++n))
            return;
    }
}

static bool comes(enum body_mode mode, enum extproc_phase phase)
{
    return mode != BODY_MODE_NONE ||
           !(phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY));
}

/* The response has begun for the client. */
static bool is_late(enum body_mode mode, enum extproc_phase phase)
{
    return phase == EXTPROC_PHASE_RESPONSE_TRAILERS ||
           (phase == EXTPROC_PHASE_RESPONSE_BODY && mode == BODY_MODE_STREAMED);
}

static const struct {
    extproc_on_fn *fails;
    const char *line;
} ways[] = {
    {returns_fail, "failed: for the test"},
    {answers_first, "failed: extproc_"},
    {returns_17, "callback returned invalid action 17"},
    {responds_without, "EXTPROC_ACTION_RESPOND without a response"},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static const char *phase_text(enum extproc_phase phase)
{
    enum phase at = 0;
    while (!(phase & phase_bit(at)))
        at++;
    return phase_name(at);
}

/* Calls check() once for each way, phase and mode, after the transaction; the call is open. */
static void in_every_phase(const char *ini,
                           void (*check)(enum body_mode mode, enum extproc_phase phase))
{
    for (size_t way = 0; way < N_WAYS; way++) {
        for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_BUFFERED; mode++) {
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
                         "transaction=id-1 plugin=bad phase=%s: ", phase_text(phase));
                kit_expect_log(c, line);
                kit_expect_log(c, ways[way].line);
                cr_expect_eq(n_calls, 1);
                cr_expect_eq(kit_failures(k, "bad", phase_text(phase), "callback"), 1);
                check(mode, phase);
                kit_end(c);
                cr_expect_eq(n_closed, 1);
                kit_free(k);
            }
        }
    }
}

/* ---- on_error -------------------------------------------------------------------------------- */

static unsigned status;

static void is_answered(enum body_mode mode, enum extproc_phase phase)
{
    char why[64];
    snprintf(why, sizeof why, "plugin bad failed in %s", phase_text(phase));
    if (is_late(mode, phase))
        kit_expect_failed(c, STATUS_INTERNAL, why);
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
    char why[64];
    snprintf(why, sizeof why, "plugin bad failed in %s", phase_text(phase));
    kit_expect_failed(c, STATUS_INTERNAL, why);
    kit_expect_log(c, "(on_error = close)");
}

Test(failing, close_ends_the_stream)
{
    in_every_phase("[plugin:bad]\non_error = close\n", is_closed);
}

static void is_as_without(enum body_mode mode, enum extproc_phase phase)
{
    struct kit *failing = k;
    struct kit_call *call = c;
    struct trace got = trace;
    unsigned calls = n_calls, closed = n_closed;
    kit_expect_going(c);
    kit_expect_log(c, "(on_error = continue)");

    k = beside(NULL, "");
    run(mode);
    cr_expect_str_eq(got.text, trace.text, "mode %d phase %s", (int)mode, phase_text(phase));
    cr_expect(got.n_bytes == trace.n_bytes && memcmp(got.answers, trace.answers, got.n_bytes) == 0,
              "mode %d phase %s: other answers", (int)mode, phase_text(phase));
    kit_end(c);
    kit_free(k);
    k = failing;
    c = call;
    n_calls = calls;
    n_closed = closed;
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
    for (size_t way = 0; way < N_WAYS; way++) {
        fails = ways[way].fails;
        for (int i = 0; i < TIMES; i++) {
            run(BODY_MODE_NONE);
            kit_end(c);
        }
        cr_expect_eq(n_lines(ways[way].line), LIMIT, "%s", ways[way].line);
    }
    cr_expect_eq(kit_failures(k, "bad", "request_headers", "callback"), TIMES * N_WAYS);
    kit_free(k);
}

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
    kit_expect_log(c, "transaction=id-1 plugin=bad phase=open: open failed: extproc_");
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

Test(failing, open_is_judged_by_the_same_key)
{
    for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_BUFFERED; mode++) {
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
     "must see the response body, and the proxy does not send it"},
    {&inspects, BODY_MODE_NONE, "on_error_status = 503", 403, "request_headers", "unseen",
     "must see the response body"},
    {&inspects, BODY_MODE_NONE, "on_error = continue", 0, "request_headers", "unseen",
     "does not send it (on_error = continue)"},
};

Test(failing, a_need_that_is_not_met_is_judged_by_the_same_key)
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

Test(failing, a_need_that_is_not_met_may_close_the_stream)
{
    k = beside(&inspects, "[plugin:bad]\non_error = close\n");
    run(BODY_MODE_NONE);
    kit_expect_failed(c, STATUS_INTERNAL, "plugin bad failed in request_headers");
    kit_end(c);
    kit_free(k);
}
