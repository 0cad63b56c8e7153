/* envoy: a recipe as plain Envoy has it, in three parts to paste. */
#include "base/str.h"
#include "process/proxy/forms.h"
#include "process/proxy/yaml.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* ---- the listener ---------------------------------------------------------------------------- */

static void print_listener(const struct recipe *recipe)
{
    if (!recipe->buffer_limit) {
        printf("# Into the listener: nothing, because no plugin needs a complete body.\n"
               "listener: {}\n");
        return;
    }
    printf("# Into the listener that has the http_connection_manager:\n"
           "listener:\n"
           "  # Plugins need complete bodies, and a larger one is answered by Envoy: 413 to a "
           "request, 500 to a\n"
           "  # response. This is max_message (%zu) of [listener:%s], less what a message has "
           "beside its body.\n"
           "  per_connection_buffer_limit_bytes: %zu\n",
           recipe->listener->transport.limits.max_message, recipe->listener->transport.name,
           recipe->buffer_limit);
}

/* Those of requests are the connection manager's, those of responses each upstream cluster's. */
static void print_header_limits(const struct recipe *recipe)
{
    if (!recipe->header_limits)
        return;
    printf("\n"
           "# Into the http_connection_manager, as proxy_max_headers and proxy_max_header_bytes of "
           "[listener:%s] say:\n"
           "http_connection_manager:\n"
           "  max_request_headers_kb: %u\n"
           "  common_http_protocol_options:\n"
           "    max_headers_count: %u\n"
           "\n"
           "# The same for responses: into the HttpProtocolOptions of each upstream cluster:\n"
           "http_protocol_options:\n"
           "  common_http_protocol_options:\n"
           "    max_headers_count: %u\n"
           "    max_response_headers_kb: %u\n",
           recipe->listener->transport.name, recipe->max_header_kb, recipe->max_headers,
           recipe->max_headers, recipe->max_header_kb);
}

/* ---- the filter ------------------------------------------------------------------------------ */

static void print_mode(const struct recipe *recipe)
{
    printf("    processing_mode: # the least that the plugins need\n"
           "      request_header_mode: %s\n"
           "      response_header_mode: %s\n"
           "      request_body_mode: %s\n"
           "      response_body_mode: %s\n"
           "      request_trailer_mode: %s\n"
           "      response_trailer_mode: %s\n",
           recipe_send(recipe->headers[LANE_REQUEST]), recipe_send(recipe->headers[LANE_RESPONSE]),
           body_mode_name(recipe->body[LANE_REQUEST]), body_mode_name(recipe->body[LANE_RESPONSE]),
           recipe_send(recipe->trailers[LANE_REQUEST]),
           recipe_send(recipe->trailers[LANE_RESPONSE]));
}

static void print_rules(const struct recipe *recipe)
{
    const struct proxy_settings *p = &recipe->listener->proxy_settings;
    if (!p->all_routing && !p->envoy)
        return;
    printf("    mutation_rules: # as [listener:%s] says\n", recipe->listener->transport.name);
    if (p->all_routing)
        puts("      allow_all_routing: true # host, :authority, :scheme and :method");
    if (p->envoy)
        puts("      allow_envoy: true # x-envoy-*");
}

static void print_metadata(const struct recipe *recipe)
{
    if (recipe->metadata.n || recipe->metadata_write.n)
        printf("    metadata_options: # other namespaces are neither sent nor accepted\n");
    yaml_list("      forwarding_namespaces:\n        untyped", &recipe->metadata);
    yaml_list("      receiving_namespaces:\n        untyped", &recipe->metadata_write);
}

/* Their values are for the operator to fill in. */
static void print_stream_metadata(const struct recipe *recipe)
{
    if (recipe->stream_metadata.n)
        puts("      initial_metadata: # that conditions look at (grpc.NAME)");
    for (size_t i = 0; i < recipe->stream_metadata.n; i++) {
        fputs("      - key: ", stdout);
        yaml_text(recipe->stream_metadata.items[i]);
        puts("\n        value: VALUE");
    }
}

