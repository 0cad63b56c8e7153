/* recipe: what the proxy must be set to so that a configuration works, whatever syntax it is
 * written in. */
#include "process/proxy/recipe.h"

#include "base/str.h"
#include "session/proxy_names.h"

#include <errno.h>

enum {
    /* Bytes of a message besides its body: the dynamic metadata, and protobuf's overhead. */
    MESSAGE_OVERHEAD = 64 * 1024,
    MANY = 1000000, /* where extprocd itself has no limit */
    HEALTH_MS_MIN = 50,
    HEALTH_MS_MAX = 1000,
    MESSAGE_S = 1 /* Envoy's default of 200 ms is too short for a loaded machine */
};

/* ---- the processing mode --------------------------------------------------------------------- */

static bool wants_part(const struct generation *g, enum lane lane, enum part part)
{
    bool any = false;
    for (size_t i = 0; i < g->n_chains; i++)
        any = any || (g->chains[i].wants & phase_bit(phase_of(lane, part)));
    return any;
}

static bool reports_ends(const struct generation *g)
{
    for (size_t i = 0; i < g->n_chains; i++)
        for (uint16_t at = 0; at < g->chains[i].n_instances; at++)
            if (g->chains[i].instances[at]->plugin->close)
                return true;
    return false;
}

static bool sends_body(const struct recipe *recipe, enum lane lane)
{
    return mode_of(recipe->body[lane])->body != MODE_BODY_NEVER;
}

static void make_mode(const struct generation *g, struct recipe *recipe)
{
    for (enum lane lane = LANE_REQUEST; lane < N_LANES; lane++) {
        for (size_t i = 0; i < g->n_chains; i++)
            if (g->chains[i].needs[lane] > recipe->body[lane])
                recipe->body[lane] = g->chains[i].needs[lane];
        /* Without headers the content-length of a BUFFERED body could not be corrected. */
        recipe->headers[lane] =
            wants_part(g, lane, PART_HEADERS) || mode_of(recipe->body[lane])->holds_headers;
        /* A body that trailers follow does not say which chunk is its last: without them its end
         * looks like a cut, which a plugin with a close() would report. */
        recipe->trailers[lane] =
            wants_part(g, lane, PART_TRAILERS) || (sends_body(recipe, lane) && reports_ends(g));
    }
}

const char *recipe_send(bool wanted)
{
    return wanted ? "SEND" : "SKIP";
}

static bool sends(const struct recipe *recipe, enum lane lane)
{
    return recipe->headers[lane] || sends_body(recipe, lane) || recipe->trailers[lane];
}

/* ---- names ----------------------------------------------------------------------------------- */

static int make_names(const struct want *first, struct arena *arena, struct recipe_names *ret)
{
    size_t n = 0;
    for (const struct want *w = first; w; w = w->next)
        n++;
    struct extproc_str *items = arena_array(arena, n, sizeof *items);
    if (!items)
        return -ENOMEM;
    *ret = (struct recipe_names){items, n};
    for (const struct want *w = first; w; w = w->next)
        *items++ = w->name;
    return 0;
}

/* Known only once there is a response. */
static bool is_late(struct extproc_str attribute)
{
    return extproc_has_prefix(attribute, EXTPROC_S("response.")) ||
           extproc_has_prefix(attribute, EXTPROC_S("upstream."));
}

/* An attribute is sent once, with the first message of a direction, and remembered for the rest of
 * the transaction: so the first direction that is sent at all is the place, unless the value comes
 * later. */
static int make_attributes(const struct generation *g, struct arena *arena, struct recipe *recipe)
{
    struct wants all = {0}, lanes[N_LANES] = {0};
    enum lane early = sends(recipe, LANE_REQUEST) ? LANE_REQUEST : LANE_RESPONSE;
    int r = generation_wants(g, WANT_ATTRIBUTE, arena, &all);
    /* The transaction's name in the log; if the request's headers are sent, they contain it. */
    if (r == 0 && sends(recipe, early) && !recipe->headers[LANE_REQUEST])
        r = wants_add(&lanes[early], arena, WANT_ATTRIBUTE, proxy_hints.id);
    for (const struct want *w = all.first[WANT_ATTRIBUTE]; r == 0 && w; w = w->next)
        r = wants_add(&lanes[is_late(w->name) ? LANE_RESPONSE : early], arena, WANT_ATTRIBUTE,
                      w->name);
    for (enum lane lane = 0; r == 0 && lane < N_LANES; lane++)
        r = make_names(lanes[lane].first[WANT_ATTRIBUTE], arena, &recipe->attributes[lane]);
    return r;
}

