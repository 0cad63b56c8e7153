/* txn: what is known of a transaction from one event to the next.
 *
 * It costs no memory but its own until a plugin is called. What a message brought is kept only
 * while some plugin may still be called; once none can be, it is dropped with the message. So
 * whether something is left in close() would depend on the neighbours in the chain: close() sees
 * nothing, but for the headers where a plugin says that it reads them there.
 */
#include "plugin/run/txn.h"

#include "plugin/run/handle.h"

#include <inttypes.h>
#include <sys/random.h>

void txn_init(struct txn *t, struct generation *g, struct loop *loop, struct arena *arena)
{
    *t = (struct txn){
        .generation = generation_ref(g), .rules = &rules_of_http, .loop = loop, .arena = arena};
    for (enum lane l = 0; l < N_LANES; l++)
        t->lanes[l].direction.mode = BODY_MODE_UNKNOWN;
    if (g->env.max_memory) {
        t->memory.left = g->env.max_memory;
        arena_share(arena, &t->memory);
    }
}

/* ---- its memory ------------------------------------------------------------------------------ */

void txn_report_memory(struct txn *t, const struct log_context *context)
{
    static const struct metric_definition exceeded = {
        .name = "max_transaction_memory_exceeded",
        .help = "Requests for memory that were refused: a transaction had too much of it."};
    const struct plugin_env *env = &t->generation->env;
    struct log_context own;
    if (!t->memory.refused)
        return;
    if (!context) {
        own = txn_log_context(t);
        context = &own;
    }
    log_line(env->log, EXTPROC_LEVEL_WARN, context,
             "transaction memory of %zu bytes exceeds max_transaction_memory (%zu)",
             env->max_memory - t->memory.left + t->memory.refused, env->max_memory);
    if (env->metrics)
        loop_count(t->loop, metrics_define(env->metrics, &exceeded), 1);
    t->memory.refused = 0;
}

/* ---- what may still come --------------------------------------------------------------------- */

/* The parts of a direction stand side by side in the phases' bits. */
static uint32_t lane_may_come(const struct txn *t, enum lane l)
{
    if (txn_is_over(t, l))
        return 0;
    return direction_may_come(&t->lanes[l].direction) << phase_of(l, PART_HEADERS);
}

bool txn_wants_later(const struct txn *t)
{
    uint32_t phases = lane_may_come(t, LANE_REQUEST) | lane_may_come(t, LANE_RESPONSE);
    if (!t->chain)
        return false;
    if (!t->handles)
        return t->chain->interest & phases;
    for (uint16_t i = 0; i < t->chain->n_instances; i++) {
        const struct instance *in = t->chain->instances[i];
        if ((in->interest | in->fallback) & phases & ~(uint32_t)t->handles[i].skipped)
            return true;
    }
    return false;
}

/* Looked up only where an edit has changed it. */
static unsigned txn_status(const struct txn *t)
{
    static const struct extproc_str name = EXTPROC_STR(":status");
    const struct headers *response = &t->lanes[LANE_RESPONSE].headers;
    bool edited = response->n_edits > 0 && headers_cell(response, name);
    return edited ? framing_status(headers_get(response, name, 0)) : t->status;
}

enum framing txn_framing(const struct txn *t, enum lane l)
{
    if (l == LANE_REQUEST)
        return framing_of_request(&t->request, t->status);
    return framing_of_response(&t->request, txn_status(t));
}

/* ---- its name -------------------------------------------------------------------------------- */

void txn_keep_id(struct txn *t)
{
    const struct txn_lane *lane = &t->lanes[LANE_REQUEST];
    if (!t->id.len && lane->headers_here)
        t->id = arena_copy(t->arena, headers_get(&lane->headers, EXTPROC_S("x-request-id"), 0));
}

struct extproc_str txn_id(struct txn *t)
{
    txn_keep_id(t);
    if (!t->id.len) {
        uint64_t number;
        if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
            number = (uintptr_t)t; /* early in the machine's life */
        t->id = arena_format(t->arena, "%016" PRIx64, number);
    }
    return t->id;
}

struct log_context txn_log_context(struct txn *t)
{
    return (struct log_context){.listener = t->listener, .peer = t->peer, .transaction = txn_id(t)};
}
