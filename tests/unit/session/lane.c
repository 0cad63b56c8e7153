/* The table of what may come next: every state with every arrival, written out a second time as a
 * picture, so that a change of one is seen beside the other. */
#include "session/lane.h"

#include <criterion/criterion.h>

/* One column per arrival, in their order: h headers, H with end, c chunk, C, w whole, W, t trailers.
 * '-' refused, '.' ignored, else the first letter of the state that follows (B body, W whole). */
static const char picture[N_LANE_STATES][N_ARRIVALS + 1] = {
    /*                  hHcCwWt */
    [LANE_IDLE] = "HOBOWOO",  [LANE_HEADERS] = "--BOWOO", [LANE_BODY] = "--BO--O",
    [LANE_WHOLE] = "------O", [LANE_OVER] = "-------",    [LANE_DEAF] = ".......",
};

static char drawn(struct lane_step step)
{
    switch (step.task) {
    case LANE_REFUSE:
        return '-';
    case LANE_IGNORE:
        return '.';
    case LANE_RUN:
        break;
    }
    return lane_state_name(step.next)[0];
}

Test(lane, table)
{
    for (enum lane_state state = 0; state < N_LANE_STATES; state++) {
        for (enum lane_arrival arrival = 0; arrival < N_ARRIVALS; arrival++)
            cr_expect_eq(drawn(lane_step(state, arrival)), picture[state][arrival],
                         "state %s, arrival %d", lane_state_name(state), (int)arrival);
    }
}

Test(lane, deaf_is_for_ever)
{
    for (enum lane_arrival arrival = 0; arrival < N_ARRIVALS; arrival++)
        cr_expect_eq(lane_step(LANE_DEAF, arrival).next, LANE_DEAF);
}

Test(lane, only_a_buffered_body_is_whole)
{
    for (enum body_mode mode = 0; mode <= BODY_MODE_UNKNOWN; mode++) {
        bool whole = mode == BODY_MODE_BUFFERED;
        cr_expect_eq(lane_arrival(PART_BODY, false, mode), whole ? ARRIVAL_WHOLE : ARRIVAL_CHUNK);
        cr_expect_eq(lane_arrival(PART_BODY, true, mode),
                     whole ? ARRIVAL_WHOLE_END : ARRIVAL_CHUNK_END);
        cr_expect_eq(lane_arrival(PART_HEADERS, false, mode), ARRIVAL_HEADERS);
        cr_expect_eq(lane_arrival(PART_HEADERS, true, mode), ARRIVAL_HEADERS_END);
        cr_expect_eq(lane_arrival(PART_TRAILERS, true, mode), ARRIVAL_TRAILERS);
    }
}

/* One column per body mode, in their order: NONE, STREAMED, BUFFERED, BUFFERED_PARTIAL,
 * FULL_DUPLEX_STREAMED, GRPC, unknown. '+' complete, '-' not, '?' hangs on what is awaited: for IDLE
 * anything at all, for HEADERS the body. */
static const char completeness[N_LANE_STATES][N_BODY_MODES + 2] = {
    /*                NSBPFGu */
    [LANE_IDLE] = "???????",  [LANE_HEADERS] = "+----+?", [LANE_BODY] = "-------",
    [LANE_WHOLE] = "+++++++", [LANE_OVER] = "+++++++",    [LANE_DEAF] = "+++++++",
};

Test(lane, completeness)
{
    for (enum lane_state state = 0; state < N_LANE_STATES; state++) {
        for (enum body_mode mode = 0; mode <= BODY_MODE_UNKNOWN; mode++) {
            for (unsigned awaited = 0; awaited < 1u << N_PARTS; awaited++) {
                bool hangs_on = state == LANE_IDLE ? awaited : awaited & 1u << PART_BODY;
                char drawn = completeness[state][mode];
                bool wanted = drawn == '?' ? !hangs_on : drawn == '+';
                cr_expect_eq(lane_complete(state, mode, awaited), wanted,
                             "state %s, mode %s, awaited %u", lane_state_name(state),
                             body_mode_name(mode), awaited);
            }
        }
    }
}

Test(lane, refusals_say_why)
{
    cr_expect_str_eq(lane_refusal(LANE_HEADERS, PART_HEADERS), "'s headers have come already");
    cr_expect_str_eq(lane_refusal(LANE_BODY, PART_HEADERS), "'s headers come before its body");
    cr_expect_str_eq(lane_refusal(LANE_WHOLE, PART_BODY), "'s whole body has come already");
    cr_expect_str_eq(lane_refusal(LANE_OVER, PART_TRAILERS), " has ended already");
}
