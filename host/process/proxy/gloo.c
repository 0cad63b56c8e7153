/* gloo: a recipe as Gloo Gateway has it: the extProc settings, and of their Upstream and listener
 * what they need. Fields are those of the CRDs in the group gloo.solo.io/v1 and
 * gateway.solo.io/v1. */
#include "base/str.h"
#include "process/proxy/forms.h"
#include "process/proxy/yaml.h"

#include <stdio.h>

static void print_settings(const struct recipe *recipe)
{
    puts("# extProc is a feature of Gloo Gateway Enterprise. Into the spec of Settings, or into "
         "the options of an\n"
         "# HttpListenerOption or Gateway. extProcServerRef names the Upstream below.\n"
         "extProc:\n"
         "  grpcService:\n"
         "    extProcServerRef:\n"
         "      name: extprocd\n"
         "      namespace: gloo-system");
    if (recipe->stream_metadata.n)
        puts("    initialMetadata: # that conditions look at (grpc.NAME)");
    for (size_t i = 0; i < recipe->stream_metadata.n; i++) {
        fputs("    - key: ", stdout);
        yaml_text(recipe->stream_metadata.items[i]);
        puts("\n      value: VALUE");
    }
    printf("    # Gloo has no field for the rest of this policy: retry_on connect-failure, "
           "refused-stream, unavailable,\n"
           "    # and previous_hosts. A request that meets an instance that is going down may fail "
           "until the checks of\n"
           "    # the Upstream have found it out.\n"
           "    retryPolicy:\n"
           "      numRetries: 2\n"
           "  filterStage:\n"
           "    stage: AuthZStage\n"
           "    predicate: After\n"
           "  failureModeAllow: false # true: requests pass unprocessed while extprocd cannot be "
           "reached\n"
           "  allowModeOverride: false # extprocd does not use it\n"
           "  messageTimeout: %us # for one answer; the default of 0.2s is too short for a loaded "
           "machine\n"
           "  processingMode: # the least that the plugins need\n"
           "    requestHeaderMode: %s\n"
           "    responseHeaderMode: %s\n"
           "    requestBodyMode: %s\n"
           "    responseBodyMode: %s\n"
           "    requestTrailerMode: %s\n"
           "    responseTrailerMode: %s\n",
           recipe->message_s, recipe_send(recipe->headers[LANE_REQUEST]),
           recipe_send(recipe->headers[LANE_RESPONSE]), body_mode_name(recipe->body[LANE_REQUEST]),
           body_mode_name(recipe->body[LANE_RESPONSE]), recipe_send(recipe->trailers[LANE_REQUEST]),
           recipe_send(recipe->trailers[LANE_RESPONSE]));
    yaml_list("  metadataContextNamespaces", &recipe->metadata);
}

/* Fields that the API has and the control plane does not pass on. */
static void print_missing(const struct recipe *recipe)
{
    const struct proxy_settings *p = &recipe->listener->proxy_settings;
    if (recipe->attributes[LANE_REQUEST].n || recipe->attributes[LANE_RESPONSE].n)
        puts("  # Gloo accepts these two fields and does not implement them yet: the attributes "
             "stay absent.");
    yaml_list("  requestAttributes", &recipe->attributes[LANE_REQUEST]);
    yaml_list("  responseAttributes", &recipe->attributes[LANE_RESPONSE]);
    if (p->all_routing || p->envoy) {
        puts("  # Gloo accepts this field and does not implement it yet: the proxy ignores such "
             "edits.");
        puts("  mutationRules:");
    }
    if (p->all_routing)
        puts("    allowAllRouting: true");
    if (p->envoy)
        puts("    allowEnvoy: true");
    if (recipe->metadata_write.n)
        puts("  # Gloo has no field for receiving_namespaces: the proxy drops the metadata that "
             "plugins write.");
}

