/* How bodies are sent: who sets the mode, what is detected, what is not supported, and
 * observing. */
#include "kit/criterion.h"

/* Reports, in a header of its own phase or in the body, what it sees of the body. */
static enum extproc_action mark(struct extproc_txn *x)
{
    static const char *const names[] = {"none", "streamed", "whole", "partial", "duplex"};
    enum extproc_map map =
        x->phase < EXTPROC_PHASE_RESPONSE_HEADERS ? EXTPROC_MAP_REQUEST : EXTPROC_MAP_RESPONSE;
    return extproc_header_set(x, map, EXTPROC_S("x-body"), extproc_str_of(names[x->body_mode])) == 0
               ? EXTPROC_ACTION_CONTINUE
               : EXTPROC_ACTION_FAIL;
}
static enum extproc_action mark_body(struct extproc_txn *x)
{
    const char *text = x->body_mode == EXTPROC_BODY_MODE_WHOLE ? "<whole>" : "<chunk>";
    return extproc_body_set(x, extproc_str_of(text)) == 0 ? EXTPROC_ACTION_CONTINUE
                                                          : EXTPROC_ACTION_FAIL;
}

static const struct extproc_plugin marker = {
    .abi = EXTPROC_ABI,
    .name = "marker",
    .request_headers = mark,
    .request_body = mark_body,
    .response_headers = mark,
    .response_body = mark_body,
};
static const struct kit_linked chain[] = {{"marker", &marker}, {0}};

static struct kit *k;

static void setup(void)
{
    k = kit_of(chain);
}
static void teardown(void)
{
    kit_free(k);
}
TestSuite(modes, .init = setup, .fini = teardown);

/* ---- who sets the mode ----------------------------------------------------------------------- */

Test(modes, the_proxy_sends_its_mode)
{
    struct kit_call *c = kit_call(
        k, &(struct kit_how){.request = BODY_MODE_BUFFERED, .response = BODY_MODE_STREAMED});
    kit_request(c, ":path: /", "abc", NULL);
    kit_response(c, ":status: 200", "abc", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-body", "whole");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-body", "streamed");
    kit_expect_body(c, LANE_REQUEST, "<whole>");
    kit_expect_body(c, LANE_RESPONSE, "<chunk>");
    kit_end(c);
}

Test(modes, the_listener_sets_the_mode_where_the_proxy_does_not_send_it)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED,
                                                       .response = BODY_MODE_STREAMED,
                                                       .unsaid = true,
                                                       .listener_says = true});
    kit_request(c, ":path: /", "abc", "x-end: 1");
    kit_response(c, ":status: 200", "abc", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-body", "whole");
    kit_expect_body(c, LANE_REQUEST, "<whole>");
    kit_expect_body(c, LANE_RESPONSE, "<chunk>");
    kit_end(c);
}

Test(modes, no_mode_is_known_and_the_first_message_is_all)
{
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED, .unsaid = true});
    kit_request(c, ":path: /", "abc", NULL);
    kit_expect_body(c, LANE_REQUEST, "<whole>");
    kit_end(c);
}

Test(modes, no_mode_is_known_and_more_follows)
{
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .unsaid = true, .split = 1});
    kit_request(c, ":path: /", "abc", NULL);
    kit_expect_body(c, LANE_REQUEST, "<chunk><chunk>");
    kit_end(c);
}

Test(modes, each_direction_is_found_out_by_itself)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED,
                                                       .response = BODY_MODE_BUFFERED,
                                                       .unsaid = true,
                                                       .split = 2});
    kit_request(c, ":path: /", "abc", "x-end: 1");
    kit_response(c, ":status: 200", "abc", NULL);
    kit_expect_body(c, LANE_REQUEST, "<chunk><chunk>");
    kit_expect_body(c, LANE_RESPONSE, "<whole>");
    kit_end(c);
}

Test(modes, none_lets_no_body_in)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, ":path: /", false);
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_failed(c, STATUS_INVALID_ARGUMENT,
                      "request_body in state HEADERS (request_body_mode is NONE)");
    kit_end(c);
}

/* ---- what is not built ----------------------------------------------------------------------- */

