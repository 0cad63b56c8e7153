/* What a proxy sends beside the message: attributes, metadata; and where it puts header values. */
#include "kit/criterion.h"

/* Writes what it can read of both trees into headers of every phase that has some. */
static void show(struct extproc_txn *x, const char *header, struct extproc_value v)
{
    enum extproc_map map =
        x->phase < EXTPROC_PHASE_RESPONSE_HEADERS ? EXTPROC_MAP_REQUEST : EXTPROC_MAP_RESPONSE;
    if (x->phase == EXTPROC_PHASE_RESPONSE_TRAILERS)
        map = EXTPROC_MAP_RESPONSE_TRAILERS;
    if (v.kind == EXTPROC_KIND_STRING)
        extproc_header_set(x, map, extproc_str_of(header), v.as.string);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    show(x, "x-source", extproc_attribute(x, EXTPROC_S("source.address")));
    show(x, "x-code", extproc_attribute(x, EXTPROC_S("response.code")));
    show(x, "x-user",
         extproc_value_get(x, extproc_metadata(x, EXTPROC_S("auth")), EXTPROC_S("user")));
    extproc_log(x, EXTPROC_LEVEL_INFO, "seen");
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin reader = {
    .abi = EXTPROC_ABI,
    .name = "reader",
    .request_headers = on_phase,
    .request_body = on_phase,
    .response_headers = on_phase,
    .response_trailers = on_phase,
};

static struct kit *k;
static struct kit_call *c;

static void setup(void)
{
    k = kit_of((struct kit_linked[]){{"reader", &reader}, {0}});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
}
static void teardown(void)
{
    kit_end(c);
    kit_free(k);
}
TestSuite(context, .init = setup, .fini = teardown);

Test(context, attributes_come_once_and_stay)
{
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "192.0.2.1:5");
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_trailers(c, LANE_RESPONSE, "x-end: 1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-source", "192.0.2.1:5");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-source", "192.0.2.1:5");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE_TRAILERS, "x-source", "192.0.2.1:5");
}

Test(context, both_directions_have_their_own)
{
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "192.0.2.1:5");
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_with(c, KIT_ATTRIBUTES, NULL, "response.code", "200");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-code", NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-code", "200");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-source", "192.0.2.1:5");
}

/* The headers are skipped by the proxy's mode: the body is a direction's first message. */
Test(context, attributes_in_whatever_comes_first)
{
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "192.0.2.1:5");
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_trailers(c, LANE_RESPONSE, "x-end: 1");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-source", NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE_TRAILERS, "x-source", "192.0.2.1:5");
}

Test(context, attributes_in_their_old_place)
{
    kit_with(c, KIT_OLD_ATTRIBUTES, NULL, "source.address", "192.0.2.1:5");
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-source", "192.0.2.1:5");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-source", "192.0.2.1:5");
}

Test(context, the_new_place_wins)
{
    kit_with(c, KIT_OLD_ATTRIBUTES, NULL, "source.address", "old");
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "new");
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-source", "new");
}

/* Where the proxy skips request headers, and so x-request-id. */
Test(context, an_attribute_names_the_transaction)
{
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.id", "7f3a-1");
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_trailers(c, LANE_RESPONSE, "x-end: 1");
    kit_expect_log(c, "transaction=7f3a-1 chain=linked plugin=reader phase=response_headers: seen");
    kit_expect_log(c,
                   "transaction=7f3a-1 chain=linked plugin=reader phase=response_trailers: seen");
}

Test(context, lines_name_the_listener_the_peer_and_the_transaction)
{
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.id", "7f3a-1");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_log(c,
                   "listener=kit peer=192.0.2.1:4711 transaction=7f3a-1 chain=linked plugin=reader "
                   "phase=response_headers: seen");
    kit_expect_log(c, "listener=kit peer=192.0.2.1:4711 transaction=7f3a-1 chain=linked: stream "
                      "ended with INVALID_ARGUMENT");
}

Test(context, metadata_by_namespace)
{
    kit_with(c, KIT_METADATA, "other", "user", "nobody");
    kit_with(c, KIT_METADATA, "auth", "user", "ann");
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true); /* with an empty metadata_context */
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-user", "ann");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-user", "ann");
}

/* ---- header values --------------------------------------------------------------------------- */

static enum extproc_action copy_path(struct extproc_txn *x)
{
    extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-path"),
                       extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path")));
    return EXTPROC_ACTION_CONTINUE;
}

Test(context, header_values_in_either_place)
{
    const struct extproc_plugin copier = {
        .abi = EXTPROC_ABI, .name = "copier", .request_headers = copy_path};
    struct kit *own = kit_of((struct kit_linked[]){{"copier", &copier}, {0}});
    for (int plain = 0; plain < 2; plain++) {
        struct kit_call *call = kit_call(own, &(struct kit_how){0});
        if (plain)
            kit_use_plain_values(call);
        kit_headers(call, LANE_REQUEST, ":method: GET\n:path: /a?b", true);
        kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-path", "/a?b");
        kit_end(call);
    }
    kit_free(own);
}
