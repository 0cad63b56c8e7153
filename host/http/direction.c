/* direction: the tables of what may come next and of what is owed, and the words for what may not.
 *
 * A direction is headers, body*, trailers; a proxy may be set to skip any of them, so it may begin
 * anywhere. A body that was sent
 * in one message says `end` only if no trailers follow, so WHOLE is a state of its own: a second
 * body message is refused there, but in BODY it is the next chunk. What is not in a table is
 * refused.
 */
#include "http/direction.h"

#include "base/rows.h"

#include <assert.h>

/* ---- what may come --------------------------------------------------------------------------- */

static const struct step {
    enum task task;
    enum direction_state next;
} next_step[N_DIRECTION_STATES][N_ARRIVALS] = {
    [DIRECTION_IDLE] =
        {
            [ARRIVAL_HEADERS] = {TASK_RUN, DIRECTION_HEADERS},
            [ARRIVAL_HEADERS_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_CHUNK] = {TASK_RUN, DIRECTION_BODY},
            [ARRIVAL_CHUNK_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_WHOLE] = {TASK_RUN, DIRECTION_WHOLE},
            [ARRIVAL_WHOLE_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_TRAILERS] = {TASK_RUN, DIRECTION_OVER},
        },
    [DIRECTION_HEADERS] =
        {
            [ARRIVAL_CHUNK] = {TASK_RUN, DIRECTION_BODY},
            [ARRIVAL_CHUNK_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_WHOLE] = {TASK_RUN, DIRECTION_WHOLE},
            [ARRIVAL_WHOLE_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_TRAILERS] = {TASK_RUN, DIRECTION_OVER},
        },
    [DIRECTION_BODY] =
        {
            [ARRIVAL_CHUNK] = {TASK_RUN, DIRECTION_BODY},
            [ARRIVAL_CHUNK_END] = {TASK_RUN, DIRECTION_OVER},
            [ARRIVAL_TRAILERS] = {TASK_RUN, DIRECTION_OVER},
        },
    [DIRECTION_WHOLE] =
        {
            [ARRIVAL_TRAILERS] = {TASK_RUN, DIRECTION_OVER},
        },
    [DIRECTION_OVER] = {{TASK_REFUSE, DIRECTION_OVER}},
    [DIRECTION_DEAF] =
        {
            [ARRIVAL_HEADERS] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_HEADERS_END] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_CHUNK] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_CHUNK_END] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_WHOLE] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_WHOLE_END] = {TASK_IGNORE, DIRECTION_DEAF},
            [ARRIVAL_TRAILERS] = {TASK_IGNORE, DIRECTION_DEAF},
        },
};
ROWS(next_step, N_DIRECTION_STATES, 6);
ROWS(next_step, N_ARRIVALS, 7);

static enum arrival arrival_of(const struct direction *d, const struct event *event)
{
    switch (event->part) {
    case PART_HEADERS:
        return event->end ? ARRIVAL_HEADERS_END : ARRIVAL_HEADERS;
    case PART_BODY:
        if (mode_of(d->mode)->body == MODE_BODY_WHOLE)
            return event->end ? ARRIVAL_WHOLE_END : ARRIVAL_WHOLE;
        return event->end ? ARRIVAL_CHUNK_END : ARRIVAL_CHUNK;
    case PART_TRAILERS:
    case N_PARTS:
        break;
    }
    return ARRIVAL_TRAILERS;
}

enum task direction_asks(const struct direction *d, const struct event *event)
{
    return next_step[d->state][arrival_of(d, event)].task;
}

static enum owed owed_for(const struct direction *d, const struct event *event)
{
    static const enum owed one[N_PARTS] = {OWED_HEADERS, OWED_BODY, OWED_TRAILERS};
    ROWS(one, N_PARTS, 3);
    if (event->observing)
        return OWED_NOTHING;
    if (event->part == PART_BODY && mode_of(d->mode)->answers == MODE_ANSWERS_MANY)
        return OWED_STREAM;
    return one[event->part];
}

void direction_take(struct direction *d, const struct event *event)
{
    struct step step = next_step[d->state][arrival_of(d, event)];
    assert(step.task == TASK_RUN);
    assert(direction_is_settled(d)); /* one at a time */
    d->state = step.next;
    d->owed = owed_for(d, event);
    d->came |= (uint8_t)(1u << event->part);
    d->has_bytes = d->has_bytes || event->body.len > 0;
}

