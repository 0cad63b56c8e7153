/* lane: the table of what may come next, and the words for what may not.
 *
 * Rules of envoy's external_processor.proto and of what Envoy does: a direction is headers, body*,
 * trailers; a processing mode may skip any of them, so a lane may begin anywhere. A body that was
 * sent whole says `end` only where no trailers follow, so WHOLE is a state of its own: a second body
 * message is refused there, and would be the next chunk in BODY. What is not in the table is
 * refused.
 */
#include "session/lane.h"

enum lane_arrival lane_arrival(enum part part, bool end, enum body_mode mode)
{
    switch (part) {
    case PART_HEADERS:
        return end ? ARRIVAL_HEADERS_END : ARRIVAL_HEADERS;
    case PART_BODY:
        if (mode == BODY_MODE_BUFFERED)
            return end ? ARRIVAL_WHOLE_END : ARRIVAL_WHOLE;
        return end ? ARRIVAL_CHUNK_END : ARRIVAL_CHUNK;
    case PART_TRAILERS:
    case N_PARTS:
        break;
    }
    return ARRIVAL_TRAILERS;
}

static const struct lane_step steps[N_LANE_STATES][N_ARRIVALS] = {
    [LANE_IDLE] =
        {
            [ARRIVAL_HEADERS] = {LANE_RUN, LANE_HEADERS},
            [ARRIVAL_HEADERS_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_CHUNK] = {LANE_RUN, LANE_BODY},
            [ARRIVAL_CHUNK_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_WHOLE] = {LANE_RUN, LANE_WHOLE},
            [ARRIVAL_WHOLE_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_TRAILERS] = {LANE_RUN, LANE_OVER},
        },
    [LANE_HEADERS] =
        {
            [ARRIVAL_CHUNK] = {LANE_RUN, LANE_BODY},
            [ARRIVAL_CHUNK_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_WHOLE] = {LANE_RUN, LANE_WHOLE},
            [ARRIVAL_WHOLE_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_TRAILERS] = {LANE_RUN, LANE_OVER},
        },
    [LANE_BODY] =
        {
            [ARRIVAL_CHUNK] = {LANE_RUN, LANE_BODY},
            [ARRIVAL_CHUNK_END] = {LANE_RUN, LANE_OVER},
            [ARRIVAL_TRAILERS] = {LANE_RUN, LANE_OVER},
        },
    [LANE_WHOLE] =
        {
            [ARRIVAL_TRAILERS] = {LANE_RUN, LANE_OVER},
        },
    [LANE_DEAF] =
        {
            [ARRIVAL_HEADERS] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_HEADERS_END] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_CHUNK] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_CHUNK_END] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_WHOLE] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_WHOLE_END] = {LANE_IGNORE, LANE_DEAF},
            [ARRIVAL_TRAILERS] = {LANE_IGNORE, LANE_DEAF},
        },
};

struct lane_step lane_step(enum lane_state state, enum lane_arrival arrival)
{
    return steps[state][arrival];
}

static bool body_follows(enum body_mode mode, unsigned awaited)
{
    switch (mode) {
    case BODY_MODE_NONE:
    case BODY_MODE_GRPC: /* a proxy that sends gRPC messages ends with them; Envoy sends none */
        return false;
    case BODY_MODE_STREAMED:
    case BODY_MODE_BUFFERED:
    case BODY_MODE_BUFFERED_PARTIAL:
    case BODY_MODE_FULL_DUPLEX_STREAMED:
        return true;
    case N_BODY_MODES: /* UNKNOWN */
        break;
    }
    return awaited & 1u << PART_BODY;
}

bool lane_complete(enum lane_state state, enum body_mode mode, unsigned awaited)
{
    switch (state) {
    case LANE_IDLE:
        return awaited == 0;
    case LANE_HEADERS:
        return !body_follows(mode, awaited);
    case LANE_BODY:
        return false;
    case LANE_WHOLE:
    case LANE_OVER:
    case LANE_DEAF:
    case N_LANE_STATES:
        break;
    }
    return true;
}

const char *lane_state_name(enum lane_state state)
{
    static const char *const names[N_LANE_STATES] = {
        [LANE_IDLE] = "IDLE",   [LANE_HEADERS] = "HEADERS", [LANE_BODY] = "BODY",
        [LANE_WHOLE] = "WHOLE", [LANE_OVER] = "OVER",       [LANE_DEAF] = "DEAF",
    };
    return names[state];
}

const char *lane_refusal(enum lane_state state, enum part part)
{
    if (state == LANE_OVER)
        return " has ended already";
    if (part == PART_HEADERS)
        return state == LANE_HEADERS ? "'s headers have come already"
                                     : "'s headers come before its body";
    return "'s whole body has come already";
}
