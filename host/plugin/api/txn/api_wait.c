/* api_wait: a callback goes on later. */
#include "base/loop/pool.h"
#include "base/str.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

static int wait_refuse(struct handle *h, const char *call, int r, const char *why)
{
    return handle_refuse_why(h, call, STR_ABSENT, r, why);
}

/* What a callback in the pool may not look at itself is as it was when it began. */
static bool wait_exceeds(struct handle *h, size_t *ret_held)
{
    const struct call *call = handle_call_of(h);
    if (!call)
        return waits_exceed(handle_instance(h)->env->waits, ret_held);
    *ret_held = call->held;
    return call->held > 0;
}

/* More is held for plugins that wait than the operator wants: this one may not. */
static int wait_check_held(struct handle *h, struct turn *turn, const char *call)
{
    char why[REFUSAL_TEXT];
    size_t held;
    if (!wait_exceeds(h, &held))
        return 0;
    snprintf(why, sizeof why,
             "%zu bytes are held for plugins that wait, more than half of max_held in [extprocd]",
             held);
    turn->overloaded = true;
    return wait_refuse(h, call, -ENOSPC, why);
}

/* A callback that goes on waiting when its time is over would do so without end. */
static bool wait_is_over(const struct handle *h, const struct turn *turn)
{
    const struct call *call = handle_call_of(h);
    uint64_t now = call ? call->now_ms : h->txn->loop->now_ms;
    return turn->waits.due_ms && turn->waits.due_ms <= now;
}

static bool wait_is_asked(const struct handle *h, const struct turn *turn)
{
    const struct call *call = handle_call_of(h);
    return turn->waits.wait || (call && call->asked != CALL_ASKED_NOTHING);
}

/* May this callback wait? 0, or a reason is remembered. */
static int wait_check(struct handle *h, const char *call)
{
    struct turn *turn = handle_turn(h);
    const struct instance *in = handle_instance(h);
    if (!turn)
        return wait_refuse(h, call, -EOPNOTSUPP, "not in a phase");
    turn->overloaded = false; /* what this call comes to counts, not an earlier one */
    if (!in->plugin->resume)
        return wait_refuse(h, call, -EOPNOTSUPP, "the plugin's descriptor has no resume()");
    if (!in->env->waits)
        return wait_refuse(h, call, -EOPNOTSUPP, "this host cannot wait");
    if (wait_is_asked(h, turn))
        return wait_refuse(h, call, -EBUSY, "this callback has deferred already");
    if (wait_is_over(h, turn))
        return wait_refuse(h, call, -ETIME, "the time of this phase is over (timeout)");
    return wait_check_held(h, turn, call);
}

static struct wait_for wait_of(struct handle *h, void (*drop)(struct extproc_instance *, void *))
{
    struct turn *turn = handle_turn(h);
    assert(turn); /* wait_check() */
    turn->waits.drop = drop;
    return (struct wait_for){
        .instance = (struct instance *)h->pub.instance,
        .generation = h->txn->generation,
        .drop = drop,
        .woken = turn_woken,
        .busy = turn_busy,
        .arg = turn,
    };
}

/* A callback in the pool: it begins when that has returned. */
static void wait_ask(struct call *call, enum call_asked asked, const struct work *work, uint32_t ms)
{
    call->asked = asked;
    call->work = *work;
    call->ms = ms;
}

struct extproc_wait *api_defer(struct extproc_txn *x, uint32_t timeout_ms,
                               void (*drop)(struct extproc_instance *, void *))
{
    struct handle *h = handle_of(x);
    struct extproc_wait *wait = NULL;
    if (wait_check(h, "extproc_defer") < 0)
        return NULL;
    struct work work = {.what = wait_of(h, drop)};
    work.what.transaction = txn_id(h->txn);
    struct call *call = handle_call_of(h);
    if (call) {
        wait_ask(call, CALL_ASKED_DEFER, &work, timeout_ms);
        return wait_lend_reserved(call->spare, &work.what);
    }
    struct turn *turn = handle_turn(h);
    assert(turn); /* wait_check() */
    uint64_t limit = turn_left_ms(turn, handle_instance(h));
    if (timeout_ms && timeout_ms < limit)
        limit = timeout_ms;
    turn->waits.wait = wait_new(handle_instance(h)->env->waits, &work.what, limit, &wait);
    if (!wait)
        handle_refuse(h, "extproc_defer", STR_ABSENT, -ENOMEM);
    return wait;
}

int api_after(struct extproc_txn *x, uint32_t ms)
{
    struct handle *h = handle_of(x);
    int r = wait_check(h, "extproc_after");
    if (r < 0)
        return r;
    struct work work = {.what = wait_of(h, NULL)};
    struct call *call = handle_call_of(h);
    if (call) {
        wait_ask(call, CALL_ASKED_AFTER, &work, ms);
        return 0;
    }
    struct turn *turn = handle_turn(h);
    assert(turn); /* wait_check() */
    turn->waits.wait = wait_after(handle_instance(h)->env->waits, &work.what, ms,
                                  turn_left_ms(turn, handle_instance(h)));
    return turn->waits.wait ? 0 : handle_refuse(h, "extproc_after", STR_ABSENT, -ENOMEM);
}

/* Who has the threads: maybe work whose transactions have ended long ago. */
static int work_refuse_full(struct handle *h)
{
    char why[REFUSAL_TEXT];
    unsigned n, n_threads;
    const struct running_plugin *holder =
        pool_holder(handle_instance(h)->env->pool, &n, &n_threads);
    if (!holder)
        return wait_refuse(h, "extproc_work", -EAGAIN, "no thread can be started (pool_threads)");
    snprintf(why, sizeof why,
             "too much work waits for the threads: %u of %u (pool_threads) run work of plugin %s",
             n, n_threads, holder->name);
    return wait_refuse(h, "extproc_work", -EAGAIN, why);
}

int api_work(struct extproc_txn *x, void (*fn)(void *arg), void *arg,
             void (*drop)(struct extproc_instance *, void *arg))
{
    struct handle *h = handle_of(x);
    struct waits *waits = handle_instance(h)->env->waits;
    if (!fn)
        return handle_refuse(h, "extproc_work", STR_ABSENT, -EINVAL);
    int r = wait_check(h, "extproc_work");
    if (r < 0)
        return r;
    struct work work = {.what = wait_of(h, drop), .fn = fn, .arg = arg};
    struct call *call = handle_call_of(h);
    if (call) {
        wait_ask(call, CALL_ASKED_WORK, &work, 0);
        return 0;
    }
    struct turn *turn = handle_turn(h);
    assert(turn); /* wait_check() */
    r = wait_work(waits, &work, turn_left_ms(turn, handle_instance(h)), &turn->waits.wait);
    turn->overloaded = r == -EAGAIN;
    if (r == -EAGAIN)
        return work_refuse_full(h);
    return r < 0 ? handle_refuse(h, "extproc_work", STR_ABSENT, r) : 0;
}