static void print_filter(const struct recipe *recipe)
{
    puts("\n"
         "# Into the http_connection_manager, before envoy.filters.http.router:\n"
         "http_filters:\n"
         "- name: envoy.filters.http.ext_proc\n"
         "  typed_config:\n"
         "    \"@type\": type.googleapis.com/"
         "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor\n"
         "    grpc_service:\n"
         "      envoy_grpc:\n"
         "        cluster_name: extprocd");
    print_stream_metadata(recipe);
    printf(
        "      retry_policy: # for a stream that an instance refuses or loses before its first "
        "answer\n"
        "        retry_on: connect-failure,refused-stream,unavailable\n"
        "        num_retries: 2\n"
        "        retry_host_predicate: # prefer an instance that has not failed for this request\n"
        "        - name: envoy.retry_host_predicates.previous_hosts\n"
        "          typed_config:\n"
        "            \"@type\": type.googleapis.com/"
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate\n"
        "        host_selection_retry_max_attempts: 3\n"
        "    failure_mode_allow: false # true: requests pass unprocessed while extprocd cannot be "
        "reached, or where a plugin with on_error = close fails\n"
        "    allow_mode_override: false # extprocd does not use it\n"
        "    message_timeout: %us # for one answer: longer than plugins may wait (timeout); "
        "Envoy's "
        "default of 0.2s is too short for a loaded machine\n",
        recipe->message_s);
    print_mode(recipe);
    print_rules(recipe);
    yaml_list("    request_attributes", &recipe->attributes[LANE_REQUEST]);
    yaml_list("    response_attributes", &recipe->attributes[LANE_RESPONSE]);
    print_metadata(recipe);
}

/* ---- the cluster ----------------------------------------------------------------------------- */

/* Host and port as a client reaches them: a wildcard is reached on loopback. */
static void client_address(const struct address *a, char *ret_host, size_t size, unsigned *ret_port)
{
    char text[ADDRESS_TEXT];
    address_format(a, text);
    char *colon = strrchr(text, ':');
    size_t len = (size_t)(colon - text);
    *ret_port = 0;
    sscanf(colon + 1, "%u", ret_port);
    if (strncmp(text, "0.0.0.0:", 8) == 0)
        snprintf(ret_host, size, "127.0.0.1");
    else if (strncmp(text, "[::]:", 5) == 0)
        snprintf(ret_host, size, "::1");
    else if (text[0] == '[')
        snprintf(ret_host, size, "%.*s", (int)len - 2, text + 1);
    else
        snprintf(ret_host, size, "%.*s", (int)len, text);
}

static void print_address(const struct listener *l)
{
    const struct address *a = &l->address;
    char host[ADDRESS_TEXT];
    unsigned port;
    if (listener_entry(l, "address")->hidden) { /* of ${VAR}: never printed, by any road */
        puts("            socket_address: { address: \"ADDRESS_OF_EXTPROCD\", port_value: PORT }");
        return;
    }

    if (address_is_unix(a)) {
        const char *path = address_path(a);
        fputs("            pipe: { path: ", stdout);
        yaml_text(extproc_str_of(path));
        puts(" }");
        return;
    }
    client_address(a, host, sizeof host, &port);
    printf("            socket_address: { address: \"%s\", port_value: %u }\n", host, port);
}

/* A certificate that is not checked for a name is any certificate of that CA. */
static void print_name(const struct recipe *recipe)
{
    const char *name = recipe->tls_name ? recipe->tls_name : "NAME_IN_TLS_CERT";
    bool dns = !recipe->tls_name || strcmp(recipe->tls_kind, "DNS") == 0;
    if (dns) {
        fputs("      sni: ", stdout);
        yaml_text(extproc_str_of(name));
        putchar('\n');
    }
    printf("      common_tls_context:\n"
           "        validation_context:\n"
           "          trusted_ca: { filename: \"CA_OF_TLS_CERT\" }\n"
           "          match_typed_subject_alt_names: # from tls_cert of [listener:%s]\n"
           "          - san_type: %s\n"
           "            matcher: { exact: ",
           recipe->listener->transport.name, dns ? "DNS" : recipe->tls_kind);
    yaml_text(extproc_str_of(name));
    puts(" }");
}

