/* gloo: a recipe as Gloo Gateway has it: the extProc settings, and of their Upstream and listener
 * what they need. Fields are those of the CRDs in the group gloo.solo.io/v1 and
 * gateway.solo.io/v1. */
#include "base/str.h"
#include "process/proxy/forms.h"
#include "process/proxy/yaml.h"

#include <stdio.h>

static void print_settings(const struct recipe *recipe)
{
    printf("# extProc is a feature of Gloo Gateway Enterprise. Into the spec of Settings, or into "
           "the options of an\n"
           "# HttpListenerOption or Gateway. extProcServerRef names the Upstream below.\n"
           "extProc:\n"
           "  grpcService:\n"
           "    extProcServerRef:\n"
           "      name: extprocd\n"
           "      namespace: gloo-system\n"
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

static void print_upstream(const struct recipe *recipe)
{
    printf(
        "\n"
        "# Into the spec of the Upstream extprocd in gloo-system, beside its static, kube or pipe "
        "address:\n"
        "upstream:\n"
        "  useHttp2: true\n"
        "  circuitBreakers: # Envoy's defaults of 1024 would answer the 1025th request with a 500\n"
        "    maxConnections: %u\n"
        "    maxPendingRequests: %u\n"
        "    maxRequests: %u\n"
        "    maxRetries: 1000\n"
        "  healthChecks: # %d failures in a row take less time than lame_duck of extprocd\n"
        "  - timeout: 1s\n"
        "    interval: %u.%03us\n"
        "    noTrafficInterval: %u.%03us\n"
        "    unhealthyThreshold: %d\n"
        "    healthyThreshold: 1\n"
        "    grpcHealthCheck:\n"
        "      serviceName: envoy.service.ext_proc.v3.ExternalProcessor\n",
        recipe->connections, recipe->streams, recipe->streams, RECIPE_HEALTH_FAILURES,
        recipe->health_ms / 1000, recipe->health_ms % 1000, recipe->health_ms / 1000,
        recipe->health_ms % 1000, RECIPE_HEALTH_FAILURES);
    if (!recipe->listener->transport.tls.cert)
        return;
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

/* The number of headers has no field. */
static void print_header_limits(const struct recipe *recipe)
{
    if (!recipe->header_limits)
        return;
    printf(
        "\n"
        "# Into httpConnectionManagerSettings of the HttpListenerOption or Gateway. Gloo has no "
        "field for the number of\n"
        "# headers (proxy_max_headers = %u of [listener:%s]), nor for the headers of responses.\n"
        "httpConnectionManagerSettings:\n"
        "  maxRequestHeadersKb: %u\n",
        recipe->max_headers, recipe->listener->transport.name, recipe->max_header_kb);
}

void form_gloo(const struct recipe *recipe)
{
    print_settings(recipe);
    print_missing(recipe);
    print_upstream(recipe);
    print_listener(recipe);
    print_header_limits(recipe);
}
