/* proxy_config: the proxy's half of a configuration, with the least processing mode that serves the
 * configured plugins: the cheapest message is the one that is never sent. */
#include "process/process.h"
#include "process/setup.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What the proxy has to send. */
struct mode {
    bool headers[N_LANES], trailers[N_LANES];
    enum body_mode body[N_LANES];
};

static bool wants(const struct generation *g, enum lane lane, enum part part)
{
    bool any = false;

    for (size_t i = 0; i < g->n_chains; i++)
        any = any || (g->chains[i].wants & phase_bit(phase_of(lane, part)));
    return any;
}

static struct mode least_mode(const struct generation *g)
{
    struct mode m = {0};

    for (enum lane lane = LANE_REQUEST; lane < N_LANES; lane++) {
        for (size_t i = 0; i < g->n_chains; i++)
            if (g->chains[i].needs[lane] > m.body[lane])
                m.body[lane] = g->chains[i].needs[lane];
        /* without them a BUFFERED body could not have its content-length mended */
        m.headers[lane] = wants(g, lane, PART_HEADERS) || m.body[lane] == BODY_MODE_BUFFERED;
        m.trailers[lane] = wants(g, lane, PART_TRAILERS);
    }
    return m;
}

static const char *header_mode(bool wanted)
{
    return wanted ? "SEND" : "SKIP";
}

/* ---- envoy -------------------------------------------------------------------------------------- */

static void print_envoy_filter(const struct mode *m)
{
    printf("# Under the http_connection_manager, before envoy.filters.http.router:\n"
           "http_filters:\n"
           "- name: envoy.filters.http.ext_proc\n"
           "  typed_config:\n"
           "    \"@type\": type.googleapis.com/"
           "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor\n"
           "    grpc_service:\n"
           "      envoy_grpc:\n"
           "        cluster_name: extprocd\n"
           "    failure_mode_allow: false # true: traffic passes untouched while extprocd is away\n"
           "    allow_mode_override: false\n"
           "    message_timeout: 0.2s\n"
           "    processing_mode:\n"
           "      request_header_mode: %s\n"
           "      response_header_mode: %s\n"
           "      request_body_mode: %s\n"
           "      response_body_mode: %s\n"
           "      request_trailer_mode: %s\n"
           "      response_trailer_mode: %s\n",
           header_mode(m->headers[LANE_REQUEST]), header_mode(m->headers[LANE_RESPONSE]),
           body_mode_name(m->body[LANE_REQUEST]), body_mode_name(m->body[LANE_RESPONSE]),
           header_mode(m->trailers[LANE_REQUEST]), header_mode(m->trailers[LANE_RESPONSE]));
}

/* Host and port as a client reaches them: a wildcard is reached on loopback. */
static void client_address(const struct address *a, char *ret_host, size_t size, unsigned *ret_port)
{
    char text[ADDRESS_TEXT];
    char *colon;
    size_t len;

    address_format(a, text);
    colon = strrchr(text, ':');
    len = (size_t)(colon - text);
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

static void print_envoy_address(const struct address *a)
{
    char host[ADDRESS_TEXT];
    unsigned port;

    if (address_is_unix(a)) {
        printf("            pipe: { path: \"%s\" }\n", address_path(a));
        return;
    }
    client_address(a, host, sizeof host, &port);
    printf("            socket_address: { address: \"%s\", port_value: %u }\n", host, port);
}

/* What only the operator knows is in capitals: Envoy refuses it until it is filled in, which is better
 * than a proxy that takes any certificate. */
static void print_envoy_tls(const struct transport_tls *tls)
{
    printf("  transport_socket:\n"
           "    name: envoy.transport_sockets.tls\n"
           "    typed_config:\n"
           "      \"@type\": type.googleapis.com/"
           "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n"
           "      common_tls_context:\n"
           "        validation_context:\n"
           "          trusted_ca: { filename: \"CA_OF_TLS_CERT\" }\n");
    if (tls->client_ca)
        printf("        tls_certificates: # of tls_client_ca\n"
               "        - certificate_chain: { filename: \"CERTIFICATE_OF_ENVOY\" }\n"
               "          private_key: { filename: \"KEY_OF_ENVOY\" }\n");
}

static void print_envoy(const struct setup *s, const struct mode *m)
{
    const struct listener_settings *l = &s->settings.listeners[0];

    print_envoy_filter(m);
    printf("\n"
           "# Under static_resources:\n"
           "clusters:\n"
           "- name: extprocd\n"
           "  type: STATIC\n"
           "  connect_timeout: 1s\n"
           "  typed_extension_protocol_options:\n"
           "    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
           "      \"@type\": type.googleapis.com/"
           "envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
           "      explicit_http_config:\n"
           "        http2_protocol_options: {}\n");
    if (l->tls.cert)
        print_envoy_tls(&l->tls);
    printf("  load_assignment:\n"
           "    cluster_name: extprocd\n"
           "    endpoints:\n"
           "    - lb_endpoints:\n"
           "      - endpoint:\n"
           "          address:\n");
    print_envoy_address(&l->address);
}

/* ---- gloo --------------------------------------------------------------------------------------- */

static void print_gloo(const struct setup *unused, const struct mode *m)
{
    printf(
        "# Of a gloo Settings (spec), HttpListenerOption or Gateway. extProcServerRef names the\n"
        "# Upstream of extprocd, which needs useHttp2: true, and an sslConfig for a listener with "
        "TLS.\n"
        "extProc:\n"
        "  grpcService:\n"
        "    extProcServerRef:\n"
        "      name: extprocd\n"
        "      namespace: gloo-system\n"
        "  filterStage:\n"
        "    stage: AuthZStage\n"
        "    predicate: After\n"
        "  failureModeAllow: false # true: traffic passes untouched while extprocd is away\n"
        "  allowModeOverride: false\n"
        "  processingMode:\n"
        "    requestHeaderMode: %s\n"
        "    responseHeaderMode: %s\n"
        "    requestBodyMode: %s\n"
        "    responseBodyMode: %s\n"
        "    requestTrailerMode: %s\n"
        "    responseTrailerMode: %s\n",
        header_mode(m->headers[LANE_REQUEST]), header_mode(m->headers[LANE_RESPONSE]),
        body_mode_name(m->body[LANE_REQUEST]), body_mode_name(m->body[LANE_RESPONSE]),
        header_mode(m->trailers[LANE_REQUEST]), header_mode(m->trailers[LANE_RESPONSE]));
}

static const struct form {
    const char *name;
    void (*print)(const struct setup *s, const struct mode *m);
} forms[] = {{"envoy", print_envoy}, {"gloo", print_gloo}};

int process_print_proxy_config(const char *file, const char *form)
{
    const struct form *found = NULL;
    struct setup s;
    struct mode m;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].name, form) == 0)
            found = &forms[i];
    if (!found) {
        process_say("extprocd: no form '%s' (envoy or gloo)", form);
        return EXIT_USAGE;
    }
    if (!setup_load(file, true, &s))
        return EXIT_BAD;
    generation_stop(s.generation);
    m = least_mode(s.generation);
    found->print(&s, &m);
    setup_end(&s);
    return EXIT_GOOD;
}
