/* turn: one event's way through the chain.
 *
 * The walk is over two lists, both in the order of the event's direction: the instances to call in
 * its phase and, once a plugin has replaced the body in a headers phase, those to call in the body
 * phase, beginning after that plugin. They are merged, so every instance has its headers callback
 * and then its body callback before the next one has any:
 *
 *     headers   A   B replaces   C           called: A  B  C  C'  D'      (' body callback)
 *     body      A                C   D
 *
 * Invariant: between two plugins the complete state of the walk is in the turn, and no callback is
 * under way, so it may stop there and continue later. Nothing of a body event stays in the
 * transaction's memory: a test plays bodies of any length in the same room.
 */
#include "plugin/run/turn.h"

#include "base/rows.h"
#include "base/str.h"
#include "http/rules/representation.h"
#include "plugin/run/apart.h"
#include "plugin/run/turn_fail.h"
#include "plugin/run/turn_length.h"
#include "plugin/wait/keep.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- the beginning --------------------------------------------------------------------------- */

/* Has the proxy begun to send the response? One whose headers it skips it does not hold back,
 * whatever the mode. */
static bool response_begun(const struct turn *turn)
{
    const struct direction *response = &turn->txn->lanes[LANE_RESPONSE].direction;
    return turn->event->lane == LANE_REQUEST ? direction_has_passed(response)
                                             : !direction_came(response, PART_HEADERS);
}

static unsigned turn_allowed(const struct turn *turn)
{
    unsigned allowed = rules_allow(turn->event->phase, turn_mode(turn)->acts_as);
    if (!turn_lane(turn)->headers_here) /* never came, or no memory to keep them */
        allowed &= ~(unsigned)MAY_EDIT_HEADERS;
    if (response_begun(turn))
        allowed &= ~(unsigned)MAY_RESPOND;
    return allowed;
}

/* Notes what the message's framing depends on, before any plugin edits it. If the proxy does not
 * send the request's headers, its attributes may contain the method and the transaction's id. */
static void turn_note_kind(struct turn *turn)
{
    struct txn *t = turn->txn;
    struct event *event = turn->event;
    struct txn_lane *lane = turn_lane(turn);
    if (event->phase == PHASE_REQUEST_HEADERS)
        t->request = request_kind_of(&lane->headers);
    else if (event->phase == PHASE_RESPONSE_HEADERS)
        t->status = (uint16_t)framing_status(headers_get(&lane->headers, EXTPROC_S(":status"), 0));
    if (!t->request.known && event->attributes.raw.len > 0) {
        struct extproc_value all = tree_value(&event->attributes, turn->arena);
        struct extproc_value method = value_get(all, t->rules->hints.method);
        struct extproc_value id = value_get(all, t->rules->hints.id);
        if (method.kind == EXTPROC_KIND_STRING)
            t->request = request_kind_of_method(method.as.string);
        if (id.kind == EXTPROC_KIND_STRING && id.as.string.len > 0 && !t->id.ptr)
            t->id = arena_copy(t->arena, id.as.string);
    }
}

static void turn_note(struct turn *turn)
{
    struct event *event = turn->event;
    struct txn_lane *lane = turn_lane(turn);
    turn->txn->observing = event->observing;
    switch (event->part) {
    case PART_HEADERS:
        headers_init(&lane->headers, event->headers, event->n_headers);
        lane->headers_here = true;
        break;
    case PART_TRAILERS:
        headers_init(&lane->trailers, event->headers, event->n_headers);
        lane->trailers_here = true;
        break;
    case PART_BODY:
        if (turn_has_held(turn))
            turn_put_body(turn);
        break;
    case N_PARTS:
        break;
    }
    turn_note_kind(turn);
}

/* The event becomes part of what has come. */
static void turn_take(struct turn *turn)
{
    struct direction *d = &turn_lane(turn)->direction;
    bool begins = !direction_came(d, PART_BODY);
    turn->first = d->state == DIRECTION_IDLE;
    turn->whole = turn->event->part == PART_BODY &&
                  (turn_mode(turn)->body == MODE_BODY_WHOLE || (begins && turn->event->end));
    direction_take(d, turn->event);
}

/* Trailers may have a digest of the bytes that were received. */
static int turn_note_change(struct turn *turn)
{
    struct txn_lane *lane = turn_lane(turn);
    const struct representation_change change = {
        .rules = turn->txn->rules,
        .response = turn->event->lane == LANE_RESPONSE,
    };
    if (turn->event->part != PART_TRAILERS || !lane->changed)
        return 0;
    return representation_change(&lane->trailers, turn->arena, &change);
}