static int make_metadata(const struct generation *g, enum want_kind kind, struct arena *arena,
                         struct recipe_names *ret)
{
    struct wants all = {0};
    int r = generation_wants(g, kind, arena, &all);
    return r < 0 ? r : make_names(all.first[kind], arena, ret);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static uint32_t at_most(uint64_t n, uint32_t most)
{
    return n < most ? (uint32_t)n : most;
}

/* The proxy's own limits must not be the ones that are reached first: those of extprocd are
 * logged. */
static void make_limits(const struct settings *settings, struct recipe *recipe)
{
    const struct transport_limits *l = &recipe->listener->transport.limits;
    bool complete = mode_of(recipe->body[LANE_REQUEST])->body == MODE_BODY_WHOLE ||
                    mode_of(recipe->body[LANE_RESPONSE])->body == MODE_BODY_WHOLE;
    size_t half = l->max_message / 2;
    size_t room = l->max_message - (half < MESSAGE_OVERHEAD ? half : MESSAGE_OVERHEAD);
    recipe->buffer_limit = complete ? room : 0;
    recipe->connections = l->max_connections ? l->max_connections : MANY;
    recipe->streams =
        l->max_streams ? at_most((uint64_t)recipe->connections * l->max_streams, INT32_MAX) : MANY;
}

/* The failures that it takes fit into half of the lame duck: the first check may come an interval
 * late. */
static uint32_t health_interval(uint64_t lame_duck_ms)
{
    uint32_t ms = at_most(lame_duck_ms / (2 * RECIPE_HEALTH_FAILURES), HEALTH_MS_MAX);
    if (lame_duck_ms == 0)
        return HEALTH_MS_MAX / 2;
    return ms > HEALTH_MS_MIN ? ms : HEALTH_MS_MIN;
}

/* The timeouts of extprocd are to be over first: it logs them, and on_error decides what follows.
 * The plugins of a chain may wait one after another; those in shadow keep nothing waiting. */
static void make_message_timeout(const struct generation *g, struct recipe *recipe)
{
    recipe->message_s = MESSAGE_S;
    for (size_t i = 0; i < g->n_chains; i++) {
        uint64_t ms = 0;
        for (uint16_t at = 0; at < g->chains[i].n_instances; at++) {
            const struct instance *in = g->chains[i].instances[at];
            if (in->plugin->resume && in->policy.mode == POLICY_MODE_ENFORCE)
                ms += in->policy.timeout_ms;
        }
        uint32_t s = at_most(MESSAGE_S + (ms + 999) / 1000, INT32_MAX);
        if (s > recipe->message_s)
            recipe->message_s = s;
    }
}

static void make_header_limits(struct recipe *recipe)
{
    const struct proxy_settings *p = &recipe->listener->proxy_settings;
    recipe->max_headers = p->max_headers;
    recipe->max_header_kb = (uint32_t)((p->max_header_bytes + 1023) / 1024);
    recipe->header_limits =
        p->max_headers != PROXY_MAX_HEADERS || p->max_header_bytes != PROXY_MAX_HEADER_BYTES;
}

static void make_tls(const struct settings *settings, struct arena *arena, struct recipe *recipe)
{
    const struct transport_ops *ops = settings->ops;
    if (ops && recipe->listener->transport.tls.cert && ops->tls_name)
        recipe->tls_name =
            ops->tls_name(&recipe->listener->transport.tls, arena, &recipe->tls_kind);
}

int recipe_make(const struct setup *s, struct arena *arena, struct recipe *ret)
{
    struct recipe recipe = {.listener = &s->settings.listeners[0]};
    make_mode(s->generation, &recipe);
    make_limits(&s->settings, &recipe);
    make_header_limits(&recipe);
    make_message_timeout(s->generation, &recipe);
    recipe.health_ms = health_interval(s->settings.lame_duck_ms);
    make_tls(&s->settings, arena, &recipe);
    int r = make_attributes(s->generation, arena, &recipe);
    if (r == 0)
        r = make_metadata(s->generation, WANT_METADATA, arena, &recipe.metadata);
    if (r == 0)
        r = make_metadata(s->generation, WANT_METADATA_WRITE, arena, &recipe.metadata_write);
    if (r == 0)
        r = make_metadata(s->generation, WANT_STREAM_METADATA, arena, &recipe.stream_metadata);
    if (r == 0)
        *ret = recipe;
    return r;
}
