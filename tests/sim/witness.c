/* witness: foretells what the host makes of what a plugin does, from the section and the record
 * alone.
 */
#include "witness.h"

#include "chance.h"
#include "reached.h"

/* ---- what must hold when it is called -------------------------------------------------------- */

static bool is_needy(const struct seat *seat)
{
    return settings.needy && seat->place == NEEDY;
}

/* Those before it in the walk were called, but for those that have failed, or want nothing of the
 * phase, or are not called with a body of this length. */
static void expect_called(const struct seat *passed, struct extproc_txn *x, size_t len)
{
    bool too_long = is_body(x) && x->body_mode == EXTPROC_BODY_MODE_WHOLE &&
                    len > settings.sections[passed->place].max_body;
    uint32_t skipped =
        passed->skipped | passed->memos[LANE_REQUEST].skips | passed->memos[LANE_RESPONSE].skips;
    DEMAND(passed->failed || (skipped & (uint32_t)x->phase) || too_long || is_needy(passed));
}

/* Bytes that it has held come before those that are new; and those that one before it has held,
 * which is no longer called, before these. */
static void expect_body(struct extproc_txn *x, bool same, const struct text *body)
{
    static struct text expected;
    struct seat *seat = x->ctx;
    enum lane lane = lane_of(x);
    const struct walk *walk = &seat->record->walks[lane];
    expected.len = 0;
    if (same)
        text_copy(&expected, &walk->after.body);
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned place = lane == LANE_REQUEST ? i : PLACES - 1 - i;
        struct seat *other = &seat->record->seats[place];
        struct text *held = &other->memos[lane].held;
        if (place_before(lane, seat->place, place) ||
            (same && !place_before(lane, walk->place, place)))
            continue;
        if (other != seat)
            expect_called(other, x, body->len);
        if (is_body(x)) {
            text_precede(&expected, held);
            held->len = 0;
        }
    }
    if (is_body(x))
        DEMAND(same ? text_same(body, &expected) : text_begins(body, &expected));
}

/* No plugin was called between the two, so the view is the same. Where the memory of transactions
 * is limited a plugin may see less. */
static void expect_view(struct extproc_txn *x, const struct view *now, bool resumes)
{
    struct seat *seat = x->ctx;
    enum lane lane = lane_of(x);
    struct walk *walk = &seat->record->walks[lane];
    bool same = resumes || (walk->goes_on && walk->phase == (uint32_t)x->phase &&
                            place_before(lane, walk->place, seat->place));
    if (settings.max_memory)
        return;
    DEMAND(text_same(&now->headers, &walk->after.headers));
    if (is_trailers(x))
        DEMAND(text_same(&now->trailers, &walk->after.trailers));
    if (same && !seat->record->walks[other_lane(lane)].sets_metadata)
        DEMAND(text_same(&now->metadata, &walk->after.metadata));
    if (resumes)
        DEMAND(text_same(&now->body, &walk->after.body));
    else
        expect_body(x, same, &now->body);
}

void witness_enter(struct extproc_txn *x, bool resumes)
{
    static struct view now;
    struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    DEMAND(!seat->failed && m->waits == resumes);
    DEMAND(resumes || !(seat->skipped & (uint32_t)x->phase));
    DEMAND(!is_needy(seat) || !is_body(x) || x->body_mode == EXTPROC_BODY_MODE_WHOLE);
    view_take(x, &now);
    expect_view(x, &now, resumes);
    if (!resumes) {
        view_copy(&m->before, &now, true);
        m->due_ms = 0;
        m->skips = 0;
        m->holds_end = false;
    }
    m->deferred = m->overloaded = m->answers = m->waits = false;
}

/* ---- what follows when it returns ------------------------------------------------------------ */

enum fate { FATE_GOES_ON, FATE_WAITS, FATE_HOLDS_ALL, FATE_HOLDS_END, FATE_ANSWERS, FATE_FAILS };

static enum fate fails(struct outcome outcome, struct outcome *ret)
{
    *ret = outcome;
    return FATE_FAILS;
}

static size_t len_of_hold(const struct memo *m)
{
    return m->holds_end ? m->n_end : m->before.body.len;
}

static enum fate fate_of_hold(struct extproc_txn *x, struct outcome *ret)
{
    const struct seat *seat = x->ctx;
    const struct memo *m = memo_of(x);
    size_t held;
    if (is_needy(seat) || !is_body(x) || x->last)
        return fails(outcome_of_error(seat->place), ret);
    if (len_of_hold(m) > settings.sections[seat->place].max_body)
        return fails(outcome_of_max_body(seat->place), ret);
    if (too_much_held(&held))
        return fails(outcome_of_overload(), ret);
    return m->holds_end ? FATE_HOLDS_END : FATE_HOLDS_ALL;
}

