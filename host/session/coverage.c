/* coverage: the reports: one for each plugin and phase; after that only a mask is kept. */
#include "session/coverage.h"

#include "base/rows.h"
#include "plugin/run/handle.h"

#include <errno.h>
#include <string.h>

/* A first transaction without a response may be one whose client has left. */
enum { UNANSWERED_SURE = 2 };

int coverage_init(struct coverage *c, const struct session_listener *listener,
                  const struct generation *g, struct arena *arena)
{
    const struct chain *chain = generation_select(g, listener->name, NULL);
    *c = (struct coverage){.listener = listener, .chain = chain};
    if (!chain)
        return 0;
    c->metrics = g->env.metrics;
    c->reported = arena_zalloc(arena, chain->n_instances);
    return c->reported ? 0 : -ENOMEM;
}

/* ---- one plugin, one phase ------------------------------------------------------------------- */

/* What the proxy's mode of that phase would have to be. */
static const char *mode_wanted(const struct chain *chain, enum phase phase)
{
    if (phase_part(phase) != PART_BODY)
        return "SEND";
    return body_mode_name(chain->needs[phase_lane(phase)]);
}

static void say(const struct coverage *c, struct txn *t, enum extproc_level level,
                const struct instance *in, enum phase phase, const char *what)
{
    static const char *const parts[N_PARTS] = {"header", "body", "trailer"};
    ROWS(parts, N_PARTS, 3);
    struct log_context context = txn_log_context(t);
    context.plugin = in->name;
    context.phase = phase_name(phase);
    log_line(in->env->log, level, &context, "%s (in the proxy, set %s_%s_mode: %s)", what,
             lane_name(phase_lane(phase)), parts[phase_part(phase)], mode_wanted(c->chain, phase));
}

/* The plugin has decided by itself that it does not take part. */
static bool has_skipped(struct txn *t, uint16_t place, enum phase phase)
{
    return t->handles && t->handles[place].skipped & phase_bit(phase);
}

static void count_missed(const struct coverage *c, struct txn *t, uint16_t place, enum phase phase)
{
    const struct metric_definition missed = {
        .name = "phases_missed",
        .help = "Phases that a plugin takes part in and the proxy does not send, once for each "
                "listener.",
        .labels = {[METRIC_CHAIN] = c->chain->name,
                   [METRIC_PLUGIN] = c->chain->instances[place]->name,
                   [METRIC_PHASE] = phase_name(phase)}};
    if (c->metrics)
        loop_count(t->loop, metrics_define(c->metrics, &missed), 1);
}

static void report(struct coverage *c, struct txn *t, uint16_t place, enum phase phase)
{
    if (c->reported[place] & phase_bit(phase))
        return;
    c->reported[place] |= (uint8_t)phase_bit(phase);
    say(c, t, EXTPROC_LEVEL_WARN, c->chain->instances[place], phase,
        "not called: the proxy does not send this phase");
    count_missed(c, t, place, phase);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool falls_back(const struct turn *turn, uint16_t place, enum phase phase)
{
    return turn && phase_part(phase) == PART_HEADERS && phase_lane(phase) == turn->event->lane &&
           turn_falls_back(turn, place);
}

/* Is every plugin that takes part in the phase reported by now? */
static bool report_phase(struct coverage *c, struct txn *t, const struct turn *turn,
                         enum phase phase)
{
    bool all = true;
    for (uint16_t i = 0; i < c->chain->n_calls[phase]; i++) {
        uint16_t place = c->chain->calls[phase][i];
        if (!(c->chain->instances[place]->interest & phase_bit(phase)))
            continue;
        if (has_skipped(t, place, phase) || falls_back(turn, place, phase))
            all = false;
        else
            report(c, t, place, phase);
    }
    return all;
}

void coverage_report(struct coverage *c, struct txn *t, const struct turn *turn, uint32_t missing)
{
    if (!c->chain || t->chain != c->chain)
        return;
    missing &= c->chain->interest & ~c->settled;
    for (enum phase phase = 0; missing >> phase; phase++) {
        if (missing & phase_bit(phase) && report_phase(c, t, turn, phase))
            c->settled |= phase_bit(phase);
    }
}

void coverage_unseen(struct coverage *c, struct txn *t, enum body_mode mode)
{
    if (!c->chain || t->chain != c->chain || c->unseen_said)
        return;
    for (uint16_t place = 0; place < c->chain->n_instances; place++) {
        const struct instance *in = c->chain->instances[place];
        if (chain_need_met(in, LANE_REQUEST, mode))
            continue;
        c->unseen_said = true;
        say(c, t, EXTPROC_LEVEL_WARN, in, PHASE_REQUEST_BODY,
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
    if (!c->chain || t->chain != c->chain || !(missing & c->chain->interest & ~c->settled))
        return;
    if (++c->n_unanswered >= UNANSWERED_SURE) {
        coverage_report(c, t, NULL, missing);
        return;
    }
    for (uint16_t place = 0; place < c->chain->n_instances; place++) {
        const struct instance *in = c->chain->instances[place];
        if (in->interest & phase_bit(PHASE_RESPONSE_HEADERS))
            say(c, t, EXTPROC_LEVEL_INFO, in, PHASE_RESPONSE_HEADERS,
                "not called so far: no response has been received yet");
    }
}
