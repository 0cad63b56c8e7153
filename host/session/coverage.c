/* coverage: the reports: one for each plugin and phase; after that only a mask is kept. */
#include "session/coverage.h"

#include "base/rows.h"
#include "plugin/run/handle.h"

#include <errno.h>
#include <string.h>

/* A first transaction without a response may be one whose client has left. */
enum { UNANSWERED_SURE = 2 };

struct coverage_chain {
    uint8_t *reported; /* phase bits, by place in the chain: the plugin is not called */
    uint8_t *blind;    /* the same: its conditions do not see them                    */
    uint32_t settled;  /* phase bits: all its plugins are reported */
    bool match_blind;  /* the conditions that choose the chain do not see the request */
    bool unseen_said;  /* by coverage_unseen() */
};

int coverage_init(struct coverage *c, const struct session_listener *listener,
                  const struct generation *g, struct arena *arena)
{
    *c = (struct coverage){.listener = listener, .generation = g};
    c->chains = arena_zalloc(arena, g->n_chains * sizeof *c->chains);
    if (!c->chains)
        return -ENOMEM;
    for (size_t i = 0; i < g->n_chains; i++) {
        c->interest |= g->chains[i].interest;
        c->chains[i].reported = arena_zalloc(arena, g->chains[i].n_instances);
        c->chains[i].blind = arena_zalloc(arena, g->chains[i].n_instances);
        if (!c->chains[i].reported || !c->chains[i].blind)
            return -ENOMEM;
    }
    return 0;
}

/* Of the transaction's chain. NULL: it has none that is reported. */
static struct coverage_chain *chain_of(const struct coverage *c, const struct txn *t)
{
    for (size_t i = 0; c->generation && i < c->generation->n_chains; i++)
        if (t->chain == &c->generation->chains[i])
            return &c->chains[i];
    return NULL;
}

/* ---- one plugin, one phase ------------------------------------------------------------------- */

/* What the proxy's mode of that phase would have to be. */
static const char *mode_wanted(const struct chain *chain, enum phase phase)
{
    if (phase_part(phase) != PART_BODY)
        return "SEND";
    return body_mode_name(chain->needs[phase_lane(phase)]);
}

static void say(struct txn *t, enum extproc_level level, const struct instance *in,
                enum phase phase, const char *what)
{
    static const char *const parts[N_PARTS] = {"header", "body", "trailer"};
    ROWS(parts, N_PARTS, 3);
    struct log_context context = txn_log_context(t);
    context.plugin = in->name;
    context.phase = phase_name(phase);
    log_line(in->env->log, level, &context, "%s (in the proxy, set %s_%s_mode: %s)", what,
             lane_name(phase_lane(phase)), parts[phase_part(phase)], mode_wanted(t->chain, phase));
}

/* Neither its conditions nor the plugin itself keep it out of the phase. */
static bool takes_part(struct txn *t, const struct turn *turn, uint16_t place, enum phase phase)
{
    struct txn_view view = {.txn = t, .arena = t->arena};
    const struct condition *failed;
    if (turn)
        view = (struct txn_view){t, turn->event, turn->arena, &turn->metadata};
    if (instance_chooses(t->chain->instances[place]) &&
        (!txn_ready_handles(t) || !txn_judge(&view, place, phase_lane(phase), &failed)))
        return false;
    return !t->handles || !(t->handles[place].skipped & phase_bit(phase));
}

static void count_missed(struct txn *t, const struct instance *in, enum phase phase)
{
    const struct metric_definition missed = {
        .name = "phases_missed",
        .help = "Phases that a plugin takes part in and the proxy does not send, once for each "
                "listener.",
        .labels = {[METRIC_CHAIN] = t->chain->name,
                   [METRIC_PLUGIN] = in->name,
                   [METRIC_PHASE] = phase_name(phase)}};
    if (in->env->metrics)
        loop_count(t->loop, metrics_define(in->env->metrics, &missed), 1);
}

