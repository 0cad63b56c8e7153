/* failing: a plugin that fails between two neighbours that write down all that they see, in a
 * transaction with everything that a mode of bodies sends.
 */
#ifndef EXTPROCD_TESTS_SESSION_FAILING_H
#define EXTPROCD_TESTS_SESSION_FAILING_H
#include "http/mode.h"
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

/* What it waits for comes, or does not. */
static struct extproc_wait *unanswered;
static inline enum extproc_action waits_a_while(struct extproc_txn *x)
{
    return extproc_waiting(extproc_after(x, 5));
}
static inline enum extproc_action waits_for_ever(struct extproc_txn *x)
{
    unanswered = extproc_defer(x, 0, NULL);
    return unanswered ? EXTPROC_ACTION_WAIT : EXTPROC_ACTION_FAIL;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    n_closed++;
}

/* ---- one transaction ------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

/* NULL: the neighbours alone. */
static struct kit *beside_of(const struct extproc_plugin *plugin, struct kit_options options)
{
    const struct kit_linked alone[] = {{"before", &before}, {"after", &after}, {0}};
    const struct kit_linked three[] = {
        {"before", &before}, {"bad", plugin}, {"after", &after}, {0}};
    options.linked = plugin ? three : alone;
    options.fail = kit_criterion_fail;
    return kit_new(&options);
}

static struct kit *beside(const struct extproc_plugin *plugin, const char *ini)
{
    return beside_of(plugin, (struct kit_options){.ini = ini});
}

/* ---- modes of bodies ------------------------------------------------------------------------- */

/* A proxy that has not said its mode streams here. */
static bool comes_in_chunks(enum body_mode mode)
{
    return mode == BODY_MODE_STREAMED || mode == BODY_MODE_UNKNOWN;
}

/* Modes that are built, and phases that a proxy in this mode sends. */
static inline bool comes(enum body_mode mode, enum extproc_phase phase)
{
    return mode_of(mode)->built == MODE_BUILT &&
           (mode != BODY_MODE_NONE ||
            !(phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY)));
}

/* The response has begun for the client. */
static inline bool is_late(enum body_mode mode, enum extproc_phase phase)
{
    return phase == EXTPROC_PHASE_RESPONSE_TRAILERS ||
           (phase == EXTPROC_PHASE_RESPONSE_BODY && comes_in_chunks(mode));
}

static bool goes_on(size_t n_answers)
{
    if (kit_n_answers(c) != n_answers && !kit_is_over(c)) { /* something waits */
        kit_run(k);                                         /* and the clock   */
        kit_take_answers(c);
    }
    if (kit_n_answers(c) != n_answers)
        return false;
    const PbResponse *answer = kit_answer(c);
    size_t len = protobuf_c_message_get_packed_size(&answer->base);
    cr_assert(trace.n_bytes + len < sizeof trace.answers);
    protobuf_c_message_pack(&answer->base, trace.answers + trace.n_bytes);
    trace.n_bytes += len;
    return answer->response_case != PB_CASE_RESPONSE(IMMEDIATE_RESPONSE);
}

static struct kit_call *call_in(enum body_mode mode)
{
    bool unsaid = mode == BODY_MODE_UNKNOWN;
    enum body_mode is = unsaid ? BODY_MODE_STREAMED : mode;
    struct kit_call *call =
        kit_call(k, &(struct kit_how){.request = is, .response = is, .unsaid = unsaid});
    kit_lets_wait(call);
    return call;
}

/* Both directions with all that a mode sends, up to where it ends. */
static void run(enum body_mode mode)
{
    static const char *const headers[N_LANES] = {
        ":method: POST\n:path: /\nx-keep: 1\nx-request-id: id-1", ":status: 200\nx-keep: 1"};
    size_t n = 0;
    trace = (struct trace){0};
    n_calls = n_closed = 0;
    unanswered = NULL;
    c = call_in(mode);
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        kit_headers(c, lane, headers[lane], false);
        if (!goes_on(++n))
            return;
        for (int chunk = 0; comes_in_chunks(mode) && chunk < 2; chunk++) {
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

static const char *phase_text(enum extproc_phase phase)
{
    enum phase at = 0;
    while (!(phase & phase_bit(at)))
        at++;
    return phase_name(at);
}

/* Byte for byte. */
static void reads_as_without(enum body_mode mode, enum extproc_phase phase)
{
    struct kit *failing = k;
    struct kit_call *call = c;
    struct trace got = trace;
    unsigned calls = n_calls, closed = n_closed;
    kit_expect_going(c);

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

static inline void is_as_without(enum body_mode mode, enum extproc_phase phase)
{
    kit_expect_log(c, "(on_error = continue)");
    reads_as_without(mode, phase);
}

/* The stream ends, whatever the proxy makes of that. */
static inline void is_cut(enum extproc_phase phase)
{
    char why[64];
    snprintf(why, sizeof why, "plugin bad failed in %s", phase_text(phase));
    kit_expect_failed(c, STATUS_INTERNAL, why);
}

#endif