/* A body phase whose message has no body, or whose bytes are a tunnel's, concerns no plugin, and
 * what follows the headers of a replaced body does not either. */
static bool turn_concerns(const struct turn *turn)
{
    if (turn_has_held(turn))
        return false;
    if (turn->event->part != PART_BODY)
        return true;
    switch (txn_framing(turn->txn, turn->event->lane)) {
    case FRAMING_BODY:
        return true;
    case FRAMING_SEEN:
        return turn_lane(turn)->direction.has_bytes;
    case FRAMING_NONE:
    case FRAMING_TUNNEL:
        break;
    }
    return false;
}

int turn_begin(struct turn *turn, struct txn *t, struct event *event, struct arena *arena)
{
    memset(turn, 0, offsetof(struct turn, answer)); /* what follows is set before it is read */
    turn->waits.wait = NULL;
    turn->called = (struct turn_call){0};
    refusal_forget(&turn->refused);
    turn->txn = t;
    turn->event = event;
    turn->arena = arena;
    turn->verdict.phase = turn->phase = event->phase;
    turn_take(turn);
    turn_note(turn);
    turn->allowed = turn_allowed(turn);
    turn->concerns = t->chain && turn_concerns(turn);
    turn_lane(turn)->editing = event->part != PART_BODY || (turn->allowed & MAY_EDIT_HEADERS);
    if (t->chain && t->chain->n_calls[event->phase] > 0 && !txn_ready_handles(t))
        return -ENOMEM;
    return turn_note_change(turn);
}

void turn_check(struct turn *turn, unsigned unmet)
{
    const struct chain *chain = turn->txn->chain;
    turn->unmet = unmet;
    turn->checks =
        unmet || (chain && turn->event->part == PART_HEADERS && chain->must_see[turn->event->lane]);
}

/* ---- fallbacks ------------------------------------------------------------------------------- */

static bool turn_can(const struct turn *turn, uint32_t effects)
{
    unsigned needed = 0;
    if (effects & EXTPROC_FALLBACK_RESPONDS)
        needed |= MAY_RESPOND;
    if (effects & EXTPROC_FALLBACK_SETS_BODY)
        needed |= MAY_SET_BODY;
    return (turn->allowed & needed) == needed;
}

/* In the headers phase a body may not have been set yet, since none had been seen. */
static bool sets_body_later(const struct turn *turn, uint32_t effects)
{
    return (effects & EXTPROC_FALLBACK_SETS_BODY) &&
           txn_framing(turn->txn, turn->event->lane) == FRAMING_SEEN;
}

bool turn_falls_back(const struct turn *turn, uint16_t place)
{
    const struct instance *in = turn->txn->chain->instances[place];
    uint32_t headers = phase_bit(phase_of(turn->event->lane, PART_HEADERS));
    return (in->fallback & phase_bit(turn->event->phase)) && (in->interest & headers) &&
           (!direction_came(&turn_lane(turn)->direction, PART_HEADERS) ||
            sets_body_later(turn, in->effects)) &&
           turn_concerns(turn) && turn_can(turn, in->effects);
}