static const struct {
    enum body_mode request, response;
    const char *text;
} unbuilt[] = {
    {BODY_MODE_BUFFERED_PARTIAL, BODY_MODE_NONE,
     "request_body_mode BUFFERED_PARTIAL is not supported"},
    {BODY_MODE_NONE, BODY_MODE_BUFFERED_PARTIAL,
     "response_body_mode BUFFERED_PARTIAL is not supported"},
    {BODY_MODE_FULL_DUPLEX_STREAMED, BODY_MODE_STREAMED,
     "request_body_mode FULL_DUPLEX_STREAMED is not supported"},
    {BODY_MODE_BUFFERED, BODY_MODE_FULL_DUPLEX_STREAMED,
     "response_body_mode FULL_DUPLEX_STREAMED is not supported"},
};

static void expect_unbuilt(size_t i, struct kit_how how)
{
    how.request = unbuilt[i].request;
    how.response = unbuilt[i].response;
    struct kit_call *c = kit_call(k, &how);
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_expect_failed(c, STATUS_UNIMPLEMENTED, unbuilt[i].text);
    cr_expect_eq(kit_n_answers(c), 0);
    kit_end(c);
}

Test(modes, unbuilt_ones_end_the_stream_before_anything_is_answered)
{
    for (size_t i = 0; i < sizeof unbuilt / sizeof *unbuilt; i++) {
        expect_unbuilt(i, (struct kit_how){0});
        expect_unbuilt(i, (struct kit_how){.unsaid = true, .listener_says = true});
        expect_unbuilt(i, (struct kit_how){.observing = true, .listener_says = true});
    }
}

/* The first message has the transaction's id, and nothing else of it is read. */
Test(modes, a_stream_that_is_refused_in_its_first_message_names_its_transaction)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_FULL_DUPLEX_STREAMED});
    kit_headers(c, LANE_REQUEST, ":path: /\nx-request-id: 7f3a-1", true);
    kit_expect_log(c, "transaction=7f3a-1: stream ended with UNIMPLEMENTED");
    kit_end(c);

    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_FULL_DUPLEX_STREAMED});
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.id", "7f3a-2");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_log(c, "transaction=7f3a-2: stream ended with UNIMPLEMENTED");
    kit_end(c);

    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_NONE});
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.id", "7f3a-3");
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_log(c, "transaction=7f3a-3 chain=linked: stream ended with INVALID_ARGUMENT");
    kit_end(c);
}

Test(modes, grpc_is_none_until_a_body_comes)
{
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_GRPC, .response = BODY_MODE_GRPC});
    kit_request(c, ":path: /", "abc", "x-end: 1");
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-body", "none");
    kit_expect_going(c);
    kit_body(c, LANE_RESPONSE, "abc", false);
    kit_expect_failed(c, STATUS_UNIMPLEMENTED, "response_body_mode GRPC is not supported");
    kit_end(c);
}

/* ---- observing ------------------------------------------------------------------------------- */

static unsigned n_observed;

static enum extproc_action observe(struct extproc_txn *x)
{
    n_observed += x->observing;
    return EXTPROC_ACTION_CONTINUE;
}
static enum extproc_action observe_and_respond(struct extproc_txn *x)
{
    n_observed += x->observing;
    return extproc_reply(x, .status = 403);
}
static enum extproc_action observe_and_fail(struct extproc_txn *x)
{
    n_observed += x->observing;
    return EXTPROC_ACTION_FAIL;
}

static unsigned observed_by(extproc_on_fn *headers)
{
    const struct extproc_plugin plugin = {.abi = EXTPROC_ABI,
                                          .name = "observer",
                                          .request_headers = headers,
                                          .request_body = observe,
                                          .response_headers = headers,
                                          .response_trailers = observe};
    struct kit *own = kit_of((struct kit_linked[]){{"observer", &plugin}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){.request = BODY_MODE_STREAMED,
                                                         .response = BODY_MODE_NONE,
                                                         .listener_says = true,
                                                         .observing = true,
                                                         .split = 1});
    n_observed = 0;
    kit_request(c, ":path: /", "abc", NULL);
    kit_response(c, ":status: 200", NULL, "x-end: 1");
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, "abc");
    cr_expect_eq(kit_n_answers(c), 0);
    kit_end(c);
    kit_free(own);
    return n_observed;
}

Test(modes, observing_runs_all_and_answers_nothing)
{
    cr_expect_eq(observed_by(observe), 5);
}

Test(modes, an_observing_proxy_goes_on_whatever_is_decided)
{
    cr_expect_eq(observed_by(observe_and_respond), 5);
}

/* A plugin that has failed is not called again. */
Test(modes, an_observing_proxy_gets_no_failure)
{
    cr_expect_eq(observed_by(observe_and_fail), 1);
}
