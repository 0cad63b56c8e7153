/* The tables of what may come next and of what is owed: every state with every arrival and answer,
 * written out a second time as a picture, so that a change of one is seen beside the other. */
#include "http/direction.h"

#include <criterion/criterion.h>
#include <signal.h>

/* ---- what may come --------------------------------------------------------------------------- */

/* One column per arrival, in their order: h headers, H with end, c chunk, C, w all of it, W, t
 * trailers. '-' refused, '.' ignored, else the first letter of the state that follows (B body, C
 * complete, E ended). */
static const char picture[N_DIRECTION_STATES][N_ARRIVALS + 1] = {
    /*                       hHcCwWt */
    [DIRECTION_IDLE] = "HEBECEE",  [DIRECTION_HEADERS] = "--BECEE", [DIRECTION_BODY] = "--BE--E",
    [DIRECTION_WHOLE] = "------E", [DIRECTION_OVER] = "-------",    [DIRECTION_DEAF] = ".......",
};

static struct event arrives(enum lane lane, enum arrival arrival, enum body_mode *ret_mode)
{
    static const enum part parts[N_ARRIVALS] = {
        [ARRIVAL_HEADERS] = PART_HEADERS,   [ARRIVAL_HEADERS_END] = PART_HEADERS,
        [ARRIVAL_CHUNK] = PART_BODY,        [ARRIVAL_CHUNK_END] = PART_BODY,
        [ARRIVAL_WHOLE] = PART_BODY,        [ARRIVAL_WHOLE_END] = PART_BODY,
        [ARRIVAL_TRAILERS] = PART_TRAILERS,
    };
    struct event event = {.end = arrival == ARRIVAL_HEADERS_END || arrival == ARRIVAL_CHUNK_END ||
                                 arrival == ARRIVAL_WHOLE_END || arrival == ARRIVAL_TRAILERS};
    event_is(&event, phase_of(lane, parts[arrival]));
    *ret_mode = arrival == ARRIVAL_WHOLE || arrival == ARRIVAL_WHOLE_END ? BODY_MODE_BUFFERED
                                                                         : BODY_MODE_STREAMED;
    return event;
}

static char drawn(enum direction_state state, enum arrival arrival)
{
    struct direction d = {.state = state};
    struct event event = arrives(LANE_REQUEST, arrival, &d.mode);
    switch (direction_asks(&d, &event)) {
    case TASK_REFUSE:
        return '-';
    case TASK_IGNORE:
        return '.';
    case TASK_RUN:
        break;
    }
    direction_take(&d, &event);
    cr_assert_eq(d.came, 1u << event.part);
    return direction_name(d.state)[0];
}

Test(direction, what_may_come)
{
    for (enum direction_state state = 0; state < N_DIRECTION_STATES; state++) {
        for (enum arrival arrival = 0; arrival < N_ARRIVALS; arrival++)
            cr_expect_eq(drawn(state, arrival), picture[state][arrival], "state %s, arrival %d",
                         direction_name(state), (int)arrival);
    }
}

/* What may come is what the table would run, in some mode. */
Test(direction, what_may_still_come)
{
    for (enum direction_state state = 0; state < N_DIRECTION_STATES; state++) {
        unsigned parts = 0;
        for (enum arrival arrival = 0; arrival < N_ARRIVALS; arrival++) {
            struct direction d = {.state = state};
            struct event event = arrives(LANE_RESPONSE, arrival, &d.mode);
            if (direction_asks(&d, &event) == TASK_RUN)
                parts |= 1u << event.part;
        }
        struct direction d = {.state = state};
        cr_expect_eq(direction_may_come(&d), parts, "state %s", direction_name(state));
        cr_expect_eq(direction_is_over(&d), parts == 0, "state %s", direction_name(state));
    }
}

Test(direction, bytes_are_noted)
{
    struct direction d = {.mode = BODY_MODE_STREAMED};
    struct event event = {0};
    event_is(&event, PHASE_REQUEST_BODY);
    direction_take(&d, &event);
    cr_expect_not(d.has_bytes);
    direction_answer(&d, ANSWER_BODY);
    event.body.len = 1;
    direction_take(&d, &event);
    cr_expect(d.has_bytes);
}

/* One column per body mode, in their order: NONE, STREAMED, BUFFERED, BUFFERED_PARTIAL,
 * FULL_DUPLEX_STREAMED, GRPC, unknown. '+' complete, '-' not, '?' hangs on what is awaited: for
 * IDLE anything at all, for HEADERS the body. */
static const char completeness[N_DIRECTION_STATES][N_BODY_MODES + 2] = {
    /*                       NSBPFGu */
    [DIRECTION_IDLE] = "???????",  [DIRECTION_HEADERS] = "+----+?", [DIRECTION_BODY] = "-------",
    [DIRECTION_WHOLE] = "+++++++", [DIRECTION_OVER] = "+++++++",    [DIRECTION_DEAF] = "+++++++",
};

Test(direction, completeness)
{
    for (enum direction_state state = 0; state < N_DIRECTION_STATES; state++) {
        for (enum body_mode mode = 0; mode <= BODY_MODE_UNKNOWN; mode++) {
            for (unsigned awaited = 0; awaited < 1u << N_PARTS; awaited++) {
                struct direction d = {.state = state, .mode = mode};
                bool hangs_on = state == DIRECTION_IDLE ? awaited : awaited & 1u << PART_BODY;
                char mark = completeness[state][mode];
                bool wanted = mark == '?' ? !hangs_on : mark == '+';
                cr_expect_eq(direction_is_complete(&d, awaited), wanted,
                             "state %s, mode %s, awaited %u", direction_name(state),
                             body_mode_name(mode), awaited);
            }
        }
    }
}

