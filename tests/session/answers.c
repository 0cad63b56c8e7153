/* The effects of a plugin's decisions: immediate responses, replaced bodies, failures. */
#include "kit/criterion.h"

#include <string.h>

/* Every callback of `actor` does what `act` says, in the phase that `act_in` says. */
static extproc_on_fn *act;
static enum extproc_phase act_in;
static unsigned n_calls, n_closed;
static enum extproc_end closed_why;

static enum extproc_action on_phase(struct extproc_txn *x)
{
    n_calls++;
    return x->phase == act_in ? act(x) : EXTPROC_ACTION_CONTINUE;
}
static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    n_closed++;
    closed_why = why;
}

static const struct extproc_plugin actor = {
    .abi = EXTPROC_ABI,
    .name = "actor",
    .close = on_close,
    .request_headers = on_phase,
    .request_body = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
    .response_body = on_phase,
    .response_trailers = on_phase,
};

static struct kit *k;

static void setup(void)
{
    k = kit_of((struct kit_linked[]){{"actor", &actor}, {0}});
}
static void teardown(void)
{
    kit_free(k);
}
TestSuite(answers, .init = setup, .fini = teardown);

static struct kit_call *transaction(enum body_mode mode, enum extproc_phase phase,
                                    extproc_on_fn *does)
{
    act = does;
    act_in = phase;
    n_calls = n_closed = 0;
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = mode, .response = mode});
    kit_request(c, ":method: POST\n:path: /", "abc", "x-end: 1");
    if (kit_n_answers(c) == 3)
        kit_response(c, ":status: 200", "def", "x-end: 2");
    return c;
}

/* ---- immediate responses --------------------------------------------------------------------- */

static enum extproc_action refuse(struct extproc_txn *x)
{
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("by"), extproc_string(EXTPROC_S("actor")));
    return extproc_reply(x, .status = 403, .body = EXTPROC_S("no\n"));
}

/* Where it comes out clean: everywhere but where the response has begun. */
static const struct {
    enum body_mode mode;
    enum extproc_phase phase;
    size_t n_answers;
} clean[] = {
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_REQUEST_HEADERS, 1},
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_REQUEST_BODY, 2},
    {BODY_MODE_STREAMED, EXTPROC_PHASE_REQUEST_BODY, 2},
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_REQUEST_TRAILERS, 3},
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_RESPONSE_HEADERS, 4},
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_RESPONSE_BODY, 5},
};

Test(answers, immediate)
{
    for (size_t i = 0; i < sizeof clean / sizeof *clean; i++) {
        struct kit_call *c = transaction(clean[i].mode, clean[i].phase, refuse);
        kit_expect_immediate(c, 403, "no\n", "actor");
        kit_expect_metadata(c, "ns", "by", "actor");
        cr_expect_eq(kit_n_answers(c), clean[i].n_answers, "case %zu: %zu answers", i,
                     kit_n_answers(c));
        kit_end(c);
    }
}

Test(answers, after_an_immediate_response_no_plugin_is_called)
{
    struct kit_call *c = transaction(BODY_MODE_STREAMED, EXTPROC_PHASE_REQUEST_HEADERS, refuse);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_headers(c, LANE_RESPONSE, ":status: 403", true);
    kit_headers(c, LANE_RESPONSE, ":status: 403", true); /* invalid, but ignored */
    cr_expect_eq(n_calls, 1);
    cr_expect_eq(kit_n_answers(c), 1);
    kit_end(c);
    cr_expect_eq(n_closed, 1);
    cr_expect_eq(closed_why, EXTPROC_END_DONE);
}

/* ---- a body in a headers phase --------------------------------------------------------------- */

static enum extproc_action replace(struct extproc_txn *x)
{
    return extproc_body_set(x, EXTPROC_S("new")) == 0 ? EXTPROC_ACTION_CONTINUE
                                                      : EXTPROC_ACTION_FAIL;
}

