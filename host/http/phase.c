/* phase: their names, as the proxy's protocol spells them. */
#include "http/phase.h"

#include "base/rows.h"

static const char *const phase_names[N_PHASES] = {
    [PHASE_REQUEST_HEADERS] = "request_headers",   [PHASE_REQUEST_BODY] = "request_body",
    [PHASE_REQUEST_TRAILERS] = "request_trailers", [PHASE_RESPONSE_HEADERS] = "response_headers",
    [PHASE_RESPONSE_BODY] = "response_body",       [PHASE_RESPONSE_TRAILERS] = "response_trailers",
};
ROWS(phase_names, N_PHASES, 6);

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
