/* proxy: the order is a proxy's: a direction's headers, chunks and trailers, the request's headers
 * before any of the response. Whether the answers to earlier ones have come does not matter, but it
 * sends nothing while the host holds it up, or many answers wait to be read.
 */
#include "proxy.h"

#include "chance.h"
#include "chaos.h"
#include "kit/kit_private.h"
#include "reached.h"

#include <stdio.h>
#include <string.h>

enum { WAITING_MAX = 6, UNREAD_MAX = 6, SHORT_BODY = 40, LONG_BODY = 300, TOO_LONG = 413 };

/* ---- what there is to send ------------------------------------------------------------------- */

static void side_begin(struct side *s, bool many)
{
    static const enum body_mode modes[] = {BODY_MODE_NONE, BODY_MODE_STREAMED, BODY_MODE_BUFFERED};
    *s = (struct side){.mode = many ? BODY_MODE_STREAMED : modes[chance(3)],
                       .has_body = many || chance(3) > 0,
                       .has_trailers = chance(3) == 0};
    if (s->mode == BODY_MODE_NONE)
        s->has_body = false;
    if (s->has_body)
        s->len = many ? LONG_BODY + chance(BODY_MAX - LONG_BODY) : chance(SHORT_BODY);
    for (size_t i = 0; i < s->len; i++)
        s->body[i] = (char)('a' + chance(26));
}

void proxy_begin(struct transaction *t, unsigned number)
{
    *t = (struct transaction){
        .number = number, .reads = true, .observes = chance(10) == 0, .many = chance(24) == 0};
    for (enum lane lane = 0; lane < N_LANES; lane++)
        side_begin(&t->sides[lane], t->many && chance(2));
    record_begin(number);
    t->c = kit_call(kit, &(struct kit_how){.request = t->sides[LANE_REQUEST].mode,
                                           .response = t->sides[LANE_RESPONSE].mode,
                                           .observing = t->observes,
                                           .listener_says = t->observes,
                                           .piece_len = chance(4) ? 0 : 1 + chance(9)});
    kit_reads_late(t->c);
}

/* Lines as the kit wants them, and as a view has them. The host takes a digest out where a body has
 * changed, and that was undone each time. */
static const char *write_headers(struct text *seen, const char *first, unsigned number)
{
    static char sent[512];
    int len = snprintf(sent, sizeof sent, "%s\n" CHAOS_ID ": %u\ndigest: 1", first, number);
    for (unsigned n = chance(4); n > 0; n--)
        len += snprintf(sent + len, sizeof sent - (size_t)len, "\nx-%c: %u",
                        (char)('a' + chance(4)), chance(10));
    seen->len = 0;
    struct extproc_str rest = {sent, (size_t)len}, line;
    while (extproc_split(&rest, '\n', &line)) {
        const char *end = memchr(line.ptr + 1, ':', line.len - 1);
        size_t name_len = (size_t)(end - line.ptr);
        text_add(seen, (struct extproc_str){line.ptr, name_len});
        text_add(seen, EXTPROC_S("="));
        text_add(seen, (struct extproc_str){end + 2, line.len - name_len - 2});
        text_add(seen, EXTPROC_S("\n"));
    }
    return sent;
}

static void send_headers(struct transaction *t, enum lane lane)
{
    struct side *s = &t->sides[lane];
    bool end = !s->has_body && !s->has_trailers;
    const char *first = lane == LANE_REQUEST ? ":method: POST\n:path: /" : ":status: 200";
    const char *headers = write_headers(record_headers(t->number, lane), first, t->number);
    s->next = STEP_TRAILERS;
    if (end)
        s->next = STEP_DONE;
    else if (s->has_body)
        s->next = STEP_BODY;
    kit_headers(t->c, lane, headers, end);
}

static void send_body(struct transaction *t, enum lane lane)
{
    struct side *s = &t->sides[lane];
    size_t left = s->len - s->sent, most = t->many ? 1 : left;
    size_t n = s->mode == BODY_MODE_STREAMED && left ? 1 + chance((uint32_t)most) : left;
    struct extproc_str bytes = {s->body + s->sent, n};
    bool last = n == left;
    s->sent += n;
    if (last)
        s->next = s->has_trailers ? STEP_TRAILERS : STEP_DONE;
    kit_body_bytes(t->c, lane, bytes, last && !s->has_trailers);
}

static void send_trailers(struct transaction *t, enum lane lane)
{
    const char *trailers = write_headers(record_trailers(t->number, lane), "x-end: 1", t->number);
    t->sides[lane].next = STEP_DONE;
    kit_trailers(t->c, lane, trailers);
}

