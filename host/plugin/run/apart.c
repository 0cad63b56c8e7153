/* apart: the calls of a plugin that blocks, in a thread of the pool.
 *
 * open() and the callback of a phase are a call each, and between them everything is done in the
 * loop's thread, as for every other plugin: what the plugin needs, what it has returned, what
 * follows from that. While the pool has a call, nothing else happens in its transaction, in either
 * direction: both wait.
 *
 * A call that is late leaves the turn as a failure does, and what the callback had done is undone.
 * It may go on for any time, so all that it was shown stays until it ends: the turn's memory, and
 * the transaction's.
 */
#include "plugin/run/apart.h"

#include "base/loop/pool.h"
#include "plugin/run/handle_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static struct call **apart_slot(const struct handle *h)
{
    return &h->txn->calls->of[h - h->txn->handles];
}

/* False: out of memory. */
static bool apart_ready(struct txn *t)
{
    size_t n = t->chain->n_instances;
    if (!t->calls)
        t->calls = calloc(1, sizeof *t->calls + n * sizeof(struct call *));
    return t->calls;
}

/* The transaction is the loop's again. */
static void apart_take_back(struct txn *t, enum lane lane)
{
    const struct turn *other = t->lanes[other_lane(lane)].waiting;
    t->lent = false;
    if (other && other->waits.wait) /* its result may have come meanwhile */
        wait_again(other->waits.wait);
}

static void on_returned(void *arg)
{
    struct turn *turn = arg;
    turn_lane(turn)->waiting = NULL;
    apart_take_back(turn->txn, turn->event->lane);
    turn_become(turn, TURN_RETURNED);
    turn->wake(turn->wake_arg);
}

static void apart_count_late(struct turn *turn)
{
    turn->n_late++;
    turn->txn->calls->n_late++;
}

static void on_late(void *arg, bool runs)
{
    struct turn *turn = arg;
    turn->called.late = true;
    turn->called.runs = runs;
    if (runs)
        apart_count_late(turn);
    on_returned(arg);
}

/* The plugin has kept what it was shown until now. An open() that was too late has opened it. */
static void on_ended(void *arg, struct call *call)
{
    struct turn *turn = arg;
    struct handle *h = handle_of(call->plan.x);
    struct txn *t = h->txn;
    if (call->plan.of == CALL_OF_OPEN)
        h->opened = call->r == 0;
    *apart_slot(h) = call_free(call);
    turn->n_late--;
    if (turn->n_late == 0 && turn->at == TURN_OVER)
        turn->free(turn->wake_arg);
    t->calls->n_late--;
    if (t->calls->go_on)
        t->calls->go_on(t);
}

static void on_closed(void *arg, struct call *call)
{
    struct txn *t = arg;
    *apart_slot(handle_of(call->plan.x)) = call_free(call);
    t->calls->go_on(t);
}

/* No thread takes its call. */
static enum extproc_action apart_not_called(struct handle *h, enum failure failure, const char *why)
{
    unsigned n, n_threads;
    const struct running_plugin *holder =
        pool_holder(handle_instance(h)->env->pool, &n, &n_threads);
    return handle_failed(h, failure, "%s: %u of %u (pool_threads) run code of plugin %s", why, n,
                         n_threads, holder ? holder->name : "(none)");
}

/* A plugin whose wait has timed out has its time once more, to act on that. */
static uint64_t apart_limit_ms(struct turn *turn, const struct instance *in, enum call_of of)
{
    if (of == CALL_OF_RESUME && turn->waits.why == EXTPROC_WAKE_TIMEOUT)
        turn->waits.due_ms = 0;
    return turn_left_ms(turn, in);
}

/* The pool calls it; apart_returned() follows. */
static enum extproc_action apart_begin(struct handle *h, struct turn *turn, enum call_of of)
{
    static const char *const names[] = {
        [CALL_OF_OPEN] = "open", [CALL_OF_RESUME] = "resume", [CALL_OF_CLOSE] = "close"};
    struct txn *t = turn->txn;
    struct instance *in = t->chain->instances[turn->place];
    const struct call_plan plan = {
        .x = &h->pub,
        .instance = in,
        .generation = t->generation,
        .of = of,
        .phase = turn->phase,
        .name = of == CALL_OF_PHASE ? phase_name(turn->phase) : names[of],
        .why = turn->waits.why,
        .result = turn->waits.result,
        .drop = turn->waits.drop,
        .limit_ms = apart_limit_ms(turn, in, of),
        .returned = on_returned,
        .late = on_late,
        .ended = on_ended,
        .arg = turn,
    };
    (void)txn_id(t); /* from now on it is only read */
    int r = apart_ready(t) ? call_begin(&plan, in->env->waits, apart_slot(h)) : -ENOMEM;
    if (r == -EAGAIN)
        return apart_not_called(h, FAILURE_OVERLOAD, "no thread is free to call it");
    if (r < 0)
        return handle_failed(h, FAILURE_CALLBACK, "%s: out of memory", handle_where(h));
    turn->called.call = *apart_slot(h);
    t->lent = true;
    return EXTPROC_ACTION_WAIT;
}

