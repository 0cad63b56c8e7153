/* What a proxy must be set to, from chains that a test writes down. */
#include "process/proxy/recipe.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct instance instances[2];
static struct instance *list[] = {&instances[0], &instances[1]};

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
}

static const struct extproc_plugin plain, closing = {.close = on_close};
static struct chain chains[2];
static struct generation generation = {
    .instances = list, .n_instances = 2, .chains = chains, .n_chains = 2};
static struct listener listener = {
    .transport.name = "a",
    .transport.limits = {.max_message = 16 << 20, .max_connections = 4096, .max_streams = 100},
    .proxy_settings = {.max_headers = PROXY_MAX_HEADERS,
                       .max_header_bytes = PROXY_MAX_HEADER_BYTES}};
static struct setup setup = {.generation = &generation,
                             .settings = {.listeners = &listener, .n_listeners = 1}};
static struct recipe recipe;

static void begin(void)
{
    arena_init(&arena, 1024);
    for (size_t i = 0; i < 2; i++) {
        instances[i].plugin = &plain;
        chains[i].instances = &list[i];
        chains[i].n_instances = 1;
    }
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(recipe, .init = begin, .fini = end);

static void make(void)
{
    cr_assert_eq(recipe_make(&setup, &arena, &recipe), 0);
}

static void want(struct instance *in, enum want_kind kind, const char *name)
{
    cr_assert_eq(wants_add(&in->wants, &arena, kind, extproc_str_of(name)), 0);
}

/* As "a,b", in their order. */
static const char *joined(const struct recipe_names *names)
{
    static char text[256];
    size_t len = 0;
    for (size_t i = 0; i < names->n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i ? "," : "",
                                EXTPROC_ARG(names->items[i]));
    text[len] = '\0';
    return text;
}

/* ---- time ------------------------------------------------------------------------------------ */

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin waiting = {.resume = on_resume};

Test(recipe, a_second_where_no_plugin_waits)
{
    instances[0].policy.timeout_ms = 5000;
    make();
    cr_expect_eq(recipe.message_s, 1);
}

Test(recipe, plugins_of_a_chain_may_wait_one_after_another)
{
    chains[1].instances = list;
    chains[1].n_instances = 2;
    instances[0].plugin = instances[1].plugin = &waiting;
    instances[0].policy.timeout_ms = 150;
    instances[1].policy.timeout_ms = 2000;
    make();
    cr_expect_eq(recipe.message_s, 1 + 3); /* 2150 ms, in full seconds */
}

Test(recipe, a_plugin_in_shadow_keeps_nothing_waiting)
{
    instances[0].plugin = &waiting;
    instances[0].policy = (struct policy){.mode = POLICY_MODE_SHADOW, .timeout_ms = 5000};
    make();
    cr_expect_eq(recipe.message_s, 1);
    instances[0].policy.mode = POLICY_MODE_ENFORCE;
    make();
    cr_expect_eq(recipe.message_s, 6);
    instances[0].policy = (struct policy){0};
}

/* ---- the processing mode --------------------------------------------------------------------- */

Test(recipe, nothing_is_sent_where_nothing_is_wanted)
{
    make();
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        cr_expect_not(recipe.headers[lane]);
        cr_expect_not(recipe.trailers[lane]);
        cr_expect_eq(recipe.body[lane], BODY_MODE_NONE);
    }
    cr_expect_eq(recipe.buffer_limit, 0);
}

Test(recipe, what_any_chain_wants_is_sent)
{
    chains[0].wants = phase_bit(PHASE_REQUEST_HEADERS);
    chains[1].wants = phase_bit(PHASE_RESPONSE_TRAILERS);
    make();
    cr_expect(recipe.headers[LANE_REQUEST]);
    cr_expect_not(recipe.headers[LANE_RESPONSE]);
    cr_expect_not(recipe.trailers[LANE_REQUEST]);
    cr_expect(recipe.trailers[LANE_RESPONSE]);
}