Test(answers, replaced_body)
{
    struct kit_call *c = transaction(BODY_MODE_STREAMED, EXTPROC_PHASE_REQUEST_HEADERS, replace);
    kit_expect_body(c, LANE_REQUEST, "new");
    cr_expect_eq(kit_n_answers(c), 1);
    /* what is on its way still is ignored, the other direction goes on */
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_response(c, ":status: 200", "def", NULL);
    kit_expect_body(c, LANE_RESPONSE, "def");
    cr_expect_eq(kit_n_answers(c), 3);
    kit_end(c);
}

static enum extproc_action shout(struct extproc_txn *x)
{
    struct extproc_str body = extproc_body(x);
    struct extproc_str text = extproc_format(x, "%.*s%s", EXTPROC_ARG(body), x->end ? "!" : "?");
    return extproc_body_set(x, text) == 0 ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_FAIL;
}

/* The plugins after it get the new body, the plugins before it get none. */
Test(answers, a_replaced_body_goes_to_later_plugins)
{
    const struct extproc_plugin shouter = {
        .abi = EXTPROC_ABI, .name = "shouter", .request_body = shout};
    struct kit *own = kit_of(
        (struct kit_linked[]){{"before", &shouter}, {"actor", &actor}, {"after", &shouter}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){.request = BODY_MODE_STREAMED});
    act = replace;
    act_in = EXTPROC_PHASE_REQUEST_HEADERS;
    kit_request(c, ":method: POST\n:path: /\ncontent-length: 3", "abc", NULL);
    kit_expect_body(c, LANE_REQUEST, "new!");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-length", NULL);
    kit_end(c);
    kit_free(own);
}

/* ---- failures -------------------------------------------------------------------------------- */

static enum extproc_action fail(struct extproc_txn *x)
{
    extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-half"), EXTPROC_S("done"));
    return EXTPROC_ACTION_FAIL;
}
static enum extproc_action invent(struct extproc_txn *x)
{
    return (enum extproc_action)17;
}

Test(answers, a_failure_is_a_500)
{
    for (size_t i = 0; i < sizeof clean / sizeof *clean; i++) {
        struct kit_call *c = transaction(clean[i].mode, clean[i].phase, fail);
        kit_expect_immediate(c, 500, NULL, "extprocd.actor.error");
        kit_end(c);
    }
}

/* A client may have made the id up, and the proxy's access log shows it. */
Test(answers, a_failure_names_the_transaction)
{
    static const char *const requests[][2] = {
        {":method: GET\n:path: /\nx-request-id: 7f3a-b1", "extprocd.actor.error{7f3a-b1}"},
        {":method: GET\n:path: /\nx-request-id: 7f3a b1}", "extprocd.actor.error"},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        act = fail;
        act_in = EXTPROC_PHASE_REQUEST_HEADERS;
        struct kit_call *c = kit_call(k, &(struct kit_how){0});
        kit_request(c, requests[i][0], NULL, NULL);
        kit_expect_immediate(c, 500, NULL, requests[i][1]);
        kit_end(c);
    }
}

Test(answers, an_unknown_action_is_a_failure)
{
    struct kit_call *c = transaction(BODY_MODE_NONE, EXTPROC_PHASE_REQUEST_HEADERS, invent);
    kit_expect_immediate(c, 500, NULL, "extprocd.actor.error");
    kit_expect_log(c, "17");
    kit_expect_log(c, "request_headers");
    kit_end(c);
}

static const struct {
    enum body_mode mode;
    enum extproc_phase phase;
    const char *text;
} late[] = {
    {BODY_MODE_STREAMED, EXTPROC_PHASE_RESPONSE_BODY, "plugin actor failed in response_body"},
    {BODY_MODE_STREAMED, EXTPROC_PHASE_RESPONSE_TRAILERS,
     "plugin actor failed in response_trailers"},
    {BODY_MODE_BUFFERED, EXTPROC_PHASE_RESPONSE_TRAILERS,
     "plugin actor failed in response_trailers"},
};

