/* call: one call of a plugin in a thread of the pool.
 *
 * Only plugin's code runs there: what it returns is judged in the loop's thread. The lock is taken
 * by functions of the SDK that the callback calls, so that the loop's thread can take the
 * transaction back between two of them.
 */
#include "plugin/wait/call.h"

#include "base/rows.h"
#include "plugin/generation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void call_become(struct call *call, enum plugin_call_state next)
{
    static const bool may[N_PLUGIN_CALL_STATES][N_PLUGIN_CALL_STATES] = {
        [CALL_RUNS] = {[CALL_RETURNED] = true, [CALL_REVOKED] = true, [CALL_ENDED] = true},
        [CALL_REVOKED] = {[CALL_ENDED] = true},
    };
    ROWS(may, N_PLUGIN_CALL_STATES, 4);
    assert(may[call->state][next]);
    call->state = next;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void call_run(void *arg)
{
    struct call *call = arg;
    const struct call_plan *plan = &call->plan;
    const struct extproc_plugin *plugin = plan->instance->plugin;
    switch (plan->of) {
    case CALL_OF_OPEN:
        call->r = plugin->open(plan->x);
        break;
    case CALL_OF_PHASE:
        call->action = plan->instance->on[plan->phase](plan->x);
        break;
    case CALL_OF_RESUME:
        call->action = plugin->resume(plan->x, plan->why, plan->result);
        break;
    case CALL_OF_CLOSE:
        plugin->close(plan->x, plan->end);
        break;
    }
}

bool call_enter(struct call *call)
{
    pthread_mutex_lock(&call->mutex);
    if (!call->revoked)
        return true;
    pthread_mutex_unlock(&call->mutex);
    return false;
}

void call_leave(struct call *call)
{
    pthread_mutex_unlock(&call->mutex);
}

/* ---- the loop's thread ----------------------------------------------------------------------- */

static bool call_take(struct call *call)
{
    pthread_mutex_lock(&call->mutex);
    call->revoked = true;
    pthread_mutex_unlock(&call->mutex);
    call_become(call, call->never ? CALL_ENDED : CALL_REVOKED);
    return !call->never;
}

bool call_revoke(struct call *call)
{
    wait_forsake(call->wait);
    return call_take(call);
}

static void call_woken(void *arg, enum extproc_wake why, void *result)
{
    struct call *call = arg;
    if (why == EXTPROC_WAKE_TIMEOUT) {
        call->plan.late(call->plan.arg, call_take(call));
        return;
    }
    call_become(call, CALL_RETURNED);
    call->plan.returned(call->plan.arg);
}

/* No turn has waited for its end: it was revoked, or is close(), or no thread has taken it. */
static void call_dropped(struct extproc_instance *instance, void *arg)
{
    struct call *call = arg;
    bool closes = call->plan.of == CALL_OF_CLOSE;
    if (call->state == CALL_RUNS && !closes) {
        call->never = true;
        return;
    }
    call_become(call, CALL_ENDED);
    call->plan.ended(call->plan.arg, call);
}

/* resume() will not see the result: it is dropped, as one that comes too late is. */
static void call_drop_result(const struct call_plan *plan)
{
    if (plan->of == CALL_OF_RESUME && plan->why == EXTPROC_WAKE_RESULT && plan->drop)
        plan->drop(&plan->instance->pub, plan->result);
}

static struct call *call_new(const struct call_plan *plan, struct waits *waits)
{
    struct call *call = calloc(1, sizeof *call);
    pthread_mutexattr_t attributes;
    if (!call)
        return NULL;
    call->plan = *plan;
    call->waits = waits;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&call->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return call;
}

/* As it stands when the callback begins: it may not look itself. */
static void call_look(struct call *call)
{
    size_t held;
    call->now_ms = call->plan.instance->env->loop->now_ms;
    call->held = waits_exceed(call->waits, &held) ? held : 0;
}

static int call_start(struct call *call)
{
    const struct call_plan *plan = &call->plan;
    const struct work work = {
        .what = {.instance = plan->instance,
                 .generation = plan->generation,
                 .drop = call_dropped,
                 .woken = call_woken,
                 .arg = call},
        .fn = call_run,
        .arg = call,
        .name = plan->name,
    };
    if (plan->of == CALL_OF_CLOSE)
        return wait_run(call->waits, &work);
    if (plan->instance->plugin->resume && plan->of != CALL_OF_OPEN) {
        call->spare = wait_reserve(call->waits, &work.what);
        if (!call->spare)
            return -ENOMEM;
    }
    return wait_work(call->waits, &work, plan->limit_ms, &call->wait);
}

int call_begin(const struct call_plan *plan, struct waits *waits, struct call **ret)
{
    struct call *call = call_new(plan, waits);
    if (!call) {
        call_drop_result(plan);
        return -ENOMEM;
    }
    call_look(call);
    *ret = call; /* before a thread can look for it */
    int r = call_start(call);
    if (r < 0) {
        *ret = NULL;
        call->state = CALL_ENDED; /* it has not begun */
        call->never = true;
        call_free(call);
    }
    return r;
}

static void call_drop_asked(struct call *call)
{
    switch (call->asked) {
    case CALL_ASKED_DEFER:
        wait_forsake(call->spare);
        break;
    case CALL_ASKED_WORK:
        if (call->work.what.drop)
            call->work.what.drop(&call->plan.instance->pub, call->work.arg);
        break;
    case CALL_ASKED_AFTER:
    case CALL_ASKED_NOTHING:
        break;
    }
    if (call->asked != CALL_ASKED_DEFER && call->spare)
        wait_unreserve(call->spare);
}

struct call *call_free(struct call *call)
{
    if (!call)
        return NULL;
    assert(call->state == CALL_RETURNED || call->state == CALL_ENDED);
    call_drop_asked(call);
    if (call->never)
        call_drop_result(&call->plan);
    pthread_mutex_destroy(&call->mutex);
    free(call);
    return NULL;
}

int call_wait(struct call *call, uint64_t limit_ms, struct wait **ret)
{
    int r = 0;
    switch (call->asked) {
    case CALL_ASKED_NOTHING:
        *ret = NULL;
        break;
    case CALL_ASKED_DEFER:
        r = wait_arm(call->spare, call->ms && call->ms < limit_ms ? call->ms : limit_ms);
        if (r < 0)
            return r;
        *ret = call->spare;
        call->spare = NULL;
        break;
    case CALL_ASKED_AFTER:
        *ret = wait_after(call->waits, &call->work.what, call->ms, limit_ms);
        r = *ret ? 0 : -ENOMEM;
        break;
    case CALL_ASKED_WORK:
        r = wait_work(call->waits, &call->work, limit_ms, ret);
        break;
    }
    if (r == 0)
        call->asked = CALL_ASKED_NOTHING;
    return r;
}