static void report(struct coverage_chain *c, struct txn *t, uint16_t place, enum phase phase)
{
    const struct instance *in = t->chain->instances[place];
    if (c->reported[place] & phase_bit(phase))
        return;
    c->reported[place] |= (uint8_t)phase_bit(phase);
    say(t, EXTPROC_LEVEL_WARN, in, phase, "not called: the proxy does not send this phase");
    count_missed(t, in, phase);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void report_blind(struct coverage_chain *c, struct txn *t, uint32_t missing)
{
    for (uint16_t place = 0; place < t->chain->n_instances; place++) {
        const struct instance *in = t->chain->instances[place];
        uint32_t unread = conditions_read_phases(&in->when) | conditions_read_phases(&in->unless);
        unread &= missing & ~(uint32_t)c->blind[place];
        c->blind[place] |= (uint8_t)unread;
        for (enum phase phase = 0; unread >> phase; phase++)
            if (unread & phase_bit(phase))
                say(t, EXTPROC_LEVEL_WARN, in, phase,
                    "conditions (when.*, unless.*) find no headers: the proxy does not send this "
                    "phase");
    }
}

/* Which chain takes it was decided without the request's headers. */
static void report_match(const struct coverage *c, struct txn *t, uint32_t missing)
{
    const struct generation *g = c->generation;
    for (size_t i = 0; g && missing & phase_bit(PHASE_REQUEST_HEADERS) && i < g->n_chains; i++) {
        struct log_context context = txn_log_context(t);
        uint32_t read = conditions_read_phases(&g->chains[i].match);
        if (c->chains[i].match_blind || !(read & missing))
            continue;
        c->chains[i].match_blind = true;
        log_line(g->env.log, EXTPROC_LEVEL_WARN, &context,
                 "conditions of [chain:%s] (match.*) find no headers: the proxy does not send "
                 "request_headers (in the proxy, set request_header_mode: SEND)",
                 g->chains[i].name);
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool falls_back(const struct turn *turn, uint16_t place, enum phase phase)
{
    return turn && phase_part(phase) == PART_HEADERS && phase_lane(phase) == turn->event->lane &&
           turn_falls_back(turn, place);
}

/* Is every plugin that takes part in the phase reported by now? */
static bool report_phase(struct coverage_chain *c, struct txn *t, const struct turn *turn,
                         enum phase phase)
{
    bool all = true;
    for (uint16_t i = 0; i < t->chain->n_calls[phase]; i++) {
        uint16_t place = t->chain->calls[phase][i];
        if (!(t->chain->instances[place]->interest & phase_bit(phase)))
            continue;
        if (!takes_part(t, turn, place, phase) || falls_back(turn, place, phase))
            all = false;
        else
            report(c, t, place, phase);
    }
    return all;
}

void coverage_report(struct coverage *c, struct txn *t, const struct turn *turn, uint32_t missing)
{
    struct coverage_chain *chain = chain_of(c, t);
    report_match(c, t, missing);
    if (!chain)
        return;
    report_blind(chain, t, missing);
    missing &= t->chain->interest & ~chain->settled;
    for (enum phase phase = 0; missing >> phase; phase++) {
        if (missing & phase_bit(phase) && report_phase(chain, t, turn, phase))
            chain->settled |= phase_bit(phase);
    }
}

void coverage_unseen(struct coverage *c, struct txn *t, const struct turn *turn,
                     enum body_mode mode)
{
    struct coverage_chain *chain = chain_of(c, t);
    if (!chain || chain->unseen_said)
        return;
    for (uint16_t place = 0; place < t->chain->n_instances; place++) {
        const struct instance *in = t->chain->instances[place];
        if (chain_need_met(in, LANE_REQUEST, mode) ||
            !takes_part(t, turn, place, PHASE_REQUEST_BODY))
            continue;
        chain->unseen_said = true;
        say(t, EXTPROC_LEVEL_WARN, in, PHASE_REQUEST_BODY,
            "a response without its request: the proxy answered by itself, or this route does not "
            "send requests to extprocd");
    }
}

void coverage_holds_tunnels(struct coverage *c, struct txn *t, struct log *log, enum lane lane)
{
    const char *name = lane_name(lane);
    struct log_context context = txn_log_context(t);
    if (c->holding & 1u << lane)
        return;
    c->holding |= 1u << lane;
    log_line(log, EXTPROC_LEVEL_WARN, &context,
             "upgrades and CONNECT hang: %s_body_mode is BUFFERED, and the proxy does not send the "
             "headers (in the proxy, set %s_header_mode: SEND)",
             name, name);
}

void coverage_unanswered(struct coverage *c, struct txn *t, uint32_t missing)
{
    const struct coverage_chain *chain = chain_of(c, t);
    if (!chain || !(missing & t->chain->interest & ~chain->settled))
        return;
    if (++c->n_unanswered >= UNANSWERED_SURE) {
        coverage_report(c, t, NULL, missing);
        return;
    }
    for (uint16_t place = 0; place < t->chain->n_instances; place++) {
        const struct instance *in = t->chain->instances[place];
        if (in->interest & phase_bit(PHASE_RESPONSE_HEADERS) &&
            takes_part(t, NULL, place, PHASE_RESPONSE_HEADERS))
            say(t, EXTPROC_LEVEL_INFO, in, PHASE_RESPONSE_HEADERS,
                "not called so far: no response has been received yet");
    }
}
