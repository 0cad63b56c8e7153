/* chaos: what a plugin does is drawn in act(); what must hold of it stands in enter() and leave().
 *
 * Undo is exact: a callback that fails or holds first spoils all it can, and the next one that is
 * called must see what it has seen when it began. Nothing else changes a message: each callback
 * sees what the one before it has left, in its own message and in later ones.
 */
#include "chaos.h"

#include "chance.h"
#include "reached.h"
#include "record.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { EDITED_MAX = 600, RESPONSE_STATUS = 403 };
enum {
    TRAILERS = EXTPROC_PHASE_REQUEST_TRAILERS | EXTPROC_PHASE_RESPONSE_TRAILERS,
    REQUEST =
        EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_REQUEST_TRAILERS,
    RESPONSE = EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY |
               EXTPROC_PHASE_RESPONSE_TRAILERS
};

static struct {
    atomic_uint n_routine;
    bool finished;
} instances[PLACES];
static unsigned n_instances, n_opened, n_closed;

static bool is_body(const struct extproc_txn *x)
{
    return x->phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY);
}

static bool is_trailers(const struct extproc_txn *x)
{
    return (uint32_t)x->phase & TRAILERS;
}

static enum lane lane_of(const struct extproc_txn *x)
{
    return extproc_is_response(x) ? LANE_RESPONSE : LANE_REQUEST;
}

static struct memo *memo_of(struct extproc_txn *x)
{
    struct seat *seat = x->ctx;
    return &seat->memos[lane_of(x)];
}

static enum extproc_map map_of(const struct extproc_txn *x)
{
    static const enum extproc_map maps[2][2] = {
        {EXTPROC_MAP_REQUEST, EXTPROC_MAP_REQUEST_TRAILERS},
        {EXTPROC_MAP_RESPONSE, EXTPROC_MAP_RESPONSE_TRAILERS}};
    return maps[extproc_is_response(x)][is_trailers(x)];
}

/* ---- what must hold when it is called -------------------------------------------------------- */

/* Those before it in the walk were called, but for those that have failed, or want nothing of the
 * phase, or are not called with a body of this length. */
static void expect_called(const struct seat *passed, struct extproc_txn *x, size_t len)
{
    bool too_long = is_body(x) && x->body_mode == EXTPROC_BODY_MODE_WHOLE &&
                    len > settings.sections[passed->place].max_body;
    uint32_t skipped =
        passed->skipped | passed->memos[LANE_REQUEST].skips | passed->memos[LANE_RESPONSE].skips;
    DEMAND(passed->failed || (skipped & (uint32_t)x->phase) || too_long);
}

/* Bytes that it has held come before those that are new; and those that one before it has held,
 * which is not called any more, before these. */
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
        text_precede(&expected, held);
        held->len = 0;
    }
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