Test(direction, refusals_say_why)
{
    static const struct {
        enum direction_state state;
        enum part part;
        const char *why;
    } cases[] = {
        {DIRECTION_HEADERS, PART_HEADERS, "'s headers have already been received"},
        {DIRECTION_BODY, PART_HEADERS, "'s headers come before its body"},
        {DIRECTION_WHOLE, PART_BODY, "'s body is already complete"},
        {DIRECTION_OVER, PART_TRAILERS, " has already ended"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct direction d = {.state = cases[i].state};
        cr_expect_str_eq(direction_refusal(&d, cases[i].part), cases[i].why);
    }
}

/* ---- what is owed ---------------------------------------------------------------------------- */

/* One column per answer: h headers, b body, t trailers, r replacement, i instead. '-' not owed,
 * else what is owed after it: 0 nothing, s a stream, x nothing ever again. */
static const char owed_picture[N_OWED][N_ANSWERS + 1] = {
    /*                    hbtri */
    [OWED_NOTHING] = "-----",  [OWED_HEADERS] = "0--xx", [OWED_BODY] = "-0--x",
    [OWED_TRAILERS] = "--0-x", [OWED_STREAM] = "-s--x",  [OWED_NO_MORE] = "-----",
};

static char after(enum owed owed, enum answer_kind answer)
{
    static const char letters[N_OWED + 1] = "0hbtsx";
    struct direction d = {.state = DIRECTION_BODY, .owed = owed};
    if (!direction_owes(&d, answer))
        return '-';
    direction_answer(&d, answer);
    cr_assert_eq(d.state == DIRECTION_DEAF, d.owed == OWED_NO_MORE);
    return letters[d.owed];
}

Test(direction, what_is_owed)
{
    for (enum owed owed = 0; owed < N_OWED; owed++) {
        for (enum answer_kind answer = 0; answer < N_ANSWERS; answer++)
            cr_expect_eq(after(owed, answer), owed_picture[owed][answer], "owed %d, answer %d",
                         (int)owed, (int)answer);
    }
}

static enum owed owed_for(enum phase phase, enum body_mode mode, bool observing)
{
    struct direction d = {.mode = mode};
    struct event event = {.observing = observing};
    event_is(&event, phase);
    direction_take(&d, &event);
    return d.owed;
}

Test(direction, each_event_is_owed_its_own_kind_of_answer)
{
    cr_expect_eq(owed_for(PHASE_REQUEST_HEADERS, BODY_MODE_NONE, false), OWED_HEADERS);
    cr_expect_eq(owed_for(PHASE_RESPONSE_BODY, BODY_MODE_STREAMED, false), OWED_BODY);
    cr_expect_eq(owed_for(PHASE_RESPONSE_BODY, BODY_MODE_BUFFERED, false), OWED_BODY);
    cr_expect_eq(owed_for(PHASE_RESPONSE_TRAILERS, BODY_MODE_BUFFERED, false), OWED_TRAILERS);
    cr_expect_eq(owed_for(PHASE_REQUEST_BODY, BODY_MODE_FULL_DUPLEX_STREAMED, false), OWED_STREAM);
}

Test(direction, a_proxy_that_observes_is_owed_nothing)
{
    for (enum phase phase = 0; phase < N_PHASES; phase++)
        cr_expect_eq(owed_for(phase, BODY_MODE_STREAMED, true), OWED_NOTHING);
}

Test(direction, an_answer_that_is_not_owed_stops_us, .signal = SIGABRT)
{
    struct direction d = {.owed = OWED_BODY};
    direction_answer(&d, ANSWER_HEADERS);
}

Test(direction, an_event_that_may_not_come_is_not_taken, .signal = SIGABRT)
{
    struct direction d = {.state = DIRECTION_OVER};
    struct event event = {0};
    event_is(&event, PHASE_REQUEST_BODY);
    direction_take(&d, &event);
}

Test(direction, an_event_is_answered_before_the_next, .signal = SIGABRT)
{
    struct direction d = {.mode = BODY_MODE_STREAMED};
    struct event event = {0};
    event_is(&event, PHASE_REQUEST_BODY);
    direction_take(&d, &event);
    direction_take(&d, &event);
}

Test(direction, what_was_closed_is_over)
{
    struct direction d = {.state = DIRECTION_HEADERS, .owed = OWED_HEADERS};
    direction_close(&d);
    cr_expect(direction_is_over(&d));
    cr_expect_not(direction_owes(&d, ANSWER_INSTEAD));
    cr_expect_eq(direction_may_come(&d), 0);
}

/* ---- headers that went on -------------------------------------------------------------------- */

Test(direction, headers_have_passed_once_they_are_answered_and_not_held)
{
    struct direction d = {.mode = BODY_MODE_STREAMED};
    struct event event = {0};
    cr_expect_not(direction_has_passed(&d));
    event_is(&event, PHASE_RESPONSE_HEADERS);
    direction_take(&d, &event);
    cr_expect_not(direction_has_passed(&d));
    direction_answer(&d, ANSWER_HEADERS);
    cr_expect(direction_has_passed(&d));
    d.mode = BODY_MODE_BUFFERED;
    cr_expect_not(direction_has_passed(&d));
    d.state = DIRECTION_WHOLE;
    cr_expect(direction_has_passed(&d));
}