static bool is_sent(const struct transaction *t)
{
    return t->sides[LANE_REQUEST].next == STEP_DONE && t->sides[LANE_RESPONSE].next == STEP_DONE;
}

static bool may_send(const struct transaction *t, enum lane lane)
{
    if (t->sides[lane].next == STEP_DONE || kit_is_over(t->c) || kit_is_held(t->c))
        return false;
    if (lane == LANE_RESPONSE && t->sides[LANE_REQUEST].next == STEP_HEADERS)
        return false;
    if (kit_n_unread(t->c) >= UNREAD_MAX)
        return false;
    return t->many || kit_n_waiting(t->c) < WAITING_MAX;
}

/* Where a plugin is called in the pool, that has been done when the proxy goes on; the loop takes
 * notice when time passes. */
static void settle(void)
{
    if (settings.blocks)
        world_settle(kit_pool_of(kit));
}

static void send_next(struct transaction *t, enum lane lane)
{
    switch (t->sides[lane].next) {
    case STEP_HEADERS:
        send_headers(t, lane);
        break;
    case STEP_BODY:
        send_body(t, lane);
        break;
    case STEP_TRAILERS:
        send_trailers(t, lane);
        break;
    case STEP_DONE:
        break;
    }
    settle();
}

/* ---- what it gets ---------------------------------------------------------------------------- */

/* The values of each name in their order; names may stand in any. */
static void check_map(struct transaction *t, const struct proxy_map *map, const struct text *seen)
{
    struct extproc_str rest = {seen->bytes, seen->len}, line;
    struct extproc_header said[128];
    size_t n = 0;
    while (extproc_split(&rest, '\n', &line)) {
        const char *end = memchr(line.ptr, '=', line.len);
        if (!end)
            continue;
        size_t len = (size_t)(end - line.ptr);
        DEMAND(n < sizeof said / sizeof *said);
        said[n++] = (struct extproc_header){{line.ptr, len}, {end + 1, line.len - len - 1}};
    }
    const struct proxy_map expected = {.entries = said, .n = n};
    DEMAND(proxy_same(&expected, map));
}

/* Everything that was sent is answered: it has what the plugins have left. */
static void check_maps(struct transaction *t)
{
    const struct record *r = record_at(t->number);
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        const struct side *s = &t->sides[lane];
        const struct kit_side *got = &t->c->sides[lane];
        if (s->next != STEP_HEADERS)
            check_map(t, &got->headers, &r->walks[lane].after.headers);
        if (s->next == STEP_DONE && s->has_trailers)
            check_map(t, &got->trailers, &r->walks[lane].after.trailers);
    }
}

static void check_nothing_undone(struct transaction *t)
{
    static const enum extproc_map maps[] = {EXTPROC_MAP_REQUEST, EXTPROC_MAP_REQUEST_TRAILERS,
                                            EXTPROC_MAP_RESPONSE, EXTPROC_MAP_RESPONSE_TRAILERS};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        DEMAND(!kit_header(t->c, maps[i], CHAOS_UNDONE, 0).ptr);
    kit_expect_metadata(t->c, CHAOS_NAMESPACE, CHAOS_UNDONE, NULL);
}

/* As far as it has come it is what was sent. */
static void check_bodies(struct transaction *t)
{
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        struct extproc_str came = kit_body_so_far(t->c, lane);
        const struct side *s = &t->sides[lane];
        DEMAND(came.len <= s->sent && memcmp(came.ptr, s->body, came.len) == 0);
    }
}

static bool has_failed(const struct transaction *t)
{
    return t->c->finished && t->c->status != STATUS_OK;
}

/* A body whose end a plugin holds, and whose trailers have come, is cut. */
static bool is_cut(const struct transaction *t)
{
    const struct record *r = record_at(t->number);
    bool cut = false;
    for (enum lane lane = 0; lane < N_LANES; lane++)
        cut = cut || (t->sides[lane].has_trailers && t->sides[lane].next == STEP_DONE &&
                      record_holds(r, lane));
    return cut;
}

/* A complete body that is larger than a plugin takes: the plugin was not called with it. */
static bool is_too_long(const struct transaction *t)
{
    bool too_long = false;
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        const struct side *s = &t->sides[lane];
        for (unsigned i = 0; i < PLACES; i++) {
            bool complete = s->mode == BODY_MODE_BUFFERED || (settings.needy && i == NEEDY);
            too_long =
                too_long || (complete && settings.sections[i].on_max_body == POLICY_RESPOND &&
                             s->sent > settings.sections[i].max_body);
        }
    }
    return too_long;
}

/* A body that came in pieces, and a plugin needs it complete: it was not called with it either. */
static bool is_in_pieces(const struct transaction *t)
{
    const struct side *s = &t->sides[LANE_REQUEST];
    return settings.needy && s->mode == BODY_MODE_STREAMED && s->has_body &&
           s->next > STEP_HEADERS && (s->sent > 0 || s->next > STEP_BODY);
}