static void print_health(const struct recipe *recipe)
{
    printf("  healthChecks: # %d failures in a row take less time than lame_duck of extprocd\n"
           "  - timeout: 1s\n"
           "    interval: %u.%03us\n"
           "    noTrafficInterval: %u.%03us\n"
           "    unhealthyThreshold: %d\n"
           "    healthyThreshold: 1\n"
           "    grpcHealthCheck:\n"
           "      serviceName: envoy.service.ext_proc.v3.ExternalProcessor\n",
           RECIPE_HEALTH_FAILURES, recipe->health_ms / 1000, recipe->health_ms % 1000,
           recipe->health_ms / 1000, recipe->health_ms % 1000, RECIPE_HEALTH_FAILURES);
    printf("  outlierDetection: # an instance that cannot be connected to is left out for a "
           "second\n"
           "    splitExternalLocalOriginErrors: true\n"
           "    consecutiveLocalOriginFailure: 3\n"
           "    enforcingConsecutiveLocalOriginFailure: 100\n"
           "    enforcingLocalOriginSuccessRate: 0\n"
           "    enforcingConsecutive5xx: 0 # an error of one stream says nothing about the others\n"
           "    enforcingConsecutiveGatewayFailure: 0\n"
           "    enforcingSuccessRate: 0\n"
           "    interval: 1s\n"
           "    baseEjectionTime: 1s\n"
           "    maxEjectionPercent: 50\n");
}

static void print_tls(const struct recipe *recipe)
{
    fputs("  sslConfig:\n"
          "    secretRef: # the CA of tls_cert, and Envoy's own certificate where tls_client_ca "
          "demands one\n"
          "      name: extprocd-tls\n"
          "      namespace: gloo-system\n",
          stdout);
    if (recipe->tls_name) {
        struct extproc_str name = extproc_str_of(recipe->tls_name);
        fputs("    sni: ", stdout);
        yaml_text(name);
        putchar('\n');
        yaml_list("    verifySubjectAltName", &(struct recipe_names){&name, 1});
    }
}

static void print_upstream(const struct recipe *recipe)
{
    printf(
        "\n"
        "# Into the spec of the Upstream extprocd in gloo-system, beside its static, kube or pipe "
        "address:\n"
        "upstream:\n"
        "  useHttp2: true # Gloo has no field for connection_keepalive, which finds a machine that "
        "is gone\n"
        "  connectionConfig:\n"
        "    connectTimeout: 1s\n"
        "  circuitBreakers: # Envoy's defaults of 1024 would answer the 1025th request with a 500\n"
        "    maxConnections: %u\n"
        "    maxPendingRequests: %u\n"
        "    maxRequests: %u\n"
        "    maxRetries: 1000\n",
        recipe->connections, recipe->streams, recipe->streams);
    print_health(recipe);
    if (recipe->listener->transport.tls.cert)
        print_tls(recipe);
}

static void print_listener(const struct recipe *recipe)
{
    if (!recipe->buffer_limit)
        return;
    printf(
        "\n"
        "# Into the options of the Gateway or ListenerOption; a larger body is answered by Envoy:\n"
        "listener:\n"
        "  perConnectionBufferLimitBytes: %zu\n",
        recipe->buffer_limit);
}

static void print_header_limits(const struct recipe *recipe)
{
    if (!recipe->header_limits)
        return;
    printf(
        "\n"
        "# Into httpConnectionManagerSettings of the HttpListenerOption or Gateway, as "
        "proxy_max_headers and\n"
        "# proxy_max_header_bytes of [listener:%s] say:\n"
        "httpConnectionManagerSettings:\n"
        "  maxRequestHeadersKb: %u\n"
        "  maxHeadersCount: %u\n"
        "\n"
        "# The same for responses: into the spec of each Upstream of a service. Gloo has no field "
        "for the bytes of their\n"
        "# headers (max_response_headers_kb: %u).\n"
        "connectionConfig:\n"
        "  commonHttpProtocolOptions:\n"
        "    maxHeadersCount: %u\n",
        recipe->listener->transport.name, recipe->max_header_kb, recipe->max_headers,
        recipe->max_header_kb, recipe->max_headers);
}

void form_gloo(const struct recipe *recipe)
{
    print_settings(recipe);
    print_missing(recipe);
    print_upstream(recipe);
    print_listener(recipe);
    print_header_limits(recipe);
}
