/* A recipe in the words of Envoy's configuration. */
#include "base/config/config.h"
#include "unit/process/forms.h"

/* The listener's address; hidden: it came from the environment. */
static void given_an_address(const char *text, bool hidden)
{
    static struct config_entry entry;
    static struct keys_value value;
    static const struct extproc_key key = {.name = "address"};
    static struct keys_slot slot;
    const char *why;
    cr_assert(address_parse(text, &listener.address, &why), "%s", why);
    entry.hidden = hidden;
    value = (struct keys_value){.entry = &entry};
    slot = (struct keys_slot){.key = &key, .values = &value, .n_values = 1};
    listener.keys = (struct keys){.slots = &slot, .n_slots = 1};
}

static void begin(void)
{
    given_an_address("127.0.0.1:50051", false);
}

TestSuite(envoy, .init = begin);

/* ---- the filter ------------------------------------------------------------------------------ */

Test(envoy, the_processing_mode)
{
    recipe.headers[LANE_RESPONSE] = recipe.trailers[LANE_REQUEST] = true;
    recipe.body[LANE_REQUEST] = BODY_MODE_STREAMED;
    recipe.body[LANE_RESPONSE] = BODY_MODE_BUFFERED;
    expect_printed(form_envoy, "      request_header_mode: SKIP\n"
                               "      response_header_mode: SEND\n"
                               "      request_body_mode: STREAMED\n"
                               "      response_body_mode: BUFFERED\n"
                               "      request_trailer_mode: SEND\n"
                               "      response_trailer_mode: SKIP\n");
}

Test(envoy, what_is_not_needed_is_not_there)
{
    static const char *const absent[] = {"mutation_rules",
                                         "request_attributes",
                                         "response_attributes",
                                         "metadata_options",
                                         "max_request_headers_kb",
                                         "transport_socket",
                                         "per_connection_buffer_limit_bytes"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        expect_not_printed(form_envoy, absent[i]);
    expect_printed(form_envoy, "listener: {}\n");
}

Test(envoy, attributes_and_metadata)
{
    recipe.attributes[LANE_REQUEST] = recipe.attributes[LANE_RESPONSE] = two_names;
    recipe.metadata = recipe.metadata_write = two_names;
    expect_printed(form_envoy, "    request_attributes: " TWO_NAMES "\n"
                               "    response_attributes: " TWO_NAMES "\n");
    expect_printed(form_envoy, "      forwarding_namespaces:\n        untyped: " TWO_NAMES "\n"
                               "      receiving_namespaces:\n        untyped: " TWO_NAMES "\n");
}

Test(envoy, mutation_rules)
{
    listener.proxy_settings.all_routing = true;
    expect_printed(form_envoy, "    mutation_rules: # as [listener:a] says\n"
                               "      allow_all_routing: true");
    expect_not_printed(form_envoy, "allow_envoy");

    listener.proxy_settings = (struct proxy_settings){.envoy = true};
    expect_printed(form_envoy, "      allow_envoy: true");
    expect_not_printed(form_envoy, "allow_all_routing");
}

/* ---- limits ---------------------------------------------------------------------------------- */

Test(envoy, how_long_it_waits_for_an_answer)
{
    expect_printed(form_envoy, "    message_timeout: 7s #");
}

Test(envoy, complete_bodies)
{
    recipe.buffer_limit = 12345;
    expect_printed(form_envoy, "  per_connection_buffer_limit_bytes: 12345\n");
}

Test(envoy, header_limits_of_both_directions)
{
    recipe.header_limits = true;
    recipe.max_headers = 200;
    recipe.max_header_kb = 96;
    expect_printed(form_envoy, "http_connection_manager:\n"
                               "  max_request_headers_kb: 96\n"
                               "  common_http_protocol_options:\n"
                               "    max_headers_count: 200\n");
    expect_printed(form_envoy, "http_protocol_options:\n"
                               "  common_http_protocol_options:\n"
                               "    max_headers_count: 200\n"
                               "    max_response_headers_kb: 96\n");
}

Test(envoy, what_a_proxy_may_open_and_how_often_it_looks)
{
    expect_printed(form_envoy, "max_connections: 10 #");
    expect_printed(form_envoy, "      max_requests: 1000\n");
    expect_printed(form_envoy, "    interval: 1.500s\n    no_traffic_interval: 1.500s\n"
                               "    unhealthy_threshold: 2\n");
}

/* ---- the address ----------------------------------------------------------------------------- */

static void expect_reached_at(const char *address, const char *wanted)
{
    given_an_address(address, false);
    expect_printed(form_envoy, wanted);
}

Test(envoy, an_address_as_a_client_reaches_it)
{
    expect_reached_at("127.0.0.1:50051",
                      "socket_address: { address: \"127.0.0.1\", port_value: 50051 }\n");
    expect_reached_at("[fe80::1]:50051",
                      "socket_address: { address: \"fe80::1\", port_value: 50051 }\n");
    expect_reached_at("0.0.0.0:7", "socket_address: { address: \"127.0.0.1\", port_value: 7 }\n");
    expect_reached_at("[::]:7", "socket_address: { address: \"::1\", port_value: 7 }\n");
    expect_reached_at("unix:/run/a \"b\"", "pipe: { path: \"/run/a \\\"b\\\"\" }\n");
}

Test(envoy, an_address_from_the_environment_is_not_printed)
{
    given_an_address("127.0.0.1:50051", true);
    expect_not_printed(form_envoy, "127.0.0.1");
    expect_printed(form_envoy, "{ address: \"ADDRESS_OF_EXTPROCD\", port_value: PORT }");
}

/* ---- TLS ------------------------------------------------------------------------------------- */

Test(envoy, a_certificate_is_checked_for_its_name)
{
    listener.transport.tls.cert = "cert.pem";
    recipe.tls_name = "extprocd.example";
    recipe.tls_kind = "DNS";
    expect_printed(form_envoy, "      sni: \"extprocd.example\"\n");
    expect_printed(form_envoy, "          - san_type: DNS\n"
                               "            matcher: { exact: \"extprocd.example\" }\n");
    expect_not_printed(form_envoy, "CERTIFICATE_OF_ENVOY");
}

Test(envoy, a_name_that_is_not_a_host_is_not_asked_for)
{
    listener.transport.tls.cert = "cert.pem";
    recipe.tls_name = "spiffe://mesh/extprocd";
    recipe.tls_kind = "URI";
    expect_not_printed(form_envoy, "sni:");
    expect_printed(form_envoy, "          - san_type: URI\n"
                               "            matcher: { exact: \"spiffe://mesh/extprocd\" }\n");
}

/* Envoy refuses it until it is filled in. */
Test(envoy, a_name_that_is_not_known_is_left_to_fill_in)
{
    listener.transport.tls.cert = "cert.pem";
    expect_printed(form_envoy, "      sni: \"NAME_IN_TLS_CERT\"\n");
    expect_printed(form_envoy, "matcher: { exact: \"NAME_IN_TLS_CERT\" }\n");
}

Test(envoy, a_certificate_of_its_own_where_one_is_demanded)
{
    listener.transport.tls.cert = "cert.pem";
    listener.transport.tls.client_ca = "ca.pem";
    expect_printed(form_envoy,
                   "        - certificate_chain: { filename: \"CERTIFICATE_OF_ENVOY\" }\n"
                   "          private_key: { filename: \"KEY_OF_ENVOY\" }\n");
}
