/* phase: the six places of a transaction where a plugin may look in. */
#ifndef EXTPROCD_HTTP_PHASE_H
#define EXTPROCD_HTTP_PHASE_H

#include "base/rows.h"

#include <extproc/plugin.h>

#include <stdbool.h>
#include <stdint.h>

enum lane { LANE_REQUEST, LANE_RESPONSE, N_LANES };
enum part { PART_HEADERS, PART_BODY, PART_TRAILERS, N_PARTS };

/* In the order of the SDK's bits: phase p has the bit 1 << p. */
enum phase {
    PHASE_REQUEST_HEADERS,
    PHASE_REQUEST_BODY,
    PHASE_REQUEST_TRAILERS,
    PHASE_RESPONSE_HEADERS,
    PHASE_RESPONSE_BODY,
    PHASE_RESPONSE_TRAILERS,
    N_PHASES
};

/* "request", "response" */
const char *lane_name(enum lane l);

static inline enum lane other_lane(enum lane l)
{
    ROWS(other_lane, N_LANES, 2);
    return l == LANE_REQUEST ? LANE_RESPONSE : LANE_REQUEST;
}
static inline enum phase phase_of(enum lane lane, enum part part)
{
    return (enum phase)((unsigned)lane * N_PARTS + (unsigned)part);
}
static inline enum lane phase_lane(enum phase p)
{
    return (enum lane)((unsigned)p / N_PARTS);
}
static inline enum part phase_part(enum phase p)
{
    return (enum part)((unsigned)p % N_PARTS);
}
static inline uint32_t phase_bit(enum phase p)
{
    return 1u << p;
}

/* "request_headers", ...: the names of the SDK's callbacks. */
const char *phase_name(enum phase p);

#endif
