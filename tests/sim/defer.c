/* defer: may_wait() is the host's rule, said again. */
#include "defer.h"

#include "chance.h"
#include "reached.h"
#include "witness.h"

#include <errno.h>

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
enum extproc_action defer_somehow(struct extproc_txn *x)
{
    static bool (*const ways[])(struct extproc_txn *) = {
        wait_for_result, wait_for_result, wait_for_time, wait_for_work, wait_for_work};
    unsigned n = settings.blocks ? 3 : 5; /* without work where the pool runs callbacks */
    bool waits = ways[chance(n)](x) || (chance(4) == 0 && ways[chance(n)](x));
    if (chance(16) == 0) /* whatever it has begun */
        return (enum extproc_action)chance(5);
    return waits ? EXTPROC_ACTION_WAIT : EXTPROC_ACTION_FAIL;
}
