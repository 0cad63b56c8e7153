/* Messages that have no body, and tunnels: no callback, no byte, no content-length of ours. */
#include "kit/criterion.h"
#include "kit/pb.h"

#include <string.h>

#define GET     ":method: GET\n:path: /"
#define HEAD    ":method: HEAD\n:path: /"
#define UPGRADE ":method: GET\n:path: /\nconnection: Upgrade\nupgrade: websocket"
#define CONNECT ":method: CONNECT\n:authority: a:1"

/* ---- a plugin that edits wherever it may ----------------------------------------------------- */

static int edited[2]; /* by phase: headers of the response, of the request */
static unsigned n_bodies;
static enum extproc_body_mode seen_mode;
static bool seen_end;

static enum extproc_action on_headers(struct extproc_txn *x)
{
    seen_mode = x->body_mode;
    seen_end = x->end;
    edited[extproc_is_response(x)] = extproc_body_set(x, EXTPROC_S("new"));
    return extproc_continue(edited[extproc_is_response(x)]);
}
static enum extproc_action on_body(struct extproc_txn *x)
{
    n_bodies++;
    return extproc_continue(extproc_body_set(x, EXTPROC_S("more")));
}

static const struct extproc_plugin replaces = {
    .abi = EXTPROC_ABI, .name = "replaces", .response_headers = on_headers};
static const struct extproc_plugin replaces_requests = {
    .abi = EXTPROC_ABI, .name = "replaces_requests", .request_headers = on_headers};
static const struct extproc_plugin adds = {
    .abi = EXTPROC_ABI, .name = "adds", .request_body = on_body, .response_body = on_body};

static struct kit *k;

static void setup(void)
{
    n_bodies = 0;
    k = kit_of((struct kit_linked[]){{"adds", &adds}, {"replaces", &replaces}, {0}});
}
static void teardown(void)
{
    kit_free(k);
}
TestSuite(framing, .init = setup, .fini = teardown);

/* ---- no body --------------------------------------------------------------------------------- */

struct exchange {
    const char *request, *response;
};

static struct exchange bodiless[] = {
    {HEAD, ":status: 200\ncontent-length: 5"},
    {HEAD, ":status: 404"},
    {GET, ":status: 204"},
    {GET, ":status: 304\ncontent-length: 5\netag: a"},
    {GET, ":status: 103"},
};

/* As an HTTP/2 upstream may end it: with an empty DATA frame. */
static void stays_without(struct kit_call *c, void *arg)
{
    const struct exchange *e = arg;
    kit_headers(c, LANE_REQUEST, e->request, true);
    kit_headers(c, LANE_RESPONSE, e->response, false);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-length", NULL); /* that of GET is another */
    cr_expect_eq(kit_body_len(c, LANE_RESPONSE), 0);
    cr_expect_eq(edited[1], -ENODATA);
    cr_expect_eq(seen_mode, EXTPROC_BODY_MODE_NONE);
    if (kit_how(c)->response != BODY_MODE_NONE) {
        kit_body(c, LANE_RESPONSE, "", true);
        kit_expect_unchanged(c);
    }
    kit_expect_going(c);
    cr_expect_eq(n_bodies, 0);
}

Test(framing, a_message_that_has_no_body_gets_none)
{
    for (size_t i = 0; i < sizeof bodiless / sizeof *bodiless; i++)
        kit_every_way(k, 0, stays_without, &bodiless[i]);
    cr_expect_gt(kit_counter(k, NULL, "bodiless_edits"), 0);
    cr_expect(strstr(kit_log(k), "not changed: the message has no body"));
}

Test(framing, a_body_that_is_empty_is_one)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_NONE});
    kit_headers(c, LANE_REQUEST, GET, true);
    kit_headers(c, LANE_RESPONSE, ":status: 200\ncontent-length: 0", true);
    kit_expect_body(c, LANE_RESPONSE, "more"); /* what the plugin after it made of it */
    kit_end(c);
}