/* What only the operator knows is in capitals: Envoy refuses it until it is filled in, which is
 * better than a proxy that accepts any certificate. */
static void print_tls(const struct recipe *recipe)
{
    printf("  transport_socket:\n"
           "    name: envoy.transport_sockets.tls\n"
           "    typed_config:\n"
           "      \"@type\": type.googleapis.com/"
           "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n");
    print_name(recipe);
    if (recipe->listener->transport.tls.client_ca)
        printf("        tls_certificates: # signed by tls_client_ca\n"
               "        - certificate_chain: { filename: \"CERTIFICATE_OF_ENVOY\" }\n"
               "          private_key: { filename: \"KEY_OF_ENVOY\" }\n");
}

static void print_health(const struct recipe *recipe)
{
    printf("  health_checks: # %d failures in a row take less time than lame_duck, so no request "
           "is sent to\n"
           "  - timeout: 1s # an instance that is about to stop\n"
           "    interval: %u.%03us\n"
           "    no_traffic_interval: %u.%03us\n"
           "    unhealthy_threshold: %d\n"
           "    healthy_threshold: 1\n"
           "    grpc_health_check: { service_name: envoy.service.ext_proc.v3.ExternalProcessor }\n",
           RECIPE_HEALTH_FAILURES, recipe->health_ms / 1000, recipe->health_ms % 1000,
           recipe->health_ms / 1000, recipe->health_ms % 1000, RECIPE_HEALTH_FAILURES);
    printf(
        "  outlier_detection: # an instance that cannot be connected to is left out for a second\n"
        "    split_external_local_origin_errors: true\n"
        "    consecutive_local_origin_failure: 3\n"
        "    enforcing_consecutive_local_origin_failure: 100\n"
        "    enforcing_local_origin_success_rate: 0\n"
        "    enforcing_consecutive_5xx: 0 # an error of one stream says nothing about the others\n"
        "    enforcing_consecutive_gateway_failure: 0\n"
        "    enforcing_success_rate: 0\n"
        "    interval: 1s\n"
        "    base_ejection_time: 1s\n"
        "    max_ejection_percent: 50\n");
}

static void print_cluster(const struct recipe *recipe)
{
    printf("\n"
           "# Into static_resources:\n"
           "clusters:\n"
           "- name: extprocd\n"
           "  type: STATIC\n"
           "  connect_timeout: 1s\n"
           "  typed_extension_protocol_options:\n"
           "    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
           "      \"@type\": type.googleapis.com/"
           "envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
           "      explicit_http_config:\n"
           "        http2_protocol_options:\n"
           "          connection_keepalive: { interval: 30s, timeout: 5s } # finds a machine that "
           "is gone\n"
           "  circuit_breakers: # Envoy's defaults of 1024 would answer the 1025th request with a "
           "500\n"
           "    thresholds:\n"
           "    - max_connections: %u # as max_connections and max_streams of [listener:%s] allow\n"
           "      max_pending_requests: %u\n"
           "      max_requests: %u\n"
           "      max_retries: 1000\n",
           recipe->connections, recipe->listener->transport.name, recipe->streams, recipe->streams);
    print_health(recipe);
    if (recipe->listener->transport.tls.cert)
        print_tls(recipe);
    printf("  load_assignment:\n"
           "    cluster_name: extprocd\n"
           "    endpoints:\n"
           "    - lb_endpoints: # one for each instance of extprocd\n"
           "      - endpoint:\n"
           "          address:\n");
    print_address(recipe->listener);
}

void form_envoy(const struct recipe *recipe)
{
    print_listener(recipe);
    print_header_limits(recipe);
    print_filter(recipe);
    print_cluster(recipe);
}
