/* handle: calls one plugin, and logs what is wrong with what it returned.
 *
 * Invariant: of what a plugin returns, only one of the five actions leaves this file, RESPOND only
 * with a response, and WAIT only with a wait. A plugin whose needs the proxy does not meet is not
 * called: it would treat a part of the body as the complete body.
 */
#include "plugin/run/handle.h"

#include "base/str.h"
#include "http/rules/rules.h"
#include "plugin/run/handle_private.h"
#include "plugin/wait/keep.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ERRNO_MAX = 4095, FAILED_TEXT = 384 };

/* ---- the log --------------------------------------------------------------------------------- */

const char *handle_where(const struct handle *h)
{
    if (h->pub.phase)
        return phase_name(h->txn->turn->phase);
    return h->txn->turn ? "open" : "close";
}

static struct log_context handle_context(const struct handle *h)
{
    struct log_context context = txn_log_context(h->txn);
    context.plugin = handle_instance(h)->name;
    context.phase = handle_where(h);
    return context;
}

void handle_vlog(struct handle *h, enum extproc_level level, const char *fmt, va_list ap)
{
    struct log *log = handle_instance(h)->env->log;
    if (!log_wants(log, level))
        return;
    struct log_context context = handle_context(h);
    log_vline(log, level, &context, fmt, ap);
}

void handle_log_text(struct handle *h, enum extproc_level level, struct extproc_str key,
                     struct extproc_str text)
{
    struct log *log = handle_instance(h)->env->log;
    if (!log_wants(log, level))
        return;
    struct log_context context = handle_context(h);
    log_text(log, level, &context, key, text);
}

void handle_log(struct handle *h, enum extproc_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    handle_vlog(h, level, fmt, ap);
    va_end(ap);
}

/* Notes why the instance is of no use here, and logs it, with the key that decides what follows
 * where that is not a response. */
static enum extproc_action handle_failed_text(struct handle *h, enum failure failure,
                                              struct extproc_str key, const char *text)
{
    struct failure_effect effect = failure_effect(failure, &handle_instance(h)->policy);
    char line[FAILED_TEXT + 32];
    h->txn->turn->failure = failure;
    snprintf(line, sizeof line, "%s", text);
    if (effect.action != POLICY_RESPOND && !h->pub.observing)
        snprintf(line, sizeof line, "%s (%s = %s)", text, effect.key,
                 policy_action_name(effect.action));
    handle_log_text(h, effect.level, key, extproc_str_of(line));
    if (failure == FAILURE_MEMORY) {
        struct log_context context = handle_context(h);
        txn_report_memory(h->txn, &context);
    }
    return EXTPROC_ACTION_FAIL;
}