/* ---- where it is not known ------------------------------------------------------------------- */

Test(framing, a_response_whose_request_was_not_shown_may_be_one_to_head)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_RESPONSE, ":status: 200\ncontent-length: 5", false);
    kit_expect_unchanged(c);
    kit_expect_log(c, "set request_header_mode: SEND");
    kit_body(c, LANE_RESPONSE, "", true);
    kit_expect_unchanged(c);
    cr_expect_eq(n_bodies, 0);
    kit_end(c);
}

Test(framing, bytes_that_come_are_a_body)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_body(c, LANE_RESPONSE, "abc", false);
    kit_body(c, LANE_RESPONSE, "", true);
    kit_expect_body(c, LANE_RESPONSE, "moremore");
    kit_end(c);
}

Test(framing, nothing_but_a_body_may_show_that_there_is_one)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    kit_body(c, LANE_RESPONSE, "", true);
    kit_expect_unchanged(c);
    kit_end(c);
    c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    kit_body(c, LANE_RESPONSE, "abc", true);
    kit_expect_body(c, LANE_RESPONSE, "more");
    kit_end(c);
}

/* What was not settled with the headers is settled with the bytes. */
Test(framing, body_replaces_what_comes)
{
    struct kit *own = kit_of_ini("[plugin:b]\nfile = body.so\nresponse.replace = new\n"
                                 "[chain:c]\nplugins = b\n");
    for (enum body_mode mode = BODY_MODE_STREAMED; mode <= BODY_MODE_BUFFERED; mode++) {
        struct kit_call *c =
            kit_call(own, &(struct kit_how){.request = mode, .response = mode, .split = 1});
        kit_response(c, ":status: 200\ncontent-length: 3", "abc", NULL);
        kit_expect_body(c, LANE_RESPONSE, "new");
        kit_end(c);
    }
    kit_free(own);
}

Test(framing, an_attribute_may_contain_the_method)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.method", "GET");
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_expect_body(c, LANE_RESPONSE, "more");
    kit_end(c);
    c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.method", "HEAD");
    kit_body(c, LANE_RESPONSE, "", true);
    kit_expect_unchanged(c);
    kit_expect_no_log(c, "request_header_mode");
    kit_end(c);
}

Test(framing, a_205_has_no_content)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, GET, true);
    kit_headers(c, LANE_RESPONSE, ":status: 205", false);
    kit_body(c, LANE_RESPONSE, "", true);
    kit_expect_unchanged(c);
    cr_expect_eq(edited[1], -ENODATA);
    kit_end(c);
}

/* ---- tunnels --------------------------------------------------------------------------------- */

static bool left_alone(struct kit_call *c)
{
    const PbCommonResponse *common = kit_answer(c)->request_headers->response;
    return common && common->status == PB_CONTINUE_AND_REPLACE && !common->body_mutation &&
           !common->header_mutation;
}

static struct exchange tunnels[] = {
    {UPGRADE, ":status: 101\nupgrade: websocket\nconnection: Upgrade"},
    {CONNECT, ":status: 200"},
    {CONNECT, ":status: 204"},
    {":method: CONNECT\n:protocol: websocket\n:path: /", ":status: 200"},
};

static void is_left_alone(struct kit_call *c, void *arg)
{
    const struct exchange *e = arg;
    bool none = kit_how(c)->request == BODY_MODE_NONE;
    bool said = !kit_how(c)->unsaid || kit_how(c)->listener_says;
    kit_headers(c, LANE_REQUEST, e->request, false);
    cr_expect_eq(left_alone(c), !none || !said);
    kit_headers(c, LANE_RESPONSE, e->response, false);
    cr_expect_eq(left_alone(c), !none || !said);
    cr_expect_eq(edited[1], -ENODATA);
    cr_expect(seen_end);
    kit_expect_going(c);
    cr_expect_eq(n_bodies, 0);
}

Test(framing, a_tunnel_is_left_alone_in_every_mode)
{
    for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++)
        kit_every_way(k, 0, is_left_alone, &tunnels[i]);
}

