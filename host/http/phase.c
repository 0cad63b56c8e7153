/* phase: names of phases and body modes, as the proxy's protocol and its configuration spell them. */
#include "http/phase.h"

static const char *const phase_names[N_PHASES] = {
    [PHASE_REQUEST_HEADERS] = "request_headers",   [PHASE_REQUEST_BODY] = "request_body",
    [PHASE_REQUEST_TRAILERS] = "request_trailers", [PHASE_RESPONSE_HEADERS] = "response_headers",
    [PHASE_RESPONSE_BODY] = "response_body",       [PHASE_RESPONSE_TRAILERS] = "response_trailers",
};

static const char *const body_mode_names[N_BODY_MODES + 1] = {
    [BODY_MODE_NONE] = "NONE",
    [BODY_MODE_STREAMED] = "STREAMED",
    [BODY_MODE_BUFFERED] = "BUFFERED",
    [BODY_MODE_BUFFERED_PARTIAL] = "BUFFERED_PARTIAL",
    [BODY_MODE_FULL_DUPLEX_STREAMED] = "FULL_DUPLEX_STREAMED",
    [BODY_MODE_GRPC] = "GRPC",
    [BODY_MODE_UNKNOWN] = "unknown",
};

_Static_assert(EXTPROC_PHASE_RESPONSE_TRAILERS == 1 << PHASE_RESPONSE_TRAILERS,
               "phases stand in the order of the SDK's bits");

const char *lane_name(enum lane l)
{
    return l == LANE_REQUEST ? "request" : "response";
}

const char *phase_name(enum phase p)
{
    return phase_names[p];
}

const char *body_mode_name(enum body_mode m)
{
    return body_mode_names[m];
}
