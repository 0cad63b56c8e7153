/* proxy_names: those of Envoy. */
#include "session/proxy_names.h"

/* Envoy's inline headers (envoy/http/header_map.h) less those that no plugin may edit, with those
 * that its extensions register: seen on 1.40.0. Most are inline in one direction only, the one in
 * which they mean something. */
static const struct extproc_str joined[] = {
    EXTPROC_STR("accept"),
    EXTPROC_STR("accept-encoding"),
    EXTPROC_STR("access-control-allow-credentials"),
    EXTPROC_STR("access-control-allow-headers"),
    EXTPROC_STR("access-control-allow-methods"),
    EXTPROC_STR("access-control-allow-origin"),
    EXTPROC_STR("access-control-expose-headers"),
    EXTPROC_STR("access-control-max-age"),
    EXTPROC_STR("access-control-request-headers"),
    EXTPROC_STR("access-control-request-method"),
    EXTPROC_STR("age"),
    EXTPROC_STR("authentication"),
    EXTPROC_STR("authorization"),
    EXTPROC_STR("cache-control"),
    EXTPROC_STR("content-encoding"),
    EXTPROC_STR("content-type"),
    EXTPROC_STR("date"),
    EXTPROC_STR("etag"),
    EXTPROC_STR("expect"),
    EXTPROC_STR("expires"),
    EXTPROC_STR("grpc-accept-encoding"),
    EXTPROC_STR("grpc-message"),
    EXTPROC_STR("grpc-status"),
    EXTPROC_STR("grpc-timeout"),
    EXTPROC_STR("if-match"),
    EXTPROC_STR("if-modified-since"),
    EXTPROC_STR("if-none-match"),
    EXTPROC_STR("if-range"),
    EXTPROC_STR("if-unmodified-since"),
    EXTPROC_STR("last-modified"),
    EXTPROC_STR("location"),
    EXTPROC_STR("origin"),
    EXTPROC_STR("pragma"),
    EXTPROC_STR("proxy-status"),
    EXTPROC_STR("referer"),
    EXTPROC_STR("server"),
    EXTPROC_STR("te"),
    EXTPROC_STR("user-agent"),
    EXTPROC_STR("vary"),
    EXTPROC_STR("via"),
    EXTPROC_STR("x-client-trace-id"),
    EXTPROC_STR("x-forwarded-client-cert"),
    EXTPROC_STR("x-forwarded-for"),
    EXTPROC_STR("x-forwarded-host"),
    EXTPROC_STR("x-forwarded-port"),
    EXTPROC_STR("x-forwarded-proto"),
    EXTPROC_STR("x-request-id"),
};
const struct str_list proxy_joined = STR_LIST(joined);

/* Its router adds the header to what an upstream answers, unless suppress_envoy_headers forbids it;
 * the attributes are sent where the filter's configuration asks for them. */
const struct rules_hints proxy_hints = {
    .id = EXTPROC_STR("request.id"),
    .method = EXTPROC_STR("request.method"),
    .details = EXTPROC_STR("response.code_details"),
    .upstream = EXTPROC_STR("via_upstream"),
    .upstream_header = EXTPROC_STR("x-envoy-upstream-service-time"),
};

/* A value of one may be read by other means, but it has no text of its own. */
static const struct extproc_str maps[] = {
    EXTPROC_STR("request.headers"),
    EXTPROC_STR("response.headers"),
    EXTPROC_STR("response.trailers"),
    EXTPROC_STR("metadata"),
    EXTPROC_STR("filter_state"),
    EXTPROC_STR("upstream_filter_state"),
    EXTPROC_STR("xds.cluster_metadata"),
    EXTPROC_STR("xds.listener_metadata"),
    EXTPROC_STR("xds.route_metadata"),
    EXTPROC_STR("xds.virtual_host_metadata"),
    EXTPROC_STR("xds.upstream_host_metadata"),
};
const struct str_list proxy_maps = STR_LIST(maps);

static const struct extproc_str late[] = {EXTPROC_STR("response."), EXTPROC_STR("upstream.")};
const struct str_list proxy_late = STR_LIST(late);