static void enter(struct extproc_txn *x, bool resumes)
{
    static struct view now;
    struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    DEMAND(x->instance->self == &instances[seat->place]);
    DEMAND(!seat->failed && m->waits == resumes);
    DEMAND(resumes || !(seat->skipped & (uint32_t)x->phase));
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
    if (!is_body(x) || x->last)
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
        *ret = (struct outcome){true, POLICY_RESPOND, RESPONSE_STATUS};
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
    view_copy(&walk->after, &m->before, walk->phase & TRAILERS);
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
    return action == EXTPROC_ACTION_HOLD && is_body(x) && !x->last &&
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

static enum extproc_action leave(struct extproc_txn *x, enum extproc_action action)
{
    struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    struct walk *walk = &seat->record->walks[lane_of(x)];
    struct outcome outcome = {0};
    enum fate fate = fate_of(x, action, &outcome);
    bool goes_on = fate == FATE_GOES_ON || fate == FATE_HOLDS_END;
    reached_by(fate, &outcome);
    bool ends = fate == FATE_ANSWERS || (fate == FATE_FAILS && outcome.action != POLICY_CONTINUE);
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

/* ---- waiting --------------------------------------------------------------------------------- */

/* The rules of extproc_defer(). The time that a section leaves is counted from the first call that
 * they allow. */
static bool may_wait(struct extproc_txn *x)
{
    const struct seat *seat = x->ctx;
    struct memo *m = memo_of(x);
    size_t held;
    if (m->deferred || (m->due_ms && m->due_ms <= now_ms()))
        return false;
    if (too_much_held(&held)) {
        m->overloaded = true;
        reached(REACHED_OVERLOAD);
        return false;
    }
    if (!m->due_ms)
        m->due_ms = now_ms() + settings.sections[seat->place].timeout_ms;
    return true;
}

static void waits(struct memo *m, const struct result *r, uint64_t from_ms, uint64_t limit_ms)
{
    m->deferred = true;
    m->overloaded = false;
    m->result = r;
    m->from_ms = from_ms;
    m->limit_ms = limit_ms < m->due_ms ? limit_ms : m->due_ms;
}

static bool wait_for_result(struct extproc_txn *x)
{
    struct memo *m = memo_of(x);
    uint32_t ms = chance(2) ? chance(300) : 0;
    bool may = may_wait(x);
    struct result *r = result_defer(x, ms);
    DEMAND((r != NULL) == may);
    if (!r)
        return false;
    waits(m, r, now_ms(), ms ? now_ms() + ms : UINT64_MAX);
    if (chance(4) == 0)
        results_bring_last();
    return true;
}

static bool wait_for_time(struct extproc_txn *x)
{
    struct memo *m = memo_of(x);
    uint32_t ms = chance(300);
    bool may = may_wait(x);
    DEMAND((extproc_after(x, ms) == 0) == may);
    if (may)
        waits(m, NULL, now_ms() + ms, UINT64_MAX);
    return may;
}

static bool wait_for_work(struct extproc_txn *x)
{
    struct memo *m = memo_of(x);
    int r;
    bool may = may_wait(x);
    struct result *result = result_work(x, &r);
    DEMAND((r == 0 || r == -EAGAIN) == may);
    if (result)
        waits(m, result, now_ms(), UINT64_MAX);
    else if (may)
        m->overloaded = true;
    return result;
}

/* One that is refused may try another way. */
static enum extproc_action defer(struct extproc_txn *x)
{
    static bool (*const ways[])(struct extproc_txn *) = {
        wait_for_result, wait_for_result, wait_for_time, wait_for_work, wait_for_work};
    bool waits = ways[chance(5)](x) || (chance(4) == 0 && ways[chance(5)](x));
    if (chance(16) == 0) /* whatever it has begun */
        return (enum extproc_action)chance(5);
    return waits ? EXTPROC_ACTION_WAIT : EXTPROC_ACTION_FAIL;
}

/* ---- edits ----------------------------------------------------------------------------------- */

static void edit(struct extproc_txn *x)
{
    static const struct extproc_str names[] = {EXTPROC_STR("x-a"), EXTPROC_STR("x-b"),
                                               EXTPROC_STR("x-c"), EXTPROC_STR("x-d")};
    static const char values[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    struct extproc_str value = {values, 1 + chance(sizeof values - 1)};
    const struct text *there = &memo_of(x)->before.headers;
    enum extproc_edit op =
        there->len > EDITED_MAX ? EXTPROC_EDIT_REMOVE : (enum extproc_edit)chance(5);
    extproc_header_edit(x, map_of(x), op, names[chance(4)], value);
}

static void set_metadata(struct extproc_txn *x)
{
    static const struct extproc_str keys[] = {EXTPROC_STR("m0"), EXTPROC_STR("m1"),
                                              EXTPROC_STR("m2")};
    static const struct extproc_str values[] = {EXTPROC_STR("v"), EXTPROC_STR("w")};
    extproc_metadata_set(x, EXTPROC_S(CHAOS_NAMESPACE), keys[chance(3)],
                         extproc_string(values[chance(2)]));
}

/* Phases of the other direction only where nothing is on its way there that it would have to see
 * again. */
static void skip(struct extproc_txn *x)
{
    const struct seat *seat = x->ctx;
    const struct memo *other = &seat->memos[other_lane(lane_of(x))];
    uint32_t own = extproc_is_response(x) ? RESPONSE : REQUEST;
    uint32_t phases = chance(64) & (other->held.len > 0 || other->waits ? own : REQUEST | RESPONSE);
    extproc_skip(x, phases);
    memo_of(x)->skips |= phases;
}

/* All that a callback can change, for one that is undone. */
static void spoil(struct extproc_txn *x)
{
    static const char bytes[] = "other bytes, and more than there were before";
    extproc_header_set(x, map_of(x), EXTPROC_S(CHAOS_UNDONE), EXTPROC_S("1"));
    extproc_metadata_set(x, EXTPROC_S(CHAOS_NAMESPACE), EXTPROC_S(CHAOS_UNDONE),
                         extproc_string(EXTPROC_S("1")));
    for (unsigned n = chance(4); n > 0; n--)
        edit(x);
    if (chance(4) == 0)
        extproc_header_remove_prefix(x, map_of(x), EXTPROC_S("x-"));
    if (chance(2))
        extproc_body_set(x, (struct extproc_str){bytes, chance(sizeof bytes)});
    if (chance(2))
        set_metadata(x);
    if (chance(2))
        skip(x);
    if (chance(4) == 0)
        extproc_clear_route(x);
    memo_of(x)->skips = 0;
}

static enum extproc_action fail(struct extproc_txn *x)
{
    spoil(x);
    if (chance(4) == 0) /* a response counts only where it is returned */
        extproc_reply(x, .status = 418);
    return EXTPROC_ACTION_FAIL;
}

/* All of it, which undoes what it has done, or the end. */
static enum extproc_action hold(struct extproc_txn *x)
{
    struct memo *m = memo_of(x);
    if (chance(2)) {
        m->n_end = chance((uint32_t)extproc_body(x).len + 1);
        m->holds_end = true;
        return extproc_hold(x, m->n_end);
    }
    if (!m->holds_end && chance(2))
        spoil(x);
    return EXTPROC_ACTION_HOLD;
}

static enum extproc_action respond(struct extproc_txn *x)
{
    enum extproc_action action = extproc_reply(x, .status = RESPONSE_STATUS);
    memo_of(x)->answers = action == EXTPROC_ACTION_RESPOND;
    return action;
}

static void allocate(struct extproc_txn *x)
{
    struct seat *seat = x->ctx;
    size_t len = chance(3000);
    if (extproc_alloc(x, len))
        seat->record->allocated += len;
    DEMAND(!settings.max_memory || seat->record->allocated <= settings.max_memory);
}

static enum extproc_action act(struct extproc_txn *x)
{
    struct seat *seat = x->ctx;
    switch (chance(26)) {
    case 0:
    case 1:
    case 2:
        edit(x);
        return EXTPROC_ACTION_CONTINUE;
    case 3:
        set_metadata(x);
        seat->record->walks[lane_of(x)].sets_metadata = true;
        return EXTPROC_ACTION_CONTINUE;
    case 4:
    case 5:
    case 6:
    case 7:
        if (chance(2))
            edit(x);
        return defer(x);
    case 8:
    case 9:
    case 10:
        return is_body(x) && !x->last ? hold(x) : EXTPROC_ACTION_CONTINUE;
    case 11:
        return fail(x);
    case 12:
        return chance(4) ? EXTPROC_ACTION_CONTINUE : respond(x);
    case 13:
        skip(x);
        return EXTPROC_ACTION_CONTINUE;
    case 14:
        return chance(4) ? EXTPROC_ACTION_CONTINUE : (enum extproc_action)chance(8);
    case 15:
        allocate(x);
        return EXTPROC_ACTION_CONTINUE;
    default:
        return EXTPROC_ACTION_CONTINUE;
    }
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static enum extproc_action on_any(struct extproc_txn *x)
{
    enter(x, false);
    return leave(x, act(x));
}

/* A result is there when its time has come, and the time is over when it says so. */
static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *arg)
{
    struct memo *m = memo_of(x);
    struct result *r = arg;
    DEMAND(m->deferred);
    DEMAND(now_ms() >= (why == EXTPROC_WAKE_TIMEOUT ? m->limit_ms : m->from_ms));
    DEMAND(why == EXTPROC_WAKE_TIMEOUT ? !r : r == m->result);
    reached(why == EXTPROC_WAKE_TIMEOUT ? REACHED_TIMEOUT : REACHED_RESULT);
    if (r) {
        DEMAND(!r->cancelled);
        result_use(r);
    }
    enter(x, true);
    return leave(x, act(x));
}

static int on_open(struct extproc_txn *x)
{
    struct extproc_str id = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(CHAOS_ID));
    if (!id.ptr)
        id = extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(CHAOS_ID));
    unsigned number = 0;
    for (size_t i = 0; i < id.len; i++)
        number = 10 * number + (unsigned)(id.ptr[i] - '0');
    DEMAND(id.len > 0);
    unsigned place = (unsigned)((const char *)x->instance->self - (const char *)instances) /
                     (unsigned)sizeof *instances;
    struct seat *seat = &record_at(number)->seats[place];
    x->ctx = seat;
    DEMAND(!seat->failed);
    if (chance(64) == 0) {
        seat->failed = true;
        struct outcome outcome = outcome_of_error(place);
        if (outcome.action != POLICY_CONTINUE && !seat->record->outcome.any)
            seat->record->outcome = outcome;
        return -EIO;
    }
    n_opened++;
    return 0;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    n_closed++;
}

/* ---- the instances --------------------------------------------------------------------------- */

static void routine(struct extproc_instance *instance)
{
    unsigned place = (unsigned)((const char *)instance->self - (const char *)instances) /
                     (unsigned)sizeof *instances;
    DEMAND(!instances[place].finished);
    atomic_fetch_add(&instances[place].n_routine, 1);
}

static int on_init(struct extproc_instance *instance)
{
    DEMAND(n_instances < PLACES);
    instance->self = &instances[n_instances];
    return extproc_every(instance, settings.sections[n_instances++].every_ms, routine);
}

static void on_fini(struct extproc_instance *instance)
{
    unsigned place = (unsigned)((const char *)instance->self - (const char *)instances) /
                     (unsigned)sizeof *instances;
    instances[place].finished = true;
}

void chaos_begin(void)
{
    n_instances = n_opened = n_closed = 0;
    for (unsigned place = 0; place < PLACES; place++) {
        instances[place].n_routine = 0;
        instances[place].finished = false;
    }
}

void chaos_end(void)
{
    DEMAND(n_opened == n_closed);
    for (unsigned place = 0; place < PLACES; place++)
        DEMAND(instances[place].finished);
}

void chaos_check_routines(uint64_t now)
{
    for (unsigned place = 0; place < PLACES; place++)
        DEMAND(instances[place].n_routine == now / settings.sections[place].every_ms);
}

const struct extproc_plugin chaos = {
    .abi = EXTPROC_ABI,
    .name = "chaos",
    .needs = EXTPROC_HOLDS_BODY,
    .init = on_init,
    .fini = on_fini,
    .open = on_open,
    .close = on_close,
    .request_headers = on_any,
    .request_body = on_any,
    .request_trailers = on_any,
    .response_headers = on_any,
    .response_body = on_any,
    .response_trailers = on_any,
    .resume = on_resume,
};
