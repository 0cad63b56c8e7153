#include "http/phase.h"

#include <criterion/criterion.h>

Test(phase, direction_and_part_make_a_phase_and_back)
{
    cr_assert_eq(phase_of(LANE_RESPONSE, PART_BODY), PHASE_RESPONSE_BODY);
    cr_assert_eq(phase_of(LANE_REQUEST, PART_TRAILERS), PHASE_REQUEST_TRAILERS);
    for (unsigned p = 0; p < N_PHASES; p++) {
        enum phase phase = (enum phase)p;
        cr_assert_eq(phase_of(phase_lane(phase), phase_part(phase)), phase);
    }
}

Test(phase, bits_are_the_sdks)
{
    cr_assert_eq(phase_bit(PHASE_REQUEST_HEADERS), EXTPROC_PHASE_REQUEST_HEADERS);
    cr_assert_eq(phase_bit(PHASE_REQUEST_BODY), EXTPROC_PHASE_REQUEST_BODY);
    cr_assert_eq(phase_bit(PHASE_RESPONSE_HEADERS), EXTPROC_PHASE_RESPONSE_HEADERS);
    cr_assert_eq(phase_bit(PHASE_RESPONSE_TRAILERS), EXTPROC_PHASE_RESPONSE_TRAILERS);
}

Test(phase, names_are_the_protocols)
{
    cr_assert_str_eq(phase_name(PHASE_REQUEST_HEADERS), "request_headers");
    cr_assert_str_eq(phase_name(PHASE_RESPONSE_TRAILERS), "response_trailers");
}
