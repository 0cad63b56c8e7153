/* session: events through the directions' tables and the chain, verdicts out.
 *
 * Invariant: an event of the message that its direction may run gets exactly one verdict, given
 * before session_event() returns or, if a plugin waits, when it has gone on; unless the session
 * fails, the transaction is answered in the other direction, or the proxy only observes. Any other
 * event gets none. The directions know nothing of each other: whatever one waits for, the other
 * goes on.
 *
 * How a body travels is settled by the first message and never again: from the proxy, else from the
 * operator, else from what the first body message looks like. A mode that is not built ends the
 * stream before anything was answered, so that no body is ever half processed.
 */
#include "session/session.h"

#include "plugin/run/turn.h"

#include <assert.h>

static struct extproc_str session_field(const struct txn *t, const char *name)
{
    const struct session *s =
        (const struct session *)((const char *)t - offsetof(struct session, txn));
    return s->out->field(s->out_arg, name);
}

void session_init(struct session *s, const struct session_env *env, struct generation *g,
                  struct coverage *coverage, struct arena *arena, const struct session_out *out,
                  void *out_arg)
{
    s->env = env; /* field by field: txn_init() sees to most of it */
    s->coverage = coverage;
    s->out = out;
    s->out_arg = out_arg;
    s->begun = s->half_closed = s->lost = s->failed = false;
    txn_init(&s->txn, g, env->loop, arena);
    s->txn.listener = coverage->listener->name;
    s->txn.field = out->field ? session_field : NULL;
    if (coverage->listener->rules)
        s->txn.rules = coverage->listener->rules;
    generation_unref(g);
    for (enum lane lane = 0; lane < N_LANES; lane++)
        s->txn.lanes[lane].direction.mode = coverage->listener->modes[lane];
}

static const struct direction *direction_of(const struct session *s, enum lane lane)
{
    return &s->txn.lanes[lane].direction;
}

void session_half_close(struct session *s)
{
    s->half_closed = true;
}

void session_lost(struct session *s)
{
    s->lost = true;
}

/* ---- failures -------------------------------------------------------------------------------- */

