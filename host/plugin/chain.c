/* chain: instances in their order, and for every phase the list of those to call.
 *
 * Everything is worked out here once, so that a phase costs a walk over those who want it and
 * nothing else. Responses run through the plugins in reverse, as they do through stacked filters.
 */
#include "plugin/chain.h"

#include "base/rows.h"

#include <errno.h>

/* ---- which plugins a phase calls ------------------------------------------------------------- */

static uint16_t place_in_turn(const struct chain *c, enum phase phase, uint16_t turn)
{
    return phase_lane(phase) == LANE_REQUEST ? turn : (uint16_t)(c->n_instances - 1 - turn);
}

static int fill_calls(struct chain *c, enum phase phase, struct arena *arena)
{
    uint16_t *calls = arena_array(arena, c->n_instances, sizeof *calls);
    if (!calls)
        return -ENOMEM;
    c->calls[phase] = calls;
    for (uint16_t turn = 0; turn < c->n_instances; turn++) {
        uint16_t place = place_in_turn(c, phase, turn);
        const struct instance *in = c->instances[place];
        bool shown =
            c->trials && c->trials[place]; /* all that comes, for a transaction of its own */
        if (shown || (in->interest | in->fallback) & phase_bit(phase))
            calls[c->n_calls[phase]++] = place;
    }
    return 0;
}

/* ---- what it needs of the proxy -------------------------------------------------------------- */

static enum body_mode body_needed(const struct instance *in, enum lane lane)
{
    static const uint64_t whole[N_LANES] = {EXTPROC_WHOLE_REQUEST_BODY,
                                            EXTPROC_WHOLE_RESPONSE_BODY};
    ROWS(whole, N_LANES, 2);
    bool body = in->interest & phase_bit(phase_of(lane, PART_BODY));
    /* Headers wait for the body only where the proxy holds both back. */
    return mode_least(body, in->plugin->needs & (whole[lane] | EXTPROC_HEADERS_WAIT));
}

/* Whether a message has a body depends on the method, and on a response's status. */
static uint32_t framing_needed(const struct instance *in)
{
    uint32_t phases = 0;
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        uint32_t headers = phase_bit(phase_of(lane, PART_HEADERS));
        uint32_t edits = phase_bit(phase_of(lane, PART_BODY));
        if (!(in->plugin->needs & EXTPROC_KEEPS_BODY))
            edits |= headers;
        if (in->interest & edits)
            phases |= headers | phase_bit(PHASE_REQUEST_HEADERS);
    }
    return phases;
}

bool chain_must_see(const struct instance *in, enum lane lane)
{
    static const uint64_t must[N_LANES] = {EXTPROC_MUST_SEE_REQUEST_BODY,
                                           EXTPROC_MUST_SEE_RESPONSE_BODY};
    ROWS(must, N_LANES, 2);
    return in->plugin->needs & must[lane] && in->interest & phase_bit(phase_of(lane, PART_BODY));
}

bool chain_need_met(const struct instance *in, enum lane lane, enum body_mode mode)
{
    const struct mode *m = mode_of(mode);
    if (chain_must_see(in, lane) && m->body == MODE_BODY_NEVER)
        return false;
    if (mode_of(body_needed(in, lane))->body != MODE_BODY_WHOLE || m->body == MODE_BODY_UNKNOWN)
        return true;
    bool waits = in->plugin->needs & EXTPROC_HEADERS_WAIT;
    return m->body != MODE_BODY_NEVER && (m->holds_headers || !waits);
}

static void add_needs(struct chain *c, const struct instance *in)
{
    c->interest |= in->interest;
    c->wants |= in->interest | in->reads | framing_needed(in);
    if (in->plugin->needs & EXTPROC_CLOSE_SEES_HEADERS) {
        c->keeps_headers = true;
        c->wants |= phase_bit(PHASE_REQUEST_HEADERS) | phase_bit(PHASE_RESPONSE_HEADERS);
    }
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        if (in->plugin->needs & EXTPROC_HOLDS_BODY &&
            in->interest & phase_bit(phase_of(lane, PART_BODY)))
            c->wants |=
                phase_bit(phase_of(lane, PART_TRAILERS)); /* they show that a body has ended */
        c->must_see[lane] = c->must_see[lane] || chain_must_see(in, lane);
        enum body_mode mode = body_needed(in, lane);
        if (mode > c->needs[lane]) /* in the order of mode_least() */
            c->needs[lane] = mode;
    }
}

int chain_match(struct chain *c, struct conditions *match, struct arena *arena)
{
    c->match = *match;
    *match = (struct conditions){0};
    c->wants |= conditions_read_phases(&c->match);
    return conditions_want(&c->match, &c->match_wants, arena);
}

static int fill_all_calls(struct chain *c, struct arena *arena)
{
    int r = 0;
    for (enum phase phase = 0; r == 0 && phase < N_PHASES; phase++)
        r = fill_calls(c, phase, arena);
    return r;
}

/* A chain of one instance, which runs beside this one. */
static int add_trial(struct chain *c, uint16_t place, struct arena *arena)
{
    struct chain *alone = arena_alloc(arena, sizeof *alone);
    if (!c->trials)
        c->trials = arena_zalloc(arena, c->n_instances * sizeof(struct chain *));
    if (!alone || !c->trials)
        return -ENOMEM;
    *alone = (struct chain){.name = c->name, .instances = &c->instances[place], .n_instances = 1};
    add_needs(alone, c->instances[place]);
    c->trials[place] = alone;
    return fill_all_calls(alone, arena);
}

int chain_init(struct chain *c, const char *name, struct instance *const *instances, size_t n,
               struct arena *arena)
{
    if (n > UINT16_MAX)
        return -E2BIG;
    struct instance **copies = arena_array(arena, n, sizeof(struct instance *));
    if (!copies)
        return -ENOMEM;
    *c = (struct chain){.name = name, .instances = copies};
    for (size_t i = 0; i < n; i++) {
        if (instances[i]->policy.mode == POLICY_MODE_OFF)
            continue;
        copies[c->n_instances++] = instances[i];
        add_needs(c, instances[i]);
    }
    int r = 0;
    for (uint16_t place = 0; r == 0 && place < c->n_instances; place++)
        if (c->instances[place]->policy.mode == POLICY_MODE_SHADOW)
            r = add_trial(c, place, arena);
    return r < 0 ? r : fill_all_calls(c, arena);
}
