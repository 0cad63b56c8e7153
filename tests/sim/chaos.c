/* chaos: what a plugin does is drawn in act(); what must hold of it stands in witness.c. */
#include "chaos.h"

#include "chance.h"
#include "defer.h"
#include "reached.h"
#include "witness.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { EDITED_MAX = 600 };

static struct {
    atomic_uint n_routine;
    bool finished;
} instances[PLACES];
static unsigned n_instances, n_opened, n_closed;

static unsigned place_of(const struct extproc_instance *instance)
{
    return (unsigned)((const char *)instance->self - (const char *)instances) /
           (unsigned)sizeof *instances;
}

static enum extproc_map map_of(const struct extproc_txn *x)
{
    static const enum extproc_map maps[2][2] = {
        {EXTPROC_MAP_REQUEST, EXTPROC_MAP_REQUEST_TRAILERS},
        {EXTPROC_MAP_RESPONSE, EXTPROC_MAP_RESPONSE_TRAILERS}};
    return maps[extproc_is_response(x)][is_trailers(x)];
}

static bool is_apart(const struct extproc_instance *instance)
{
    return settings.blocks && place_of(instance) == BLOCKING;
}

/* Another thread has it now: at the end a call may also come back to the loop's. */
static bool is_elsewhere(void)
{
    return !pthread_equal(pthread_self(), kit_loop(kit)->thread);
}

static void begins(const struct extproc_txn *x)
{
    if (!is_elsewhere())
        return;
    world_enter();
    reached(REACHED_APART);
}

static void ends(void)
{
    if (is_elsewhere())
        world_leave();
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
    uint32_t own = extproc_is_response(x) ? WITNESS_RESPONSE : WITNESS_REQUEST;
    uint32_t phases =
        chance(64) &
        (other->held.len > 0 || other->waits ? own : WITNESS_REQUEST | WITNESS_RESPONSE);
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
    enum extproc_action action = extproc_reply(x, .status = WITNESS_STATUS);
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
        return is_apart(x->instance) ? EXTPROC_ACTION_CONTINUE : defer_somehow(x);
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
    const struct seat *seat = x->ctx;
    begins(x);
    DEMAND(place_of(x->instance) == seat->place);
    witness_enter(x, false);
    enum extproc_action action = witness_leave(x, act(x));
    ends();
    return action;
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
    witness_enter(x, true);
    return witness_leave(x, act(x));
}

static int take_seat(struct extproc_txn *x)
{
    struct extproc_str id = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(CHAOS_ID));
    if (!id.ptr)
        id = extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(CHAOS_ID));
    unsigned number = 0;
    for (size_t i = 0; i < id.len; i++)
        number = 10 * number + (unsigned)(id.ptr[i] - '0');
    DEMAND(id.len > 0);
    unsigned place = place_of(x->instance);
    struct seat *seat = &record_at(number)->seats[place];
    x->ctx = seat;
    DEMAND(!seat->failed);
    if (chance(64) == 0) {
        seat->failed = true;
        struct outcome outcome = outcome_of_error(place);
        if (outcome.action != POLICY_CONTINUE && !x->observing && !seat->record->outcome.any)
            seat->record->outcome = outcome;
        return -EIO;
    }
    n_opened++;
    return 0;
}

static int on_open(struct extproc_txn *x)
{
    begins(x);
    int r = take_seat(x);
    ends();
    return r;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    begins(x);
    n_closed++;
    ends();
}

/* ---- the instances --------------------------------------------------------------------------- */

static void routine(struct extproc_instance *instance)
{
    unsigned place = place_of(instance);
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
    unsigned place = place_of(instance);
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

const struct extproc_plugin chaos_needy = {
    .abi = EXTPROC_ABI,
    .name = "chaos_needy",
    .needs = EXTPROC_WHOLE_REQUEST_BODY,
    .init = on_init,
    .fini = on_fini,
    .open = on_open,
    .close = on_close,
    .request_headers = on_any,
    .request_body = on_any,
    .request_trailers = on_any,
    .resume = on_resume,
};