static void session_out_of_memory(struct session *s)
{
    s->failed = true;
    txn_report_memory(&s->txn, NULL);
    s->out->fail(s->out_arg, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

EXTPROC_PRINTF(4, 5)
static void session_fail(struct session *s, struct arena *arena, enum status status,
                         const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct extproc_str why = arena_vformat(arena, fmt, ap);
    va_end(ap);
    if (!why.ptr) {
        session_out_of_memory(s);
        return;
    }
    s->failed = true;
    s->out->fail(s->out_arg, status, why);
}

/* The line about a stream that is refused in its first message names its transaction, too. */
static void session_keep_id(struct session *s, struct event *event, struct arena *arena)
{
    struct txn *t = &s->txn;
    bool in_headers = event->has_phase && event->phase == PHASE_REQUEST_HEADERS;
    for (size_t i = 0; in_headers && !t->id.len && i < event->n_headers; i++)
        if (extproc_eq(event->headers[i].name, EXTPROC_S("x-request-id")))
            t->id = arena_copy(t->arena, event->headers[i].value);
    if (t->id.len || event->attributes.raw.len == 0)
        return;
    struct extproc_value all = tree_value(&event->attributes, arena);
    struct extproc_value id = value_get(all, t->rules->hints.id);
    if (id.kind == EXTPROC_KIND_STRING)
        t->id = arena_copy(t->arena, id.as.string);
}

static void session_refuse(struct session *s, struct event *event, struct arena *arena)
{
    const struct direction *d = direction_of(s, event->lane);
    session_keep_id(s, event, arena);
    session_fail(s, arena, STATUS_INVALID_ARGUMENT, "%s in state %s (the %s%s)",
                 phase_name(event->phase), direction_name(d->state), lane_name(event->lane),
                 direction_refusal(d, event->part));
}

/* ---- body modes ------------------------------------------------------------------------------ */

static void session_refuse_mode(struct session *s, struct event *event, enum lane lane,
                                struct arena *arena)
{
    char built[MODES_TEXT];
    modes_built(built);
    session_keep_id(s, event, arena);
    session_fail(s, arena, STATUS_UNIMPLEMENTED, "%s_body_mode %s is not supported (%s are)",
                 lane_name(lane), body_mode_name(direction_of(s, lane)->mode), built);
}

/* Applies the modes that the proxy sends in its first message (Envoy's ProtocolConfiguration).
 * False: one of them is not supported, and the session has failed. */
static bool session_settle_modes(struct session *s, struct event *event, struct arena *arena)
{
    if (s->begun)
        return true;
    s->begun = event->has_phase;
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        struct direction *d = &s->txn.lanes[lane].direction;
        if (event->has_protocol)
            d->mode = event->protocol.body_mode[lane];
        if (mode_of(d->mode)->built == MODE_BUILT_NOT) {
            session_refuse_mode(s, event, lane, arena);
            return false;
        }
    }
    return true;
}

/* For a proxy that has not sent its modes. */
static void session_guess_mode(struct session *s, const struct event *event)
{
    struct direction *d = &s->txn.lanes[event->lane].direction;
    if (event->part == PART_BODY && mode_of(d->mode)->body == MODE_BODY_UNKNOWN)
        d->mode = mode_guess(event->end);
}

/* False: the session has failed. */
static bool session_may_have_body(struct session *s, struct event *event, struct arena *arena)
{
    const struct direction *d = direction_of(s, event->lane);
    if (mode_of(d->mode)->body != MODE_BODY_NEVER)
        return true;
    if (mode_of(d->mode)->built == MODE_BUILT_BODILESS) {
        session_refuse_mode(s, event, event->lane, arena);
        return false;
    }
    session_keep_id(s, event, arena);
    session_fail(s, arena, STATUS_INVALID_ARGUMENT, "%s in state %s (%s_body_mode is %s)",
                 phase_name(event->phase), direction_name(d->state), lane_name(event->lane),
                 body_mode_name(d->mode));
    return false;
}

/* ---- phases that do not come ----------------------------------------------------------------- */

static bool comes_without_body(const struct session *s, enum lane lane)
{
    return mode_of(direction_of(s, lane)->mode)->body == MODE_BODY_NEVER;
}

static bool is_idle(const struct session *s, enum lane lane)
{
    return direction_of(s, lane)->state == DIRECTION_IDLE;
}

/* The proxy does not send the headers on before it has the body. */
static bool waits_for_body(const struct session *s, enum lane lane)
{
    return mode_of(direction_of(s, lane)->mode)->holds_headers;
}

/* As far as is known: of a response to a request that was not seen, or that has not come. */
static bool may_have_body(const struct txn *t, enum lane lane)
{
    switch (txn_framing(t, lane)) {
    case FRAMING_BODY:
    case FRAMING_SEEN:
        return true;
    case FRAMING_NONE:
    case FRAMING_TUNNEL: /* of another protocol's bytes no plugin needs any */
        break;
    }
    return false;
}

/* Does the first event of a message show that a body follows its headers, or has passed by? */
static bool shows_body(const struct turn *turn)
{
    const struct event *event = turn->event;
    bool shows = event->part == PART_HEADERS
                     ? !event->end
                     : event->part == PART_TRAILERS && turn_mode(turn)->body == MODE_BODY_NEVER;
    return shows && may_have_body(turn->txn, event->lane);
}

/* Does the response say that an upstream made it? */
static bool upstream_has_answered(const struct turn *turn)
{
    const struct rules_hints *hints = &turn->txn->rules->hints;
    const struct txn_lane *lane = &turn->txn->lanes[LANE_RESPONSE];
    struct extproc_value all = tree_value(&turn->event->attributes, turn->arena);
    struct extproc_value details = value_get(all, hints->details);
    if (details.kind == EXTPROC_KIND_STRING)
        return extproc_eq(details.as.string, hints->upstream);
    return lane->headers_here && headers_get(&lane->headers, hints->upstream_header, 0).ptr;
}

/* The proxy does not send the request: its response has come, and no event of the request; and the
 * proxy did not make that response itself before it sent the request to us. On a listener whose
 * proxies send requests, the proxy may have made it, unless the response shows that it did not. */
static bool request_is_skipped(const struct session *s, const struct turn *turn)
{
    return turn->event->lane == LANE_RESPONSE && is_idle(s, LANE_REQUEST) &&
           (!(s->coverage->seen & phase_bit(PHASE_REQUEST_HEADERS)) || upstream_has_answered(turn));
}

/* The response has begun, and of the request a complete body has come that was not its end. */
static bool request_trailers_are_skipped(const struct session *s, const struct turn *turn)
{
    return turn->event->lane == LANE_RESPONSE &&
           direction_of(s, LANE_REQUEST)->state == DIRECTION_WHOLE &&
           !(s->coverage->seen & phase_bit(PHASE_REQUEST_TRAILERS));
}

/* The directions (1 << LANE_x) whose body may be needed, if this event is the first that shows
 * whether and how that body is sent. */
static unsigned session_unmet(const struct session *s, const struct turn *turn)
{
    enum lane lane = turn->event->lane;
    const struct chain *chain = s->txn.chain;
    unsigned lanes = 0;
    if (!turn->first || !chain || !chain_needs_bodies(chain))
        return 0;
    if (shows_body(turn))
        lanes |= 1u << lane;
    if (lane == LANE_REQUEST && is_idle(s, LANE_RESPONSE) && may_have_body(&s->txn, LANE_RESPONSE))
        lanes |= 1u << LANE_RESPONSE;
    if (request_is_skipped(s, turn) && comes_without_body(s, LANE_REQUEST) &&
        may_have_body(&s->txn, LANE_REQUEST))
        lanes |= 1u << LANE_REQUEST;
    return lanes;
}

/* The phases that are missing if nothing of a direction comes: its headers, and its body unless the
 * message may have had none. */
static uint32_t lane_missing(const struct session *s, enum lane lane)
{
    uint32_t phases = phase_bit(phase_of(lane, PART_HEADERS));
    if (comes_without_body(s, lane))
        phases |= phase_bit(phase_of(lane, PART_BODY));
    return phases;
}

static void session_report_missing(struct session *s, const struct turn *turn)
{
    enum lane lane = turn->event->lane;
    bool has_headers = turn->event->part == PART_HEADERS;
    uint32_t missing = 0;
    if (!turn->first)
        return;
    bool unseen = lane == LANE_RESPONSE && is_idle(s, LANE_REQUEST);
    bool skipped = unseen && request_is_skipped(s, turn);
    if (unseen && !skipped)
        coverage_unseen(s->coverage, &s->txn, turn, direction_of(s, LANE_REQUEST)->mode);
    if (skipped)
        missing |= lane_missing(s, LANE_REQUEST);
    if (request_trailers_are_skipped(s, turn))
        missing |= phase_bit(PHASE_REQUEST_TRAILERS);
    if (!has_headers)
        missing |= phase_bit(phase_of(lane, PART_HEADERS));
    if (comes_without_body(s, lane) && turn->verdict.kind == VERDICT_CONTINUE && shows_body(turn))
        missing |= phase_bit(phase_of(lane, PART_BODY));
    if (!has_headers && waits_for_body(s, lane))
        coverage_holds_tunnels(s->coverage, &s->txn, s->env->log, lane);
    if (skipped && waits_for_body(s, LANE_REQUEST))
        coverage_holds_tunnels(s->coverage, &s->txn, s->env->log, LANE_REQUEST);
    if (missing)
        coverage_report(s->coverage, &s->txn, turn, missing);
}

/* At the end: nothing of the response has come, on a listener that has never seen a response. */
static void session_report_end(struct session *s)
{
    bool answered = s->coverage->seen >> PHASE_RESPONSE_HEADERS;
    if (!answered && is_idle(s, LANE_RESPONSE) && !is_idle(s, LANE_REQUEST) &&
        direction_is_complete(direction_of(s, LANE_REQUEST), 0))
        coverage_unanswered(s->coverage, &s->txn, lane_missing(s, LANE_RESPONSE));
}

/* ---- one event ------------------------------------------------------------------------------- */

/* A turn, and what it holds. */
struct session_turn {
    struct turn turn; /* first */
    struct session *session;
    struct arena_lease *memory;
    struct message bytes;
    size_t len;  /* of the message, once it has waited */
    size_t held; /* bytes that count while it waits; 0: it does not */
};

struct arena_lease *session_memory(struct session *s)
{
    return arena_pool_take(&s->env->loop->memory, txn_budget(&s->txn));
}

static void session_drop(struct session *s, struct arena_lease *memory, struct message *bytes)
{
    message_release(bytes);
    arena_pool_put(&s->env->loop->memory, memory);
}

/* A proxy that only observes goes on whatever the plugins decide, so the directions do too. */
static void session_report(struct session *s, struct turn *turn)
{
    const struct verdict *verdict = &turn->verdict;
    switch (verdict->kind) {
    case VERDICT_CLOSE:
        session_fail(s, turn->arena, STATUS_INTERNAL, "%.*s", EXTPROC_ARG(verdict->why));
        break;
    case VERDICT_CONTINUE:
    case VERDICT_REPLACE:
    case VERDICT_RESPOND:
        if (turn->event->observing)
            break;
        turn_answer(turn);
        s->out->verdict(s->out_arg, verdict, turn->arena);
        break;
    }
}

static void session_unhold(struct session_turn *st)
{
    if (st->held)
        waits_unhold(st->session->txn.generation->env.waits, st->held);
    st->held = 0;
}

/* What a turn that waits takes: its message, and its memory, which grows from callback to
 * callback. */
static void session_hold(struct session_turn *st)
{
    if (!st->len) /* the first time: the message's pieces are still there */
        st->len = message_len(&st->bytes);
    session_unhold(st);
    st->held = arena_size(&st->memory->arena) + st->len;
    waits_hold(st->session->txn.generation->env.waits, st->held);
}

static void session_turn_free(struct session_turn *st)
{
    struct loop *loop = st->session->env->loop;
    message_release(&st->bytes);
    arena_pool_put(&loop->memory, st->memory);
}

/* A callback in the pool has kept it until now. */
static __attribute__((cold)) void session_turn_left(void *arg)
{
    struct session_turn *st = arg;
    turn_release(&st->turn);
    session_turn_free(st);
}

static void session_turn_over(struct session_turn *st)
{
    session_unhold(st);
    txn_report_memory(&st->session->txn, NULL);
    if (turn_end(&st->turn))
        session_turn_free(st);
}

/* The other direction is answered for: a plugin that waits in it waits for nothing. */
static void session_cancel(struct session *s, enum lane lane)
{
    struct session_turn *st = (struct session_turn *)s->txn.lanes[lane].waiting;
    if (!st)
        return;
    turn_cancel(&st->turn);
    session_turn_over(st);
}

static void session_woken(void *arg);

/* False: out of memory. */
static bool session_begin(struct session_turn *st, struct event *event)
{
    struct session *s = st->session;
    int r = turn_begin(&st->turn, &s->txn, event, &st->memory->arena);
    st->turn.wake = session_woken;
    st->turn.free = session_turn_left;
    st->turn.wake_arg = st;
    if (r == 0)
        turn_check(&st->turn, session_unmet(s, &st->turn));
    return r == 0;
}

/* first: the event that it begins with; NULL: it goes on after a wait. One function for both, so
 * that the turn's own become a part of it. */
static void session_run(struct session_turn *st, struct event *first)
{
    struct session *s = st->session;
    bool runs = !first || session_begin(st, first);
    enum lane lane = st->turn.event->lane;
    if (!runs) {
        session_out_of_memory(s);
    } else if (turn_run(&st->turn) == TURN_WAITS) {
        session_hold(st);
        return;
    } else {
        session_report_missing(s, &st->turn);
        session_report(s, &st->turn);
        if (s->failed || st->turn.verdict.kind == VERDICT_RESPOND)
            session_cancel(s, other_lane(lane));
    }
    session_turn_over(st);
    assert(s->failed || direction_is_settled(direction_of(s, lane)));
}

static void session_woken(void *arg)
{
    struct session_turn *st = arg;
    struct session *s = st->session;
    session_run(st, NULL);
    s->out->ready(s->out_arg);
}

/* What is known of a transaction that begins with this event, which was not taken yet. */
static struct facts first_facts(struct txn_view *view, struct headers *headers)
{
    const struct event *event = view->event;
    struct facts facts = txn_facts(view);
    if (event->part == PART_HEADERS) {
        headers_init(headers, event->headers, event->n_headers);
        facts.headers[event->lane] = headers;
    }
    return facts;
}

/* False: which chain takes it cannot be decided, and the session has failed. */
static __attribute__((noinline)) bool session_choose(struct session *s, struct event *first,
                                                     struct arena *arena)
{
    const struct condition *failed = NULL;
    struct txn_view view = {.txn = &s->txn, .event = first, .arena = arena};
    struct headers headers;
    struct facts facts = first_facts(&view, &headers);
    if (generation_select(s->txn.generation, &facts, &s->txn.chain, &failed) != MATCH_FAILED)
        return true;
    session_keep_id(s, first, arena);
    session_fail(s, arena, STATUS_RESOURCE_EXHAUSTED,
                 "cannot choose a chain: %s of [chain:%s] needs too many steps or too much memory "
                 "for this value",
                 failed->entry->key, s->txn.chain->name);
    s->txn.chain = NULL;
    return false;
}

/* Now that something of the message has come. False: the session has failed. */
static bool session_select(struct session *s, struct event *first, struct arena *arena)
{
    const struct generation *g = s->txn.generation;
    if (generation_chooses(g))
        return session_choose(s, first, arena);
    s->txn.chain = g->n_chains > 0 ? &g->chains[0] : NULL;
    return true;
}

/* Is the event to be run? */
static bool session_takes(struct session *s, struct event *event, struct arena *arena)
{
    bool first = !s->begun && event->has_phase;
    if (s->failed || !session_settle_modes(s, event, arena) || !event->has_phase)
        return false;
    if (first && !session_select(s, event, arena))
        return false;
    session_guess_mode(s, event);

    switch (direction_asks(direction_of(s, event->lane), event)) {
    case TASK_REFUSE:
        session_refuse(s, event, arena);
        break;
    case TASK_RUN:
        return event->part != PART_BODY || session_may_have_body(s, event, arena);
    case TASK_IGNORE:
        break;
    }
    return false;
}

void session_event(struct session *s, struct event *event, struct arena_lease *memory,
                   const struct message *bytes)
{
    struct message held = *bytes;
    assert(!event->has_phase || !session_waits(s, event->lane));
    if (!session_takes(s, event, &memory->arena)) {
        session_drop(s, memory, &held);
        return;
    }
    s->coverage->seen |= phase_bit(event->phase);
    struct session_turn *st = arena_alloc(&memory->arena, sizeof *st);
    if (!st) {
        session_out_of_memory(s);
        session_drop(s, memory, &held);
        return;
    }
    st->session = s;
    st->memory = memory;
    st->bytes = held;
    st->len = st->held = 0;
    session_run(st, event);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The parts of a direction that the proxy is expected to send: they have come before, or the chain
 * uses them, and the log asks the operator to configure the proxy for that. None are expected of a
 * direction that is still idle in two cases: a request without any event had nothing to send, and a
 * proxy that resets without a half-close has received all that it waits for. A lost connection does
 * not show that. */
static unsigned session_awaits(const struct session *s, enum lane lane)
{
    const struct chain *chain = s->txn.chain;
    uint32_t interest = chain ? chain->interest : s->begun ? 0 : s->coverage->interest;
    uint32_t phases = s->coverage->seen | interest;
    bool chosen = !s->half_closed && !s->lost;
    if (is_idle(s, lane) && (lane == LANE_REQUEST || chosen))
        return 0;
    return phases >> phase_of(lane, PART_HEADERS) & ((1u << N_PARTS) - 1);
}

enum lane session_incomplete(const struct session *s)
{
    enum lane lane = LANE_REQUEST;
    while (lane < N_LANES && !session_waits(s, lane) &&
           direction_is_complete(direction_of(s, lane), session_awaits(s, lane)))
        lane++;
    return lane;
}

enum extproc_end session_outcome(const struct session *s, enum extproc_end seen)
{
    if (s->failed)
        return EXTPROC_END_FAILED;
    if (seen != EXTPROC_END_DONE && seen != EXTPROC_END_DISCONNECTED)
        return seen;
    return session_incomplete(s) == N_LANES ? EXTPROC_END_DONE : EXTPROC_END_DISCONNECTED;
}

bool session_end(struct session *s, enum extproc_end why)
{
    if (s->txn.turn) /* a thread has a callback of it: that is taken back first */
        session_cancel(s, s->txn.turn->event->lane);
    for (enum lane lane = 0; lane < N_LANES; lane++)
        session_cancel(s, lane);
    if (why == EXTPROC_END_DONE || why == EXTPROC_END_DISCONNECTED)
        session_report_end(s);
    return txn_end(&s->txn, why, s->out->ended, s->out_arg);
}
