/* txn: what is known of a transaction from one event to the next.
 *
 * It costs no memory but its own until a plugin is called. What a message brought is kept only
 * while some plugin may still be called; once none can be, it is dropped with the message. So
 * whether something is left in close() would depend on the neighbours in the chain: close() sees
 * nothing, but for the headers where a plugin says that it reads them there.
 */
#include "plugin/run/txn.h"

#include "base/str.h"
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

bool txn_ready_handles(struct txn *t)
{
    if (!t->handles)
        t->handles = arena_zalloc(t->arena, t->chain->n_instances * sizeof *t->handles);
    return t->handles;
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

/* ---- what is looked at ----------------------------------------------------------------------- */

static const struct extproc_value absent = {EXTPROC_KIND_ABSENT};

static struct extproc_value kept_attribute(struct txn *t, enum lane lane, struct extproc_str name)
{
    return value_get(tree_value(&t->lanes[lane].attributes, t->arena), name);
}

struct extproc_value txn_attribute(const struct txn_view *view, struct extproc_str name)
{
    enum lane lane = view->event ? view->event->lane : LANE_REQUEST;
    struct extproc_value v = absent;
    if (view->event)
        v = value_get(tree_value(&view->event->attributes, view->arena), name);
    if (v.kind == EXTPROC_KIND_ABSENT)
        v = kept_attribute(view->txn, lane, name);
    if (v.kind == EXTPROC_KIND_ABSENT)
        v = kept_attribute(view->txn, other_lane(lane), name);
    return v;
}

/* The metadata of a message replaces all earlier metadata, so an older one counts only if none
 * came. */
static struct extproc_value proxys_metadata(const struct txn_view *view, struct extproc_str ns)
{
    if (view->event && view->event->metadata.raw.len > 0)
        return value_get(tree_value(&view->event->metadata, view->arena), ns);
    return value_get(tree_value(&view->txn->metadata, view->txn->arena), ns);
}

/* Merges over that the metadata that plugins have sent to the proxy: in earlier phases, whether the
 * proxy sends it back or not, and in this one. */
struct extproc_value txn_metadata(const struct txn_view *view, struct extproc_str ns)
{
    struct extproc_value v = proxys_metadata(view, ns);
    if (view->event && view->txn->sent)
        v = metadata_over(&view->txn->sent->metadata, ns, v, view->arena);
    if (view->event && view->sent)
        v = metadata_over(view->sent, ns, v, view->arena);
    return v;
}

static struct extproc_value look_at_attribute(void *arg, struct extproc_str name)
{
    return txn_attribute(arg, name);
}

static struct extproc_value look_at_metadata(void *arg, struct extproc_str ns)
{
    return txn_metadata(arg, ns);
}

static struct extproc_str look_at_field(void *arg, const char *name)
{
    const struct txn *t = ((const struct txn_view *)arg)->txn;
    return t->field ? t->field(t, name) : STR_ABSENT;
}

struct facts txn_facts(struct txn_view *view)
{
    static const struct facts_source source = {
        .attribute = look_at_attribute, .metadata = look_at_metadata, .field = look_at_field};
    struct txn *t = view->txn;
    struct facts facts = {
        .listener = t->listener,
        .status = txn_status(t),
        .source = &source,
        .arg = view,
        .arena = view->arena,
        .loop = t->loop,
    };
    for (enum lane lane = 0; lane < N_LANES; lane++)
        if (t->lanes[lane].headers_here)
            facts.headers[lane] = &t->lanes[lane].headers;
    return facts;
}

/* ---- its conditions -------------------------------------------------------------------------- */

/* In handle.judged. */
enum {
    JUDGED_EARLY = 1 << 0,  /* those on the request */
    JUDGED_LATE = 1 << 1,   /* those on the response too */
    UNLESS_REQUEST = 1 << 2 /* of `unless` those on the request hold */
};
enum { RESPONSE_PHASES = ALL_PHASES & ~((1 << PHASE_RESPONSE_HEADERS) - 1) };

/* False: it cannot be decided. */
static bool judge_early(struct handle *h, const struct instance *in, const struct facts *facts,
                        const struct condition **ret_failed)
{
    enum match when = conditions_hold_early(&in->when, facts, ret_failed), unless = MATCH_NO;
    h->judged |= JUDGED_EARLY;
    if (when != MATCH_NO && in->unless.n > 0)
        unless = conditions_hold_early(&in->unless, facts, ret_failed);
    bool excepted = unless == MATCH_YES && in->unless.n_late == 0;
    if (when == MATCH_NO || excepted)
        h->skipped |= ALL_PHASES;
    else if (unless == MATCH_YES)
        h->judged |= UNLESS_REQUEST;
    return when == MATCH_NO || excepted || (when != MATCH_FAILED && unless != MATCH_FAILED);
}

static bool judge_late(struct handle *h, const struct instance *in, const struct facts *facts,
                       const struct condition **ret_failed)
{
    enum match when = conditions_hold_late(&in->when, facts, ret_failed), unless = MATCH_NO;
    h->judged |= JUDGED_LATE;
    if (when != MATCH_NO && in->unless.n_late > 0 && h->judged & UNLESS_REQUEST)
        unless = conditions_hold_late(&in->unless, facts, ret_failed);
    bool excepted = unless == MATCH_YES;
    if (when == MATCH_NO || excepted)
        h->skipped |= RESPONSE_PHASES;
    return when == MATCH_NO || excepted || (when != MATCH_FAILED && unless != MATCH_FAILED);
}

bool txn_judge(struct txn_view *view, uint16_t place, enum lane lane,
               const struct condition **ret_failed)
{
    const struct instance *in = view->txn->chain->instances[place];
    struct handle *h = &view->txn->handles[place];
    bool early = !(h->judged & JUDGED_EARLY);
    bool late = lane == LANE_RESPONSE && instance_waits(in) && !(h->judged & JUDGED_LATE);
    if (!early && !late)
        return true;
    struct facts facts = txn_facts(view);
    if (early && !judge_early(h, in, &facts, ret_failed))
        return false;
    return !late || h->skipped == ALL_PHASES || judge_late(h, in, &facts, ret_failed);
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
    return (struct log_context){.listener = t->listener,
                                .peer = t->peer,
                                .transaction = txn_id(t),
                                .chain = t->chain ? t->chain->name : NULL};
}