Test(recipe, a_body_is_sent_in_the_least_mode_that_serves_all_chains)
{
    chains[0].needs[LANE_REQUEST] = BODY_MODE_BUFFERED;
    chains[1].needs[LANE_REQUEST] = BODY_MODE_STREAMED;
    chains[1].needs[LANE_RESPONSE] = BODY_MODE_STREAMED;
    make();
    cr_expect_eq(recipe.body[LANE_REQUEST], BODY_MODE_BUFFERED);
    cr_expect_eq(recipe.body[LANE_RESPONSE], BODY_MODE_STREAMED);
}

Test(recipe, headers_come_with_a_body_that_holds_them)
{
    chains[0].needs[LANE_REQUEST] = BODY_MODE_BUFFERED;
    chains[0].needs[LANE_RESPONSE] = BODY_MODE_STREAMED;
    make();
    cr_expect(recipe.headers[LANE_REQUEST]);
    cr_expect_not(recipe.headers[LANE_RESPONSE]);
}

Test(recipe, trailers_come_with_a_body_whose_end_a_plugin_reports)
{
    chains[0].needs[LANE_RESPONSE] = BODY_MODE_STREAMED;
    make();
    cr_expect_not(recipe.trailers[LANE_RESPONSE]);

    instances[0].plugin = &closing;
    make();
    cr_expect(recipe.trailers[LANE_RESPONSE]);
    cr_expect_not(recipe.trailers[LANE_REQUEST], "there is no body that they could end");
}

/* ---- names ----------------------------------------------------------------------------------- */

Test(recipe, attributes_come_with_the_first_direction_or_where_they_are_known)
{
    chains[0].wants = phase_bit(PHASE_REQUEST_HEADERS) | phase_bit(PHASE_RESPONSE_HEADERS);
    want(&instances[0], WANT_ATTRIBUTE, "request.path");
    want(&instances[0], WANT_ATTRIBUTE, "response.code");
    want(&instances[1], WANT_ATTRIBUTE, "upstream.address");
    want(&instances[1], WANT_ATTRIBUTE, "request.path"); /* named once */
    make();
    cr_expect_str_eq(joined(&recipe.attributes[LANE_REQUEST]), "request.path");
    cr_expect_str_eq(joined(&recipe.attributes[LANE_RESPONSE]), "response.code,upstream.address");
}

/* Without the request's headers the log does not know the transaction's name. */
Test(recipe, the_id_of_the_request_comes_where_its_headers_do_not)
{
    chains[0].wants = phase_bit(PHASE_RESPONSE_HEADERS);
    want(&instances[0], WANT_ATTRIBUTE, "source.address");
    make();
    cr_expect_str_eq(joined(&recipe.attributes[LANE_RESPONSE]), "request.id,source.address");
    cr_expect_eq(recipe.attributes[LANE_REQUEST].n, 0);

    chains[0].wants = phase_bit(PHASE_REQUEST_TRAILERS);
    make();
    cr_expect_str_eq(joined(&recipe.attributes[LANE_REQUEST]), "request.id,source.address");
}

Test(recipe, no_id_comes_where_nothing_does)
{
    make();
    cr_expect_eq(recipe.attributes[LANE_REQUEST].n + recipe.attributes[LANE_RESPONSE].n, 0);
}

Test(recipe, metadata_that_is_read_and_that_is_written)
{
    want(&instances[0], WANT_METADATA, "auth");
    want(&instances[1], WANT_METADATA, "auth");
    want(&instances[1], WANT_METADATA, "route");
    want(&instances[1], WANT_METADATA_WRITE, "extprocd");
    make();
    cr_expect_str_eq(joined(&recipe.metadata), "auth,route");
    cr_expect_str_eq(joined(&recipe.metadata_write), "extprocd");
}

/* ---- limits ---------------------------------------------------------------------------------- */

Test(recipe, a_complete_body_leaves_room_for_the_rest_of_its_message)
{
    chains[0].needs[LANE_RESPONSE] = BODY_MODE_BUFFERED;
    make();
    cr_expect_eq(recipe.buffer_limit, (16u << 20) - (64 << 10));

    listener.transport.limits.max_message = 64 << 10; /* of a small one, half */
    make();
    cr_expect_eq(recipe.buffer_limit, 32u << 10);
}