enum extproc_action handle_failed(struct handle *h, enum failure failure, const char *fmt, ...)
{
    char text[FAILED_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return handle_failed_text(h, failure, extproc_str_of(fmt), text);
}

/* ---- why it fails ---------------------------------------------------------------------------- */

static struct refusal *handle_refused(const struct handle *h)
{
    return h->txn->turn ? &h->txn->turn->refused : NULL; /* close() cannot fail */
}

int handle_refuse_why(struct handle *h, const char *call, struct extproc_str subject, int r,
                      const char *why)
{
    refusal_of_call(handle_refused(h), handle_instance(h)->section, call, subject, why);
    return r;
}

int handle_refuse(struct handle *h, const char *call, struct extproc_str subject, int r)
{
    return handle_refuse_why(h, call, subject, r, extproc_strerror(r));
}

void handle_fail(struct handle *h, struct extproc_str key, struct extproc_str why)
{
    refusal_of_plugin(handle_refused(h), handle_instance(h)->section, key, why);
}

/* A plugin that was refused memory fails for that reason. */
static enum failure handle_reason(const struct handle *h, enum failure failure)
{
    return h->txn->memory.refused ? FAILURE_MEMORY : failure;
}

/* The line's kind is what was refused, so that one reason does not keep another out of the log. */
static enum extproc_action handle_failed_itself(struct handle *h, enum failure failure)
{
    const struct refusal *refused = handle_refused(h);
    char text[FAILED_TEXT];
    failure = handle_reason(h, failure);
    if (!*refused->text)
        return handle_failed(h, failure,
                             "%s failed without a reason (a plugin can log one with "
                             "extproc_fail())",
                             handle_where(h));
    snprintf(text, sizeof text, "%s failed: %s", handle_where(h), refused->text);
    return handle_failed_text(h, failure, extproc_str_of(refused->key), text);
}

/* ---- what the plugin sees -------------------------------------------------------------------- */

static uint64_t whole_body_need(enum phase phase)
{
    return phase_lane(phase) == LANE_REQUEST ? EXTPROC_WHOLE_REQUEST_BODY
                                             : EXTPROC_WHOLE_RESPONSE_BODY;
}

static enum extproc_body_mode handle_body_mode(const struct instance *instance,
                                               const struct turn *turn, enum framing framing)
{
    bool asked = instance->plugin->needs & whole_body_need(turn->phase);
    if (framing == FRAMING_NONE || framing == FRAMING_TUNNEL)
        return EXTPROC_BODY_MODE_NONE;
    if (turn->replaced || (turn->whole && asked))
        return EXTPROC_BODY_MODE_WHOLE;
    return turn_mode(turn)->shown;
}

/* After a replacement the body comes after the headers, and then nothing. What a tunnel carries
 * does not come. */
static bool handle_end(const struct turn *turn, enum framing framing)
{
    if (framing == FRAMING_TUNNEL)
        return true;
    if (turn->replaced)
        return phase_part(turn->phase) == PART_BODY;
    return turn->event->end || phase_part(turn->phase) == PART_TRAILERS;
}

/* Is it known that no byte of the body follows? */
static bool handle_last(const struct turn *turn, enum framing framing)
{
    switch (phase_part(turn->phase)) {
    case PART_HEADERS:
        return handle_end(turn, framing) || (!turn->replaced && framing == FRAMING_NONE);
    case PART_BODY:
        return handle_end(turn, framing) || turn->whole;
    case PART_TRAILERS:
    case N_PARTS:
        break;
    }
    return true;
}

static void handle_ready(struct handle *h, struct turn *turn, struct instance *instance)
{
    enum framing framing = txn_framing(turn->txn, turn->event->lane);
    refusal_forget(&turn->refused);
    h->txn = turn->txn;
    h->pub.api = instance->pub.api;
    h->pub.instance = &instance->pub;
    h->pub.self = instance->pub.self;
    h->pub.body_mode = handle_body_mode(instance, turn, framing);
    h->pub.end = handle_end(turn, framing);
    h->pub.last = handle_last(turn, framing);
    h->pub.observing = turn->txn->observing;
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* A watch has named it in the log while it blocked; now the transaction is known too. */
static __attribute__((cold)) void handle_blocked(struct handle *h, uint64_t ms)
{
    const struct instance *in = handle_instance(h);
    const struct metric_definition blocked = {
        .name = "blocked",
        .help = "Calls of a plugin that blocked all transactions for longer than its timeout.",
        .labels = {[METRIC_CHAIN] = h->txn->chain->name,
                   [METRIC_PLUGIN] = in->name,
                   [METRIC_PHASE] = handle_where(h)}};
    if (in->env->metrics)
        loop_count(h->txn->loop, metrics_define(in->env->metrics, &blocked), 1);
    handle_log(h, EXTPROC_LEVEL_WARN,
               "the plugin has blocked all transactions for %" PRIu64 " ms (timeout = %" PRIu64
               "ms)",
               ms, in->policy.timeout_ms);
}

static void handle_runs(const struct handle *h, const struct instance *instance, const char *phase)
{
    loop_runs(h->txn->loop, &instance->who, phase);
}

static void handle_ran(struct handle *h)
{
    uint64_t ms = loop_ran(h->txn->loop);
    if (ms > 0)
        handle_blocked(h, ms);
}

static __attribute__((cold)) enum extproc_action handle_not_opened(struct handle *h, int r)
{
    const char *text = r < 0 && r >= -ERRNO_MAX ? strerrordesc_np(-r) : NULL;
    if (text && *handle_refused(h)->text)
        return handle_failed_itself(h, FAILURE_OPEN);
    return handle_failed(h, handle_reason(h, FAILURE_OPEN), "open() returned %d (%s)", r,
                         text ? text : "expected 0 or -errno");
}

enum extproc_action handle_opened(struct handle *h, int r)
{
    h->opened = r == 0;
    if (!h->opened)
        return handle_not_opened(h, r);
    /* What it has skipped stays skipped, and the phase that follows has reasons of its own. */
    h->txn->turn->decided.skips = 0;
    refusal_forget(handle_refused(h));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action handle_open(struct handle *h, const struct instance *instance)
{
    handle_runs(h, instance, "open");
    int r = instance->plugin->open ? instance->plugin->open(&h->pub) : 0;
    handle_ran(h);
    return handle_opened(h, r);
}

static const char *advice(const char *const texts[N_LANES], enum lane lane)
{
    return texts[lane] ? texts[lane] : "this proxy cannot";
}

/* A complete body may be larger than the operator wants to have processed. */
static enum extproc_action handle_check_size(struct handle *h, const struct turn *turn)
{
    size_t len = turn->event->body.len, max = handle_instance(h)->policy.max_body;
    if (h->pub.body_mode != EXTPROC_BODY_MODE_WHOLE || !max || len <= max)
        return EXTPROC_ACTION_CONTINUE;
    return handle_failed(h, FAILURE_MAX_BODY, "body of %zu bytes exceeds max_body (%zu)", len, max);
}

/* A body phase must be what the plugin said it needs, and the operator. */
enum extproc_action handle_check_needs(struct handle *h, const struct turn *turn)
{
    uint64_t needs = handle_instance(h)->plugin->needs;
    const struct rules *rules = turn->txn->rules;
    enum lane lane = turn->event->lane;
    if (phase_part(turn->phase) != PART_BODY)
        return EXTPROC_ACTION_CONTINUE;
    if ((needs & whole_body_need(turn->phase)) && h->pub.body_mode != EXTPROC_BODY_MODE_WHOLE)
        return handle_failed(h, FAILURE_NEED,
                             "needs the complete body, and the proxy sends it in pieces (%s)",
                             advice(rules->sends_complete_body, lane));
    if ((needs & EXTPROC_HEADERS_WAIT) && !(turn->allowed & MAY_EDIT_HEADERS))
        return handle_failed(h, FAILURE_NEED,
                             "edits headers after the body, and the proxy does not hold them back "
                             "(%s)",
                             advice(rules->holds_headers, lane));
    return handle_check_size(h, turn);
}

/* May it see these bytes again, together with the next ones? */
static enum extproc_action handle_judge_hold(struct handle *h, const struct turn *turn,
                                             enum failure failure)
{
    const struct instance *in = handle_instance(h);
    bool end_only = turn->decided.holds_end;
    size_t len = end_only ? turn->decided.held : turn->undo.body.len;
    size_t limit = keep_limit(in), held;
    if (!(in->plugin->needs & EXTPROC_HOLDS_BODY))
        return handle_failed(h, failure,
                             "callback returned EXTPROC_ACTION_HOLD, and the plugin's needs do not "
                             "have EXTPROC_HOLDS_BODY");
    if (phase_part(turn->phase) != PART_BODY || h->pub.last)
        return handle_failed(
            h, failure, "callback returned EXTPROC_ACTION_HOLD, and no bytes of a body follow");
    if (end_only && len > turn->event->body.len)
        return handle_failed(
            h, failure, "extproc_hold() of %zu bytes: the callback has left a body of %zu bytes",
            len, turn->event->body.len);
    if (len > limit)
        return handle_failed(h, FAILURE_MAX_BODY,
                             "held %s body of %zu bytes exceeds max_body (%zu)",
                             lane_name(turn->event->lane), len, limit);
    if (in->env->waits && waits_exceed(in->env->waits, &held))
        return handle_failed(h, FAILURE_OVERLOAD,
                             "cannot hold a body: %zu bytes are held already, more than half of "
                             "max_held in [extprocd]",
                             held);
    return EXTPROC_ACTION_HOLD;
}

/* failure: what it is where it is none of the others. */
enum extproc_action handle_judge(struct handle *h, const struct turn *turn,
                                 enum extproc_action action, enum failure failure)
{
    switch (action) {
    case EXTPROC_ACTION_CONTINUE:
        return EXTPROC_ACTION_CONTINUE;
    case EXTPROC_ACTION_RESPOND:
        return turn->decided.answers
                   ? EXTPROC_ACTION_RESPOND
                   : handle_failed(h, failure,
                                   "callback returned EXTPROC_ACTION_RESPOND without a response "
                                   "that was accepted by extproc_respond() in this callback");
    case EXTPROC_ACTION_WAIT:
        return turn->waits.wait
                   ? EXTPROC_ACTION_WAIT
                   : handle_failed(h, failure,
                                   "callback returned EXTPROC_ACTION_WAIT without a wait that was "
                                   "accepted by extproc_defer() in this callback");
    case EXTPROC_ACTION_HOLD:
        return handle_judge_hold(h, turn, failure);
    case EXTPROC_ACTION_FAIL:
        return handle_failed_itself(h, turn->overloaded ? FAILURE_OVERLOAD : failure);
    }
    return handle_failed(h, failure, "callback returned invalid action %d", (int)action);
}

static enum extproc_action handle_run(struct handle *h, struct turn *turn,
                                      const struct instance *instance)
{
    if (!h->opened && handle_open(h, instance) == EXTPROC_ACTION_FAIL)
        return EXTPROC_ACTION_FAIL;
    if (h->skipped & phase_bit(turn->phase)) /* open() did not want it */
        return EXTPROC_ACTION_CONTINUE;
    h->pub.phase = (enum extproc_phase)phase_bit(turn->phase);
    if (handle_check_needs(h, turn) == EXTPROC_ACTION_FAIL)
        return EXTPROC_ACTION_FAIL;
    handle_runs(h, instance, phase_name(turn->phase));
    enum extproc_action action = instance->on[turn->phase](&h->pub);
    handle_ran(h);
    return handle_judge(h, turn, action, FAILURE_CALLBACK);
}

/* ---- the calls of a phase -------------------------------------------------------------------- */

/* The plugin of turn->place is about to be called, in turn->phase. */
struct handle *handle_enter(struct turn *turn)
{
    struct txn *t = turn->txn;
    struct handle *h = &t->handles[turn->place];
    assert(!t->turn); /* no callback runs inside another */
    handle_ready(h, turn, t->chain->instances[turn->place]);
    turn->overloaded = false;
    t->turn = turn;
    return h;
}

struct handle *handle_begin(struct turn *turn, uint16_t place, enum phase phase)
{
    turn->place = place;
    turn->phase = phase;
    turn->waits.due_ms = 0;
    undo_mark(turn);
    return handle_enter(turn);
}

/* The same for one that is not going to be called, which is rare. */
static __attribute__((noinline)) struct handle *
handle_begin_refusal(struct turn *turn, uint16_t place, enum phase phase)
{
    return handle_begin(turn, place, phase);
}

enum extproc_action handle_leave(struct handle *h, enum extproc_action action)
{
    struct turn *turn = h->txn->turn;
    bool answers = action == EXTPROC_ACTION_RESPOND && turn->decided.answers;
    bool waits = action == EXTPROC_ACTION_WAIT && turn->waits.wait;
    assert(answers || waits || action == EXTPROC_ACTION_HOLD || action == EXTPROC_ACTION_CONTINUE ||
           action == EXTPROC_ACTION_FAIL);
    h->pub.phase = 0;
    h->txn->turn = NULL;
    if (!waits && turn->waits.wait) { /* it has deferred, and decided otherwise */
        wait_forsake(turn->waits.wait);
        turn->waits.wait = NULL;
    }
    return action;
}

enum extproc_action handle_call(struct turn *turn, uint16_t place, enum phase phase)
{
    struct handle *h = handle_begin(turn, place, phase);
    return handle_leave(h, handle_run(h, turn, turn->txn->chain->instances[place]));
}

enum extproc_action handle_resume(struct turn *turn)
{
    struct handle *h = handle_enter(turn);
    const struct instance *instance = handle_instance(h);
    h->pub.phase = (enum extproc_phase)phase_bit(turn->phase);
    handle_runs(h, instance, "resume");
    enum extproc_action action =
        instance->plugin->resume(&h->pub, turn->waits.why, turn->waits.result);
    handle_ran(h);
    bool late = turn->waits.why == EXTPROC_WAKE_TIMEOUT;
    return handle_leave(h, handle_judge(h, turn, action, late ? FAILURE_TIMEOUT : FAILURE_RESUME));
}

/* The mode that is enough for all plugins of the chain, so that no other one fails next. */
static enum extproc_action handle_refuse_unseen(struct handle *h, const struct turn *turn,
                                                enum lane lane)
{
    const struct rules *rules = turn->txn->rules;
    bool complete = mode_of(turn->txn->chain->needs[lane])->body == MODE_BODY_WHOLE;
    if (txn_framing(turn->txn, lane) == FRAMING_TUNNEL)
        return handle_failed(h, FAILURE_UNSEEN,
                             "the plugin must see the %s body, and the bytes of a tunnel are not "
                             "seen",
                             lane_name(lane));
    return handle_failed(
        h, FAILURE_UNSEEN, "the plugin must see the %s body, and the proxy does not send it (%s)",
        lane_name(lane), advice(complete ? rules->sends_complete_body : rules->sends_body, lane));
}

static enum extproc_action handle_refuse_mode(struct handle *h, const struct turn *turn,
                                              enum lane lane)
{
    const char *name = lane_name(lane);
    const struct rules *rules = turn->txn->rules;
    enum body_mode mode = turn->txn->lanes[lane].direction.mode;
    const char *how =
        mode_of(mode)->body != MODE_BODY_NEVER ? "before its headers go on" : "complete";
    h->pub.phase = (enum extproc_phase)phase_bit(turn->phase);
    if (chain_must_see(handle_instance(h), lane))
        return handle_refuse_unseen(h, turn, lane);
    return handle_failed(h, FAILURE_NEED, "the plugin needs the %s body %s, and %s is %s (%s)",
                         name, how,
                         rules->body_mode[lane] ? rules->body_mode[lane] : "the body mode",
                         body_mode_name(mode), advice(rules->sends_complete_body, lane));
}

enum extproc_action handle_miss(struct turn *turn, uint16_t place, enum lane lane, bool called)
{
    struct handle *h =
        called ? handle_enter(turn) : handle_begin_refusal(turn, place, turn->event->phase);
    const struct instance *instance = turn->txn->chain->instances[place];
    enum extproc_action action = EXTPROC_ACTION_CONTINUE;
    if (!h->opened && h->skipped != ALL_PHASES && !instance->blocks)
        action = handle_open(h, instance);
    if (action == EXTPROC_ACTION_CONTINUE && !(h->skipped & phase_bit(phase_of(lane, PART_BODY))))
        action = handle_refuse_mode(h, turn, lane);
    return handle_leave(h, action);
}

enum extproc_action handle_undecided(struct turn *turn, uint16_t place, enum phase phase,
                                     const struct condition *condition)
{
    struct handle *h = handle_begin_refusal(turn, place, phase);
    h->pub.phase = (enum extproc_phase)phase_bit(phase);
    return handle_leave(
        h, handle_failed(h, handle_reason(h, FAILURE_CONDITION),
                         "cannot decide whether the plugin takes part: %s at %s:%u needs too many "
                         "steps or too much memory for this value",
                         condition->entry->key, condition->entry->file, condition->entry->line));
}

void handle_close(struct handle *h, enum extproc_end why)
{
    if (!h->opened)
        return;
    const struct instance *instance = handle_instance(h);
    h->opened = false;
    h->pub.phase = 0; /* a callback in the pool that was too late has left it */
    handle_runs(h, instance, "close");
    if (instance->plugin->close)
        instance->plugin->close(&h->pub, why);
    handle_ran(h);
}