static enum fate fate_of(struct extproc_txn *x, enum extproc_action action, struct outcome *ret)
{
    const struct seat *seat = x->ctx;
    const struct memo *m = memo_of(x);
    switch ((int)action) {
    case EXTPROC_ACTION_CONTINUE:
        return FATE_GOES_ON;
    case EXTPROC_ACTION_WAIT:
        if (m->deferred)
            return FATE_WAITS;
        break;
    case EXTPROC_ACTION_HOLD:
        return fate_of_hold(x, ret);
    case EXTPROC_ACTION_RESPOND:
        *ret = (struct outcome){true, POLICY_RESPOND, WITNESS_STATUS};
        if (m->answers)
            return FATE_ANSWERS;
        break;
    case EXTPROC_ACTION_FAIL:
        if (m->overloaded)
            return fails(outcome_of_overload(), ret);
        break;
    default:
        break;
    }
    return fails(outcome_of_error(seat->place), ret);
}

/* The first event of a request shows that its body, which the plugin needs, does not come. */
static bool misses_body(struct extproc_txn *x)
{
    const struct seat *seat = x->ctx;
    uint32_t skipped = seat->skipped | memo_of(x)->skips;
    return is_needy(seat) && x->phase == EXTPROC_PHASE_REQUEST_HEADERS && !x->end &&
           x->body_mode == EXTPROC_BODY_MODE_NONE && !(skipped & EXTPROC_PHASE_REQUEST_BODY);
}

/* What it has done before a wait is undone where it fails in the other direction meanwhile. */
static void abandon(struct seat *seat, enum lane lane)
{
    struct memo *m = &seat->memos[lane];
    struct walk *walk = &seat->record->walks[lane];
    if (!m->waits)
        return;
    m->waits = false;
    m->skips = 0;
    m->result = NULL;
    view_copy(&walk->after, &m->before, walk->phase & WITNESS_TRAILERS);
    walk->goes_on = true;
    reached(REACHED_ABANDON);
}

/* An instance that fails for its section's max_body misses the phase, else all that follows. */
static void miss(struct seat *seat, struct extproc_txn *x, bool this_phase_only)
{
    if (this_phase_only) {
        seat->skipped |= (uint32_t)x->phase;
        return;
    }
    seat->failed = true;
    abandon(seat, other_lane(lane_of(x)));
}

static bool for_max_body(struct extproc_txn *x, enum extproc_action action)
{
    const struct seat *seat = x->ctx;
    return action == EXTPROC_ACTION_HOLD && !is_needy(seat) && is_body(x) && !x->last &&
           len_of_hold(memo_of(x)) > settings.sections[seat->place].max_body;
}

/* The last bytes of what it leaves stay with it. */
static void hold_end(struct memo *m, struct text *body)
{
    body->len -= m->n_end;
    m->held.len = 0;
    text_add(&m->held, (struct extproc_str){body->bytes + body->len, m->n_end});
}

/* What the next callback must see. */
static void leave_view(struct extproc_txn *x, enum fate fate)
{
    static struct view now;
    struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    struct walk *walk = &seat->record->walks[lane_of(x)];
    bool undone = fate == FATE_FAILS || fate == FATE_HOLDS_ALL;
    view_take(x, &now);
    view_copy(&walk->after, undone ? &m->before : &now, is_trailers(x));
    if (fate == FATE_HOLDS_ALL)
        text_copy(&m->held, &m->before.body);
    if (fate == FATE_HOLDS_END)
        hold_end(m, &walk->after.body);
}

static void reached_by(enum fate fate, const struct outcome *outcome)
{
    static const enum reached failures[N_POLICY_ACTIONS] = {[POLICY_RESPOND] = REACHED_RESPOND,
                                                            [POLICY_CONTINUE] = REACHED_CONTINUE,
                                                            [POLICY_CLOSE] = REACHED_CLOSE};
    if (fate == FATE_FAILS)
        reached(failures[outcome->action]);
    else if (fate == FATE_HOLDS_ALL)
        reached(REACHED_HOLD);
    else if (fate == FATE_HOLDS_END)
        reached(REACHED_HOLD_END);
}

enum extproc_action witness_leave(struct extproc_txn *x, enum extproc_action action)
{
    struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    struct walk *walk = &seat->record->walks[lane_of(x)];
    struct outcome outcome = {0};
    enum fate fate = fate_of(x, action, &outcome);
    if (fate == FATE_GOES_ON && misses_body(x)) {
        fate = fails(outcome_of_error(seat->place), &outcome);
        reached(REACHED_NEED);
    }
    reached_by(fate, &outcome);
    if (fate == FATE_ANSWERS && x->observing) /* it has no effect */
        fate = FATE_GOES_ON;
    bool goes_on = fate == FATE_GOES_ON || fate == FATE_HOLDS_END;
    bool ends = !x->observing &&
                (fate == FATE_ANSWERS || (fate == FATE_FAILS && outcome.action != POLICY_CONTINUE));
    leave_view(x, fate);
    if (goes_on)
        seat->skipped |= m->skips;
    if (fate != FATE_WAITS)
        m->skips = 0;
    if (fate == FATE_FAILS)
        miss(seat, x, for_max_body(x, action));
    if (for_max_body(x, action))
        reached(REACHED_MAX_BODY);
    if (ends && !seat->record->outcome.any)
        seat->record->outcome = outcome;
    walk->place = seat->place;
    walk->phase = x->phase;
    walk->goes_on = goes_on || (fate == FATE_FAILS && !ends);
    m->waits = fate == FATE_WAITS;
    if (!m->waits)
        m->result = NULL;
    return action;
}