static enum extproc_action apart_run(struct handle *h, struct turn *turn, const struct instance *in)
{
    if (!h->opened && in->plugin->open)
        return apart_begin(h, turn, CALL_OF_OPEN);
    if (!h->opened)
        (void)handle_opened(h, 0);
    if (h->skipped & phase_bit(turn->phase))
        return EXTPROC_ACTION_CONTINUE;
    h->pub.phase = (enum extproc_phase)phase_bit(turn->phase);
    if (handle_check_needs(h, turn) == EXTPROC_ACTION_FAIL)
        return EXTPROC_ACTION_FAIL;
    return apart_begin(h, turn, CALL_OF_PHASE);
}

static enum extproc_action apart_too_late(struct handle *h, struct turn *turn)
{
    const struct instance *in = handle_instance(h);
    if (!turn->called.runs)
        return apart_not_called(h, FAILURE_TIMEOUT, "no thread has called it within its timeout");
    return handle_failed(h, FAILURE_TIMEOUT,
                         "has not returned within %" PRIu64
                         " ms (timeout): its thread runs on, and what it still does has no effect",
                         in->policy.timeout_ms);
}

/* It is judged as if it had run here. The call is over. */
static enum extproc_action apart_judge(struct handle *h, struct turn *turn, struct call *call)
{
    const struct instance *in = handle_instance(h);
    enum extproc_action action = call->action;
    enum call_of of = call->plan.of;
    bool timeout = of == CALL_OF_RESUME && call->plan.why == EXTPROC_WAKE_TIMEOUT;
    int r = call->r, waits = 0;
    if (of != CALL_OF_OPEN && action == EXTPROC_ACTION_WAIT)
        waits = call_wait(call, turn_left_ms(turn, in), &turn->waits.wait);
    *apart_slot(h) = call_free(call);
    if (of == CALL_OF_OPEN)
        return handle_opened(h, r) == EXTPROC_ACTION_FAIL ? EXTPROC_ACTION_FAIL
                                                          : apart_run(h, turn, in);
    if (waits == -EAGAIN)
        return apart_not_called(h, FAILURE_OVERLOAD, "no thread is free for its work");
    return handle_judge(h, turn, action,
                        of == CALL_OF_PHASE ? FAILURE_CALLBACK
                        : timeout           ? FAILURE_TIMEOUT
                                            : FAILURE_RESUME);
}

/* The call is over, unless the pool has another one now. */
static enum extproc_action apart_leave(struct handle *h, enum extproc_action action)
{
    return h->txn->turn->called.call ? action : handle_leave(h, action);
}

enum extproc_action apart_call(struct turn *turn, uint16_t place, enum phase phase)
{
    struct handle *h = handle_begin(turn, place, phase);
    return apart_leave(h, apart_run(h, turn, turn->txn->chain->instances[place]));
}

enum extproc_action apart_resume(struct turn *turn)
{
    struct handle *h = handle_enter(turn);
    h->pub.phase = (enum extproc_phase)phase_bit(turn->phase);
    return apart_leave(h, apart_begin(h, turn, CALL_OF_RESUME));
}

enum extproc_action apart_returned(struct turn *turn)
{
    struct handle *h = &turn->txn->handles[turn->place];
    struct call *call = turn->called.call;
    bool late = turn->called.late, runs = turn->called.runs;
    turn->called.call = NULL;
    if (!late)
        return apart_leave(h, apart_judge(h, turn, call));
    enum extproc_action action = apart_too_late(h, turn);
    turn->called = (struct turn_call){0};
    turn->txn->turn = NULL;
    if (!runs) { /* or the plugin reads its handle still */
        h->pub.phase = 0;
        *apart_slot(h) = call_free(call);
    }
    return action;
}

void apart_abandon(struct turn *turn)
{
    struct txn *t = turn->txn;
    struct handle *h = &t->handles[turn->place];
    struct call *call = turn->called.call;
    turn->called.call = NULL;
    if (call_revoke(call)) {
        apart_count_late(turn);
    } else {
        h->pub.phase = 0;
        *apart_slot(h) = call_free(call);
    }
    t->turn = NULL;
    apart_take_back(t, turn->event->lane);
}

/* False: out of memory, or there is no thread: then here, since it is owed. The pool has had a call
 * of it before, since it was opened. */
static bool apart_close_there(struct handle *h, enum extproc_end why)
{
    struct txn *t = h->txn;
    struct instance *in = (struct instance *)h->pub.instance;
    const struct call_plan plan = {
        .x = &h->pub,
        .instance = in,
        .generation = t->generation,
        .of = CALL_OF_CLOSE,
        .name = "close",
        .end = why,
        .ended = on_closed,
        .arg = t,
    };
    return t->calls && call_begin(&plan, in->env->waits, apart_slot(h)) == 0;
}

bool apart_close(struct handle *h, enum extproc_end why)
{
    if (!h->opened || !handle_instance(h)->plugin->close)
        return true;
    h->opened = false;
    h->pub.phase = 0;
    if (apart_close_there(h, why))
        return false;
    h->opened = true;
    handle_close(h, why);
    return true;
}