static void is_an_ordinary_response(struct kit_call *c, void *arg)
{
    kit_headers(c, LANE_REQUEST, arg, false);
    kit_headers(c, LANE_RESPONSE, ":status: 403\ncontent-length: 3", false);
    kit_expect_body(c, LANE_RESPONSE, "more");
    kit_expect_going(c);
}

Test(framing, a_tunnel_that_is_declined_is_an_ordinary_response)
{
    char upgrade[] = UPGRADE, connect[] = CONNECT;
    kit_every_way(k, 0, is_an_ordinary_response, upgrade);
    kit_every_way(k, 0, is_an_ordinary_response, connect);
}

Test(framing, the_request_of_a_tunnel_has_no_body_to_replace)
{
    struct kit *own = kit_of((struct kit_linked[]){{"replaces", &replaces_requests}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){.request = BODY_MODE_NONE});
    kit_headers(c, LANE_REQUEST, UPGRADE, false);
    kit_expect_unchanged(c);
    cr_expect_eq(edited[0], -ENODATA);
    cr_expect_eq(seen_mode, EXTPROC_BODY_MODE_NONE);
    kit_end(c);
    kit_free(own);
}

/* It shows only once the response is here: the bytes of the client before it are a body's. */
Test(framing, a_101_makes_a_tunnel_of_a_request_that_was_not_shown)
{
    struct kit_call *c = kit_call(
        k, &(struct kit_how){.request = BODY_MODE_STREAMED, .response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_RESPONSE, ":status: 101", false);
    cr_expect(left_alone(c));
    kit_body(c, LANE_REQUEST, "frame", false);
    kit_expect_unchanged(c);
    cr_expect_eq(n_bodies, 0);
    kit_end(c);
}

/* A proxy that only observes sends what passes anyway. */
Test(framing, what_is_observed_of_a_tunnel_is_not_a_body)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED,
                                                       .response = BODY_MODE_STREAMED,
                                                       .observing = true});
    kit_headers(c, LANE_REQUEST, UPGRADE, false);
    kit_headers(c, LANE_RESPONSE, ":status: 101", false);
    kit_body(c, LANE_RESPONSE, "frame", false);
    kit_body(c, LANE_REQUEST, "frame", false);
    cr_expect_eq(n_bodies, 0);
    kit_end(c);
}

/* ---- needs and settings ---------------------------------------------------------------------- */

static const struct extproc_plugin whole = {
    .abi = EXTPROC_ABI,
    .name = "whole",
    .needs = EXTPROC_WHOLE_REQUEST_BODY | EXTPROC_WHOLE_RESPONSE_BODY,
    .request_body = on_body,
    .response_body = on_body,
};

Test(framing, a_tunnel_breaks_no_need)
{
    struct kit *own = kit_of((struct kit_linked[]){{"whole", &whole}, {0}});
    for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++) {
        struct kit_call *c = kit_call(own, &(struct kit_how){0});
        kit_headers(c, LANE_REQUEST, tunnels[i].request, false);
        kit_headers(c, LANE_RESPONSE, tunnels[i].response, false);
        kit_expect_going(c);
        kit_expect_no_log(c, "body_mode");
        kit_end(c);
    }
    kit_free(own);
}

Test(framing, headers_that_are_skipped_hold_tunnels)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, GET, true);
    kit_body(c, LANE_RESPONSE, "abc", true);
    kit_expect_log(c, "upgrades and CONNECT hang");
    kit_expect_log(c, "set response_header_mode: SEND");
    kit_end(c);
}

Test(framing, requests_that_are_skipped_hold_tunnels)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_log(c, "upgrades and CONNECT hang");
    kit_expect_log(c, "set request_header_mode: SEND");
    kit_end(c);
}