void direction_close(struct direction *d)
{
    d->state = DIRECTION_DEAF;
    d->owed = OWED_NO_MORE;
}

const char *direction_name(enum direction_state state)
{
    static const char *const state_names[N_DIRECTION_STATES] = {
        [DIRECTION_IDLE] = "IDLE",  [DIRECTION_HEADERS] = "HEADERS",
        [DIRECTION_BODY] = "BODY",  [DIRECTION_WHOLE] = "COMPLETE",
        [DIRECTION_OVER] = "ENDED", [DIRECTION_DEAF] = "DISCARDING",
    };
    ROWS(state_names, N_DIRECTION_STATES, 6);
    return state_names[state];
}

const char *direction_refusal(const struct direction *d, enum part part)
{
    if (d->state == DIRECTION_OVER)
        return " has already ended";
    if (part == PART_HEADERS)
        return d->state == DIRECTION_HEADERS ? "'s headers have already been received"
                                             : "'s headers come before its body";
    return "'s body is already complete";
}

/* ---- what is owed ---------------------------------------------------------------------------- */

/* What is owed after an answer. NEVER: the answer is not owed. */
enum { NEVER = N_OWED };
static const unsigned char owed_after[N_OWED][N_ANSWERS] = {
    [OWED_NOTHING] = {NEVER, NEVER, NEVER, NEVER, NEVER},
    [OWED_HEADERS] = {OWED_NOTHING, NEVER, NEVER, OWED_NO_MORE, OWED_NO_MORE},
    [OWED_BODY] = {NEVER, OWED_NOTHING, NEVER, NEVER, OWED_NO_MORE},
    [OWED_TRAILERS] = {NEVER, NEVER, OWED_NOTHING, NEVER, OWED_NO_MORE},
    [OWED_STREAM] = {NEVER, OWED_STREAM, NEVER, NEVER, OWED_NO_MORE},
    [OWED_NO_MORE] = {NEVER, NEVER, NEVER, NEVER, NEVER},
};
ROWS(owed_after, N_OWED, 6);
ROWS(owed_after, N_ANSWERS, 5);

bool direction_owes(const struct direction *d, enum answer_kind answer)
{
    return owed_after[d->owed][answer] != NEVER;
}

void direction_answer(struct direction *d, enum answer_kind answer)
{
    assert(direction_owes(d, answer));
    d->owed = (enum owed)owed_after[d->owed][answer];
    if (d->owed == OWED_NO_MORE)
        d->state = DIRECTION_DEAF;
}

/* ---- questions ------------------------------------------------------------------------------- */

bool direction_has_passed(const struct direction *d)
{
    bool held = d->state == DIRECTION_HEADERS && mode_of(d->mode)->holds_headers;
    return d->state != DIRECTION_IDLE && d->owed != OWED_HEADERS && !held;
}

unsigned direction_may_come(const struct direction *d)
{
    enum { H = 1 << PART_HEADERS, B = 1 << PART_BODY, T = 1 << PART_TRAILERS };
    static const unsigned char may_come[N_DIRECTION_STATES] = {
        [DIRECTION_IDLE] = H | B | T, [DIRECTION_HEADERS] = B | T, [DIRECTION_BODY] = B | T,
        [DIRECTION_WHOLE] = T,        [DIRECTION_OVER] = 0,        [DIRECTION_DEAF] = 0,
    };
    ROWS(may_come, N_DIRECTION_STATES, 6);
    return may_come[d->state];
}

static bool body_follows(enum body_mode mode, unsigned awaited)
{
    switch (mode_of(mode)->body) {
    case MODE_BODY_NEVER: /* or its messages are gRPC's, and it ends with them */
        return false;
    case MODE_BODY_CHUNKS:
    case MODE_BODY_WHOLE:
        return true;
    case MODE_BODY_UNKNOWN:
        break;
    }
    return awaited & 1u << PART_BODY;
}

bool direction_is_complete(const struct direction *d, unsigned awaited)
{
    switch (d->state) {
    case DIRECTION_IDLE:
        return awaited == 0;
    case DIRECTION_HEADERS:
        return !body_follows(d->mode, awaited);
    case DIRECTION_BODY:
        return false;
    case DIRECTION_WHOLE:
    case DIRECTION_OVER:
    case DIRECTION_DEAF:
    case N_DIRECTION_STATES:
        break;
    }
    return true;
}