/* Does a failure by this outcome end the transaction so? */
static bool explains(const struct outcome *o, const struct transaction *t)
{
    bool begun = t->sides[LANE_RESPONSE].next != STEP_HEADERS;
    if (t->c->immediate)
        return o->action == POLICY_RESPOND &&
               (unsigned)t->c->last->immediate_response->status->code == o->status;
    return o->action == POLICY_CLOSE || (o->action == POLICY_RESPOND && begun);
}

/* It is over, and has to be for this reason: a plugin's response, or a failure, by its section.
 * Once the response has begun there is no immediate one. */
static void check_end(const struct transaction *t)
{
    const struct outcome *o = &record_at(t->number)->outcome;
    const struct outcome too_long = {true, POLICY_RESPOND, TOO_LONG};
    const struct outcome in_pieces = outcome_of_error(NEEDY);
    bool failed = has_failed(t);
    if (failed && t->c->status == STATUS_RESOURCE_EXHAUSTED) {
        DEMAND(settings.max_memory || settings.max_answer);
        reached(settings.max_memory ? REACHED_MEMORY : REACHED_LONG_ANSWER);
        return;
    }
    if (!failed && !t->c->immediate) {
        DEMAND(!o->any || (settings.blocks && kit_n_waiting(t->c) > 0));
        return;
    }
    if (failed && is_cut(t))
        reached(REACHED_CUT);
    DEMAND(!failed || t->c->status == STATUS_INTERNAL);
    DEMAND((o->any && explains(o, t)) || (failed && is_cut(t)) ||
           (is_too_long(t) && explains(&too_long, t)) ||
           (is_in_pieces(t) && explains(&in_pieces, t)));
}

static bool is_complete(const struct transaction *t)
{
    return is_sent(t) && kit_n_waiting(t->c) == 0 && !t->c->immediate && !has_failed(t);
}

void proxy_read(struct transaction *t)
{
    kit_take_answers(t->c);
    check_end(t);
    check_bodies(t);
    check_nothing_undone(t);
    DEMAND(!kit_is_held(t->c) || kit_is_over(t->c) || kit_n_waiting(t->c) > 0 || t->observes);
    if (kit_n_waiting(t->c) == 0 && !t->c->immediate && !has_failed(t) && !settings.max_memory &&
        !t->observes)
        check_maps(t);
    if (t->half_closed && kit_n_waiting(t->c) == 0)
        DEMAND(kit_is_over(t->c));
    if (is_complete(t))
        for (enum lane lane = 0; lane < N_LANES; lane++)
            DEMAND(kit_body_len(t->c, lane) == t->sides[lane].len);
}

bool proxy_goes_on(const struct transaction *t)
{
    return kit_n_unread(t->c) == 0 && !kit_is_over(t->c);
}

bool proxy_is_at_rest(const struct transaction *t, size_t *ret_held)
{
    *ret_held = 0;
    for (enum lane lane = 0; lane < N_LANES; lane++)
        *ret_held += t->sides[lane].sent - kit_body_len(t->c, lane);
    return proxy_goes_on(t) && kit_n_waiting(t->c) == 0 && !t->observes;
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void leave(struct transaction *t)
{
    if (t->reads)
        proxy_read(t);
    kit_reset(t->c);
    settle();
    t->c = NULL;
}

void proxy_stop(struct transaction *t)
{
    kit_stop(t->c);
    settle();
    t->c = NULL;
}

/* Small pieces come one after the other, as long as it may. */
static void send_some(struct transaction *t)
{
    enum lane lane = (enum lane)chance(N_LANES);
    for (unsigned n = t->many ? 1 + chance(LONG_BODY) : 1; n > 0 && may_send(t, lane); n--)
        send_next(t, lane);
    if (kit_is_held(t->c))
        reached(REACHED_HELD_UP);
    if (!t->reads && kit_n_unread(t->c) > 0)
        reached(REACHED_UNREAD);
}

void proxy_step(struct transaction *t)
{
    if (chance(t->reads ? 40 : 4) == 0)
        t->reads = !t->reads;
    if (t->reads)
        proxy_read(t);
    bool over = t->reads && (kit_is_over(t->c) || is_complete(t));
    if (is_sent(t) && !t->half_closed && !kit_is_over(t->c) && !t->observes && chance(2)) {
        t->half_closed = true; /* what it has sent may wait still */
        kit_half_close(t->c);
    } else if (over || chance(60) == 0) {
        leave(t);
    } else if (!t->half_closed) {
        send_some(t);
    }
}