Test(answers, a_failure_that_comes_too_late_ends_the_stream)
{
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        struct kit_call *c = transaction(late[i].mode, late[i].phase, fail);
        kit_expect_failed(c, STATUS_INTERNAL, late[i].text);
        kit_end(c);
        cr_expect_eq(n_closed, 1);
        cr_expect_eq(closed_why, EXTPROC_END_FAILED);
    }
}

Test(answers, a_refusal_that_comes_too_late_is_a_failure)
{
    struct kit_call *c = transaction(BODY_MODE_STREAMED, EXTPROC_PHASE_RESPONSE_BODY, refuse);
    kit_expect_failed(c, STATUS_INTERNAL, "plugin actor failed in response_body");
    kit_end(c);
}

static int open_fails(struct extproc_txn *x)
{
    return -1;
}
Test(answers, open_that_fails_is_a_failure)
{
    const struct extproc_plugin closed = {
        .abi = EXTPROC_ABI, .name = "closed", .open = open_fails, .request_headers = on_phase};
    struct kit *own = kit_of((struct kit_linked[]){{"closed", &closed}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){0});
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_expect_immediate(c, 500, NULL, "extprocd.closed.error");
    kit_end(c);
    kit_free(own);
}

/* ---- how a stream ends ----------------------------------------------------------------------- */

static enum extproc_action go_on(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_end end_of(enum body_mode mode, const char *script,
                               void (*end)(struct kit_call *))
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = mode, .response = mode});
    act = go_on;
    for (; *script; script++) {
        if (strchr("hH", *script))
            kit_headers(c, LANE_REQUEST, ":path: /", *script == 'H');
        else if (*script == 'r')
            kit_headers(c, LANE_RESPONSE, ":status: 200", true);
        else
            kit_body(c, LANE_REQUEST, "abc", *script == 'B');
    }
    end(c);
    return closed_why;
}

Test(answers, a_reset_is_how_a_proxy_ends_a_stream)
{
    cr_expect_eq(end_of(BODY_MODE_NONE, "H", kit_reset), EXTPROC_END_DONE);
    cr_expect(strstr(kit_log(k), "stream closed: done"));
    cr_expect_eq(end_of(BODY_MODE_NONE, "h", kit_reset), EXTPROC_END_DONE);
    cr_expect_eq(end_of(BODY_MODE_NONE, "hr", kit_reset), EXTPROC_END_DONE);
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "hbB", kit_reset), EXTPROC_END_DONE);
    cr_expect_eq(end_of(BODY_MODE_BUFFERED, "hb", kit_reset), EXTPROC_END_DONE);
}

Test(answers, a_reset_inside_a_body_is_a_loss)
{
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "hb", kit_reset), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "h", kit_reset), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(end_of(BODY_MODE_BUFFERED, "hr", kit_reset), EXTPROC_END_DISCONNECTED);
}

static void half_close_and_reset(struct kit_call *c)
{
    kit_half_close(c);
    kit_reset(c);
}

/* What a proxy does if its client has left, or its upstream has aborted the response. */
Test(answers, a_half_close_does_not_mean_done)
{
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "hb", half_close_and_reset), EXTPROC_END_DISCONNECTED);
    cr_expect(
        strstr(kit_log(k), "stream closed: half-closed by proxy before the request was complete"));
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "hb", kit_end), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(end_of(BODY_MODE_NONE, "H", half_close_and_reset), EXTPROC_END_DISCONNECTED);
    cr_expect(
        strstr(kit_log(k), "stream closed: half-closed by proxy before the response was complete"));
    cr_expect_eq(end_of(BODY_MODE_STREAMED, "hBr", half_close_and_reset), EXTPROC_END_DONE);
}

Test(answers, other_ends)
{
    cr_expect_eq(end_of(BODY_MODE_NONE, "H", kit_stop), EXTPROC_END_DRAINED);
    cr_expect_eq(end_of(BODY_MODE_NONE, "HH", kit_reset), EXTPROC_END_FAILED);
}