Test(framing, a_tunnel_whose_request_was_not_shown_breaks_no_need)
{
    struct kit *own = kit_of((struct kit_linked[]){{"whole", &whole}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){0});
    kit_headers(c, LANE_RESPONSE, ":status: 101", false);
    kit_expect_going(c);
    kit_expect_no_log(c, "needs the");
    kit_end(c);
    kit_free(own);
}

/* ---- statuses -------------------------------------------------------------------------------- */

static const char *status;
static int status_set;

static enum extproc_action on_status(struct extproc_txn *x)
{
    status_set =
        extproc_header_set(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status"), extproc_str_of(status));
    return EXTPROC_ACTION_CONTINUE;
}
static enum extproc_action on_status_and_body(struct extproc_txn *x)
{
    extproc_body_set(x, EXTPROC_S("new"));
    return on_status(x);
}

static int set_status(extproc_on_fn *on, const char *request, const char *before, bool end,
                      const char *after)
{
    const struct extproc_plugin setter = {
        .abi = EXTPROC_ABI, .name = "setter", .response_headers = on};
    struct kit *own = kit_of((struct kit_linked[]){{"setter", &setter}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){0});
    status = after;
    kit_headers(c, LANE_REQUEST, request, true);
    kit_headers(c, LANE_RESPONSE, before, end);
    kit_expect_going(c);
    kit_end(c);
    kit_free(own);
    return status_set;
}

Test(framing, a_status_without_a_body_is_not_set_over_one)
{
    cr_expect_eq(set_status(on_status, GET, ":status: 200", false, "204"), -EPROTO);
    cr_expect_eq(set_status(on_status, GET, ":status: 200", false, "304"), -EPROTO);
    cr_expect_eq(set_status(on_status, GET, ":status: 200", false, "205"), -EPROTO);
    cr_expect_eq(set_status(on_status_and_body, GET, ":status: 200", true, "204"), -EPROTO);
    cr_expect_eq(set_status(on_status, GET, ":status: 200\ncontent-length: 0", true, "204"), 0);
    cr_expect_eq(set_status(on_status, HEAD, ":status: 200\ncontent-length: 5", true, "204"), 0);
    cr_expect_eq(set_status(on_status, GET, ":status: 304\ncontent-length: 5", true, "200"),
                 -EPROTO);
    cr_expect_eq(set_status(on_status, GET, ":status: 204", false, "200"), 0);
    cr_expect_eq(set_status(on_status, UPGRADE, ":status: 101", false, "200"), -EPROTO);
    cr_expect_eq(set_status(on_status, GET, ":status: 200", false, "500"), 0);
}

/* In a body phase that holds the headers back a body is in hand. */
Test(framing, nor_after_the_body)
{
    const struct extproc_plugin setter = {
        .abi = EXTPROC_ABI, .name = "setter", .response_body = on_status};
    struct kit *own = kit_of((struct kit_linked[]){{"setter", &setter}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    status = "204";
    kit_request(c, GET, NULL, NULL);
    kit_response(c, ":status: 200", "abc", NULL);
    cr_expect_eq(status_set, -EPROTO);
    kit_end(c);
    kit_free(own);
}

/* A status that was set counts from then on, for the plugins after it and for later phases. */
Test(framing, a_status_that_was_set_counts)
{
    const struct extproc_plugin setter = {
        .abi = EXTPROC_ABI, .name = "setter", .response_headers = on_status};
    struct kit *own = kit_of(
        (struct kit_linked[]){{"adds", &adds}, {"replaces", &replaces}, {"setter", &setter}, {0}});
    struct kit_call *c = kit_call(own, &(struct kit_how){0});
    status = "200";
    kit_headers(c, LANE_REQUEST, GET, true);
    kit_headers(c, LANE_RESPONSE, ":status: 204", true);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "200");
    kit_expect_body(c, LANE_RESPONSE, "more");
    kit_end(c);

    c = kit_call(own, &(struct kit_how){0});
    status = "204";
    kit_headers(c, LANE_REQUEST, GET, true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "204");
    cr_expect_eq(edited[1], -ENODATA);
    kit_end(c);
    kit_free(own);
}