/* Does a phase concern an instance that is in its list? */
static bool turn_calls(const struct turn *turn, uint16_t place, enum phase phase)
{
    const struct instance *in = turn->txn->chain->instances[place];
    return !(turn->txn->handles[place].skipped & phase_bit(phase)) &&
           ((in->interest & phase_bit(phase)) || turn_falls_back(turn, place));
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Is one place of the chain called before another in this direction? */
static bool runs_before(const struct turn *turn, uint16_t a, uint16_t b)
{
    return turn->event->lane == LANE_REQUEST ? a < b : a > b;
}

static enum phase turn_body_phase(const struct turn *turn)
{
    return phase_of(turn->event->lane, PART_BODY);
}

/* The next call of the two lists. False: there are none left. */
static bool turn_next(struct turn *turn, uint16_t *ret_place, enum phase *ret_phase)
{
    const struct chain *chain = turn->txn->chain;
    enum phase phase = turn->event->phase, body = turn_body_phase(turn);
    bool more = turn->cursor < chain->n_calls[phase];
    bool more_bodies = turn->replaced && turn->body_cursor < chain->n_calls[body];
    if (!more && !more_bodies)
        return false;

    uint16_t place = more ? chain->calls[phase][turn->cursor] : 0;
    uint16_t body_place = more_bodies ? chain->calls[body][turn->body_cursor] : 0;
    if (more && more_bodies)
        more = !runs_before(turn, body_place, place);
    if (more)
        turn->cursor++;
    else
        turn->body_cursor++;
    *ret_place = more ? place : body_place;
    *ret_phase = more ? phase : body;
    return true;
}

/* A plugin has replaced the body: the plugins after it get the new one. */
static void turn_replace(struct turn *turn, uint16_t place)
{
    const struct chain *chain = turn->txn->chain;
    enum phase body = turn_body_phase(turn);
    while (turn->body_cursor < chain->n_calls[body] &&
           !runs_before(turn, place, chain->calls[body][turn->body_cursor]))
        turn->body_cursor++;
    turn->replaced = true;
    turn->allowed |= MAY_SET_BODY;
}

static void turn_continue(struct turn *turn, uint16_t place)
{
    const struct txn_lane *lane = turn_lane(turn);
    undo_settle(turn);
    if (turn->decided.sets_body && phase_part(turn->phase) == PART_HEADERS && !turn->txn->observing)
        turn_replace(turn, place);
    if (turn->decided.clears_route && headers_mark(&lane->headers) != turn->undo.headers)
        turn->clears_route = true;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* We do not process the bytes of a tunnel, and a proxy that waits for them as for a body never
 * sends the headers, in any mode with a body. VERDICT_REPLACE without a body makes it continue by
 * itself: for a request always, since the upstream is only asked then; for a response once the
 * upstream has accepted. A response that declined is an ordinary message. */
static bool turn_leaves_tunnel(const struct turn *turn)
{
    return turn->event->part == PART_HEADERS && turn_mode(turn)->body != MODE_BODY_NEVER &&
           !turn->event->end && !turn->txn->observing &&
           txn_framing(turn->txn, turn->event->lane) == FRAMING_TUNNEL;
}

/* Everyone was called. */
static void turn_conclude(struct turn *turn)
{
    struct txn_lane *lane = turn_lane(turn);
    struct verdict *verdict = &turn->verdict;
    bool holds = turn_holds_body(turn);
    if (turn_fit_length(turn) < 0 || (holds && turn_hold_body(turn) < 0)) {
        turn_close(turn, EXTPROC_S("out of memory"));
        return;
    }
    const struct headers *map =
        turn->event->part == PART_TRAILERS ? &lane->trailers : &lane->headers;
    bool replaces = (turn->replaced && !holds) || turn_leaves_tunnel(turn);
    verdict->kind = replaces ? VERDICT_REPLACE : VERDICT_CONTINUE;
    verdict->headers = map->n_cells > 0 ? map : NULL;
    verdict->body = turn->event->body.changed && !holds ? &turn->event->body : NULL;
    verdict->clear_route = turn->clears_route;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void turn_woken(void *arg, enum extproc_wake why, void *result)
{
    struct turn *turn = arg;
    turn_lane(turn)->waiting = NULL;
    turn_become(turn, TURN_WOKEN);
    turn->waits.wait = NULL;
    turn->waits.why = why;
    turn->waits.result = result;
    turn->wake(turn->wake_arg);
}

/* What was possible before the wait may have become impossible: the response may have begun. And of
 * a plugin that has failed in the other direction meanwhile nothing is wanted. */
static enum extproc_action turn_resume(struct turn *turn)
{
    struct handle *h = &turn->txn->handles[turn->place];
    turn->allowed = turn_allowed(turn) | (turn->replaced ? MAY_SET_BODY : 0);
    if (h->failed) {
        undo_back(turn, h);
        return EXTPROC_ACTION_CONTINUE;
    }
    if (!(turn->allowed & MAY_RESPOND) && !turn->txn->observing)
        turn->decided.answers = false;
    return handle_instance(h)->blocks ? apart_resume(turn) : handle_resume(turn);
}

bool turn_busy(void *arg)
{
    const struct turn *turn = arg;
    return turn->txn->lent;
}

void turn_cancel(struct turn *turn)
{
    switch (turn->at) {
    case TURN_AWAITS:
        wait_forsake(turn->waits.wait);
        turn->waits.wait = NULL;
        break;
    case TURN_CALLS:
        apart_abandon(turn);
        break;
    case TURN_WALKS:
    case TURN_WOKEN:
    case TURN_RETURNED:
    case TURN_OVER:
    case N_TURN_ATS:
        return;
    }
    turn_lane(turn)->waiting = NULL;
    undo_back(turn, &turn->txn->handles[turn->place]);
}

/* ---- holding --------------------------------------------------------------------------------- */

static struct keeper turn_keeper(const struct turn *turn, uint16_t place)
{
    return (struct keeper){turn->txn->generation->env.waits, place, turn->event->lane};
}

static void turn_keep(struct turn *turn, size_t n)
{
    struct keeper keeper = turn_keeper(turn, turn->place);
    if (keep_body(&turn->txn->kept, &keeper, &turn->event->body, turn->arena, n) < 0)
        turn->lost = true;
}

static void turn_rejoin(struct turn *turn, uint16_t place)
{
    struct keeper keeper = turn_keeper(turn, place);
    if (keep_rejoin(&turn->txn->kept, &keeper, &turn->event->body, turn->arena) < 0)
        turn->lost = true;
}

/* The plugin sees these bytes again, so what it did to them is undone, and the plugins after it do
 * not see them yet. */
static void turn_hold_all(struct turn *turn)
{
    undo_back(turn, &turn->txn->handles[turn->place]);
    turn_keep(turn, turn->event->body.len);
    turn->concerns = false;
}

/* The plugin has done what it wanted to the other bytes, which go on. */
static void turn_hold_end(struct turn *turn)
{
    turn_keep(turn, turn->decided.held);
    turn_continue(turn, turn->place);
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Is the plugin in this place in shadow? Then it has been shown the event; but not a body that
 * takes the place of the message's own. */
static bool turn_shows(struct turn *turn, uint16_t place, enum phase phase)
{
    const struct chain *chain = turn->txn->chain;
    if (!chain->trials || !chain->trials[place])
        return false;
    struct trials_ops *trials = chain->instances[place]->env->trials;
    if (trials && phase == turn->event->phase)
        trials->show(trials, turn, place);
    return true;
}

/* What the walk has waited for is there. */
static enum extproc_action turn_go_on(struct turn *turn)
{
    bool returned = turn->at == TURN_RETURNED;
    turn_become(turn, TURN_WALKS);
    return returned ? apart_returned(turn) : turn_resume(turn);
}

/* The next callback of the walk, or what it was deferred to. False: there are none left. */
static bool turn_call_next(struct turn *turn, enum extproc_action *ret)
{
    uint16_t place;
    enum phase phase;
    if (turn->at != TURN_WALKS) {
        *ret = turn_go_on(turn);
        return true;
    }
    while (turn_next(turn, &place, &phase)) {
        const struct instance *in = turn->txn->chain->instances[place];
        enum match chosen = MATCH_YES;
        if (turn_shows(turn, place, phase))
            continue;
        if (turn->txn->kept && turn->event->part == PART_BODY)
            turn_rejoin(turn, place);
        if (!turn_calls(turn, place, phase) || turn->lost)
            continue;
        if (instance_chooses(in))
            chosen = turn_chooses(turn, place, phase);
        if (chosen == MATCH_NO)
            continue;
        if (chosen != MATCH_YES)
            *ret = EXTPROC_ACTION_FAIL;
        else
            *ret = in->blocks ? apart_call(turn, place, phase) : handle_call(turn, place, phase);
        return true;
    }
    return false;
}

enum turn_state turn_run(struct turn *turn)
{
    enum extproc_action action;
    assert((turn->at == TURN_RETURNED) == !!turn->txn->turn && !turn->waits.wait);
    bool decided = turn->txn->kept && turn_cuts_body(turn);
    while (!decided && turn->concerns && turn_call_next(turn, &action)) {
        switch (action) {
        case EXTPROC_ACTION_WAIT:
            turn_become(turn, turn->called.call ? TURN_CALLS : TURN_AWAITS);
            turn_lane(turn)->waiting = turn;
            return TURN_WAITS;
        case EXTPROC_ACTION_HOLD:
            if (turn->decided.holds_end)
                turn_hold_end(turn);
            else
                turn_hold_all(turn);
            break;
        case EXTPROC_ACTION_FAIL:
            decided = turn_fail(turn, turn->place);
            break;
        case EXTPROC_ACTION_RESPOND:
            decided = !turn->txn->observing;
            if (decided)
                turn->verdict.kind = VERDICT_RESPOND;
            else
                turn_continue(turn, turn->place);
            break;
        case EXTPROC_ACTION_CONTINUE:
            decided = turn->checks && turn_check_called(turn);
            if (!decided)
                turn_continue(turn, turn->place);
            break;
        }
    }
    for (enum lane lane = 0; lane < N_LANES; lane++)
        decided = decided || turn_check_needs(turn, lane);
    if (turn->lost)
        turn_close(turn, EXTPROC_S("out of memory"));
    else if (!decided)
        turn_conclude(turn);
    turn->verdict.answer = turn->verdict.kind == VERDICT_RESPOND ? &turn->answer : NULL;
    turn->verdict.metadata = turn->metadata.first ? &turn->metadata : NULL;
    return TURN_DONE;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static enum answer_kind turn_answer_kind(const struct turn *turn)
{
    static const enum answer_kind own[N_PARTS] = {ANSWER_HEADERS, ANSWER_BODY, ANSWER_TRAILERS};
    ROWS(own, N_PARTS, 3);
    switch (turn->verdict.kind) {
    case VERDICT_REPLACE:
        return ANSWER_REPLACE;
    case VERDICT_RESPOND:
        return ANSWER_INSTEAD;
    case VERDICT_CONTINUE:
    case VERDICT_CLOSE:
        break;
    }
    return own[turn->event->part];
}

void turn_answer(struct turn *turn)
{
    enum answer_kind kind = turn_answer_kind(turn);
    direction_answer(&turn_lane(turn)->direction, kind);
    if (kind == ANSWER_INSTEAD)
        direction_close(&turn->txn->lanes[other_lane(turn->event->lane)].direction);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Kept once a direction: a proxy sends attributes in its first message, and what a body's messages
 * repeat must not pile up. Out of memory leaves an empty tree: absent. */
static void turn_keep_trees(struct turn *turn, struct arena *keep)
{
    struct txn *t = turn->txn;
    struct event *event = turn->event;
    struct txn_lane *lane = turn_lane(turn);
    if (!turn->first && turn->event->part != PART_HEADERS)
        return;
    if (event->attributes.raw.len > 0) {
        lane->attributes = event->attributes;
        tree_keep(&lane->attributes, keep);
    }
    if (event->metadata.raw.len > 0) {
        t->metadata = event->metadata;
        tree_keep(&t->metadata, keep);
    }
}

/* Keeps the metadata that plugins sent to the proxy, for plugins in later phases. If memory is
 * exhausted, all of it is dropped. */
static void turn_keep_sent(struct turn *turn, struct arena *keep)
{
    struct txn *t = turn->txn;
    if (!turn->metadata.first)
        return;
    if (!t->sent)
        t->sent = arena_zalloc(keep, sizeof *t->sent);
    if (t->sent)
        metadata_add_sent(t->sent, &turn->metadata);
}

static void turn_commit(struct turn *turn, struct arena *keep)
{
    struct txn_lane *lane = turn_lane(turn);
    if (turn->event->lane == LANE_RESPONSE && lane->headers_here && lane->headers.n_edits > 0)
        turn->txn->status =
            (uint16_t)framing_status(headers_get(&lane->headers, EXTPROC_S(":status"), 0));
    if (turn->event->part == PART_HEADERS || (turn->allowed & MAY_EDIT_HEADERS))
        lane->headers_here = headers_commit(&lane->headers, keep) == 0 && keep;
    else if (!lane->headers_here) /* what the host made in the message's memory */
        headers_init(&lane->headers, NULL, 0);
    if (turn->event->part == PART_TRAILERS)
        lane->trailers_here = headers_commit(&lane->trailers, keep) == 0 && keep;
}

void turn_release(struct turn *turn)
{
    body_fini(&turn->event->body);
    for (; turn->given; turn->given = turn->given->next)
        turn->given->release(turn->given->arg);
}

bool turn_end(struct turn *turn)
{
    struct txn *t = turn->txn;
    bool closed = turn->verdict.kind == VERDICT_CLOSE;
    turn_lane(turn)->editing = false;
    turn_become(turn, TURN_OVER);
    bool reads = txn_wants_later(t) || (t->chain && t->chain->keeps_headers);
    struct arena *keep = !closed && reads ? t->arena : NULL;
    if (!keep && t->handles) /* close() may log */
        txn_keep_id(t);
    turn_commit(turn, keep);
    if (keep) {
        turn_keep_trees(turn, keep);
        turn_keep_sent(turn, keep);
    }
    assert(!t->turn); /* no callback may see memory that was just freed */
    if (turn->n_late)
        return false;
    turn_release(turn);
    return true;
}
