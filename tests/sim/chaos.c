/* chaos: a plugin that does in each callback what chance says.
 *
 * A result is the number of its wait, so that one that comes to the wrong place, or twice, is seen.
 */
#include "chaos.h"

#include <assert.h>
#include <stdlib.h>

enum { WAITS_MAX = 4096 };

struct chaos_counts chaos_counts;

static uint64_t state;

void chance_begin(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15 + 1;
}

uint32_t chance(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 33) % n);
}

/* ---- waits ----------------------------------------------------------------------------------- */

static struct pending {
    struct extproc_wait *wait;
    struct result *result;
} pending[WAITS_MAX];
static size_t n_pending;

struct result {
    bool used;
};

size_t chaos_n_waits(void)
{
    return n_pending;
}

static void resume_at(size_t i)
{
    struct pending p = pending[i];
    pending[i] = pending[--n_pending];
    extproc_resume(p.wait, p.result);
}

void chaos_resume_one(void)
{
    resume_at(chance((uint32_t)n_pending));
}

static void use(struct result *result)
{
    assert(!result->used);
    result->used = true;
    free(result);
}

static void drop(struct extproc_instance *instance, void *result)
{
    chaos_counts.dropped++;
    use(result);
}

static void work(void *arg)
{
}

static enum extproc_action defer(struct extproc_txn *x)
{
    struct result *result = calloc(1, sizeof *result);
    if (chance(8) == 0 && extproc_work(x, work, result, drop) == 0) {
        chaos_counts.deferred++;
        return EXTPROC_ACTION_WAIT;
    }
    struct extproc_wait *wait = extproc_defer(x, chance(2) ? chance(300) : 0, drop);
    if (!wait || n_pending == WAITS_MAX) {
        free(result);
        return EXTPROC_ACTION_FAIL;
    }
    chaos_counts.deferred++;
    pending[n_pending++] = (struct pending){wait, result};
    if (chance(4) == 0) /* before this callback has returned */
        resume_at(n_pending - 1);
    return chance(16) ? EXTPROC_ACTION_WAIT : (enum extproc_action)chance(5);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static bool is_body(const struct extproc_txn *x)
{
    return x->phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY);
}

static enum extproc_map map_of(const struct extproc_txn *x)
{
    static const enum extproc_map maps[2][2] = {
        {EXTPROC_MAP_REQUEST, EXTPROC_MAP_REQUEST_TRAILERS},
        {EXTPROC_MAP_RESPONSE, EXTPROC_MAP_RESPONSE_TRAILERS}};
    bool trailers = x->phase & (EXTPROC_PHASE_REQUEST_TRAILERS | EXTPROC_PHASE_RESPONSE_TRAILERS);
    return maps[extproc_is_response(x)][trailers];
}

static enum extproc_action fail(struct extproc_txn *x)
{
    extproc_header_set(x, map_of(x), EXTPROC_S(CHAOS_UNDONE), EXTPROC_S("1"));
    extproc_metadata_set(x, EXTPROC_S("chaos"), EXTPROC_S("undone"), extproc_bool(true));
    return EXTPROC_ACTION_FAIL;
}

static enum extproc_action act(struct extproc_txn *x)
{
    switch (chance(24)) {
    case 0:
    case 1:
    case 2:
        extproc_header_append(x, map_of(x), EXTPROC_S("x-chaos"), EXTPROC_S("1"));
        return EXTPROC_ACTION_CONTINUE;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
        return defer(x);
    case 8:
        return extproc_waiting(extproc_after(x, chance(300)));
    case 9:
    case 10:
    case 11:
        return is_body(x) && !x->last ? EXTPROC_ACTION_HOLD : EXTPROC_ACTION_CONTINUE;
    case 12:
        return fail(x);
    case 13:
        return chance(4) ? EXTPROC_ACTION_CONTINUE : extproc_reply(x, .status = 403);
    case 14:
        extproc_skip(x, chance(64));
        return EXTPROC_ACTION_CONTINUE;
    case 15:
        return chance(4) ? EXTPROC_ACTION_CONTINUE : (enum extproc_action)chance(8);
    default:
        return EXTPROC_ACTION_CONTINUE;
    }
}

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    if (why == EXTPROC_WAKE_TIMEOUT)
        chaos_counts.timed_out++;
    if (result) {
        chaos_counts.resumed++;
        use(result);
    }
    return act(x);
}

static int on_open(struct extproc_txn *x)
{
    if (chance(64) == 0)
        return -EIO;
    chaos_counts.opened++;
    return 0;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    chaos_counts.closed++;
}

const struct extproc_plugin chaos = {
    .abi = EXTPROC_ABI,
    .name = "chaos",
    .needs = EXTPROC_HOLDS_BODY,
    .open = on_open,
    .close = on_close,
    .request_headers = act,
    .request_body = act,
    .request_trailers = act,
    .response_headers = act,
    .response_body = act,
    .response_trailers = act,
    .resume = on_resume,
};
