/* A recipe in the words of Gloo Gateway's API. */
#include "unit/process/forms.h"

Test(gloo, the_processing_mode)
{
    recipe.headers[LANE_REQUEST] = recipe.trailers[LANE_RESPONSE] = true;
    recipe.body[LANE_REQUEST] = BODY_MODE_BUFFERED;
    recipe.body[LANE_RESPONSE] = BODY_MODE_STREAMED;
    expect_printed(form_gloo, "    requestHeaderMode: SEND\n"
                              "    responseHeaderMode: SKIP\n"
                              "    requestBodyMode: BUFFERED\n"
                              "    responseBodyMode: STREAMED\n"
                              "    requestTrailerMode: SKIP\n"
                              "    responseTrailerMode: SEND\n");
}

Test(gloo, limits_and_health)
{
    expect_printed(form_gloo, "    maxConnections: 10\n"
                              "    maxPendingRequests: 1000\n"
                              "    maxRequests: 1000\n");
    expect_printed(form_gloo, "    interval: 1.500s\n"
                              "    noTrafficInterval: 1.500s\n"
                              "    unhealthyThreshold: 2\n");
}

/* What Gloo has no field for is said beside what it has. */
Test(gloo, an_instance_that_goes_down)
{
    expect_printed(form_gloo, "# Gloo has no field for the rest of this policy: retry_on ");
    expect_printed(form_gloo, "    retryPolicy:\n      numRetries: 2\n");
    expect_printed(form_gloo, "# Gloo has no field for connection_keepalive");
    expect_printed(form_gloo, "    splitExternalLocalOriginErrors: true\n"
                              "    consecutiveLocalOriginFailure: 3\n"
                              "    enforcingConsecutiveLocalOriginFailure: 100\n");
}

Test(gloo, what_is_not_needed_is_not_there)
{
    static const char *const absent[] = {"metadataContextNamespaces", "requestAttributes",
                                         "responseAttributes",        "mutationRules",
                                         "receiving_namespaces",      "sslConfig",
                                         "perConnectionBufferLimit",  "httpConnectionManager"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        expect_not_printed(form_gloo, absent[i]);
}

Test(gloo, metadata_that_is_read)
{
    recipe.metadata = two_names;
    expect_printed(form_gloo, "  metadataContextNamespaces: " TWO_NAMES "\n");
}

/* ---- what its control plane does not pass on: with a line that says so ----------------------- */

Test(gloo, attributes)
{
    recipe.attributes[LANE_REQUEST] = recipe.attributes[LANE_RESPONSE] = two_names;
    expect_printed(form_gloo, "the attributes stay absent.\n"
                              "  requestAttributes: " TWO_NAMES "\n"
                              "  responseAttributes: " TWO_NAMES "\n");
}

Test(gloo, mutation_rules)
{
    listener.proxy_settings.envoy = true;
    expect_printed(form_gloo,
                   "the proxy ignores such edits.\n  mutationRules:\n    allowEnvoy: true\n");
    expect_not_printed(form_gloo, "allowAllRouting");

    listener.proxy_settings.all_routing = true;
    expect_printed(form_gloo,
                   "  mutationRules:\n    allowAllRouting: true\n    allowEnvoy: true\n");
}

Test(gloo, metadata_that_is_written)
{
    recipe.metadata_write = two_names;
    expect_printed(form_gloo, "  # Gloo has no field for receiving_namespaces");
}

/* ---- what belongs elsewhere ------------------------------------------------------------------ */

Test(gloo, complete_bodies)
{
    recipe.buffer_limit = 12345;
    expect_printed(form_gloo, "listener:\n  perConnectionBufferLimitBytes: 12345\n");
}

Test(gloo, header_limits)
{
    recipe.header_limits = true;
    recipe.max_headers = 200;
    recipe.max_header_kb = 96;
    expect_printed(form_gloo, "httpConnectionManagerSettings:\n  maxRequestHeadersKb: 96\n"
                              "  maxHeadersCount: 200\n");
    expect_printed(form_gloo, "Gloo has no field for the bytes of their\n"
                              "# headers (max_response_headers_kb: 96).\n"
                              "connectionConfig:\n  commonHttpProtocolOptions:\n"
                              "    maxHeadersCount: 200\n");
}

Test(gloo, tls)
{
    listener.transport.tls.cert = "cert.pem";
    expect_printed(form_gloo, "  sslConfig:\n    secretRef:");
    expect_not_printed(form_gloo, "sni:");

    recipe.tls_name = "extprocd.example";
    expect_printed(form_gloo, "    sni: \"extprocd.example\"\n"
                              "    verifySubjectAltName: [\"extprocd.example\"]\n");
}