Test(recipe, a_proxy_may_open_what_the_listener_takes)
{
    make();
    cr_expect_eq(recipe.connections, 4096u);
    cr_expect_eq(recipe.streams, 409600u);
}

Test(recipe, limits_that_are_none_are_many)
{
    listener.transport.limits.max_connections = 0;
    make();
    cr_expect_eq(recipe.connections, 1000000u);
    cr_expect_eq(recipe.streams, 100000000u);

    listener.transport.limits.max_streams = 0;
    make();
    cr_expect_eq(recipe.streams, 1000000u);
}

Test(recipe, no_number_is_larger_than_a_proxy_takes)
{
    listener.transport.limits.max_streams = INT32_MAX;
    make();
    cr_expect_eq(recipe.streams, (uint32_t)INT32_MAX);
}

static uint32_t checked_each(uint64_t lame_duck_ms)
{
    setup.settings.lame_duck_ms = lame_duck_ms;
    make();
    return recipe.health_ms;
}

/* Two failures in a row, in half of the time for which everything is served still. */
Test(recipe, health_is_checked_often_enough_to_see_a_stop)
{
    cr_expect_eq(checked_each(2000), 500u);
    cr_expect_eq(checked_each(60000), 1000u, "not less often than once a second");
    cr_expect_eq(checked_each(100), 50u, "nor all the time");
    cr_expect_eq(checked_each(0), 500u, "nothing to see");
}

Test(recipe, header_limits_are_named_where_they_are_not_the_proxys_own)
{
    make();
    cr_expect_not(recipe.header_limits);

    listener.proxy_settings.max_headers = 200;
    make();
    cr_expect(recipe.header_limits);
    cr_expect_eq(recipe.max_headers, 200u);
    cr_expect_eq(recipe.max_header_kb, 60u);

    listener.proxy_settings.max_headers = PROXY_MAX_HEADERS;
    listener.proxy_settings.max_header_bytes = PROXY_MAX_HEADER_BYTES + 1;
    make();
    cr_expect(recipe.header_limits);
    cr_expect_eq(recipe.max_header_kb, 61u, "rounded up");
}

/* ---- the name in a certificate --------------------------------------------------------------- */

static const char *tls_name(const struct transport_tls *tls, struct arena *in,
                            const char **ret_kind)
{
    *ret_kind = "DNS";
    return tls->cert;
}

Test(recipe, the_name_in_the_certificate_is_reported_by_the_transport)
{
    const struct transport_ops ops = {.tls_name = tls_name}, blind = {0};
    listener.transport.tls.cert = "extprocd.example";
    setup.settings.ops = &blind;
    make();
    cr_expect_null(recipe.tls_name);

    setup.settings.ops = &ops;
    make();
    cr_expect_str_eq(recipe.tls_name, "extprocd.example");
    cr_expect_str_eq(recipe.tls_kind, "DNS");

    listener.transport.tls.cert = NULL;
    make();
    cr_expect_null(recipe.tls_name);
}

Test(recipe, has_what_conditions_that_choose_a_chain_look_at)
{
    cr_assert_eq(wants_add(&chains[1].match_wants, &arena, WANT_ATTRIBUTE, EXTPROC_S("xds.route")),
                 0);
    cr_assert_eq(
        wants_add(&chains[1].match_wants, &arena, WANT_STREAM_METADATA, EXTPROC_S("x-tenant")), 0);
    want(&instances[0], WANT_STREAM_METADATA, "x-team");
    chains[1].wants = EXTPROC_PHASE_REQUEST_HEADERS;
    make();
    cr_expect(recipe.headers[LANE_REQUEST]);
    cr_expect_str_eq(joined(&recipe.attributes[LANE_REQUEST]), "xds.route");
    cr_expect_str_eq(joined(&recipe.stream_metadata), "x-tenant,x-team");
}
