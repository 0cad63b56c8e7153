/* A plugin that fails leaves no changes: the property, over random callbacks with random edits.
 *
 * Two transactions are played with the same plugins and events. In one the culprit makes random
 * edits in some callback, and fails; in the other it does nothing there, and is not called again.
 * What the other plugins see in their callbacks, and the verdict of every event, is the same.
 */
#include "scene.h"

enum { N_SEEDS = 3000, N_EVENTS = 8, MAX_DEEDS = 6 };

/* How the culprit's last callback goes. */
enum ending {
    FAILS_AFTER_DEEDS,
    IS_IDLE, /* the other transaction */
    ANSWERS  /* the other one where the proxy listens: what a failure comes to */
};

static struct {
    unsigned seed, event; /* of all that is random */
    unsigned last;        /* the event of the culprit's last callback */
    enum ending ending;
    bool observing;
    uint64_t random;
    unsigned n_given, n_released;
    char text[32 * 1024]; /* what was seen */
    size_t len;
} world;

/* splitmix64 */
static unsigned roll(unsigned n)
{
    uint64_t z = world.random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % n);
}

/* From here on the same is rolled in both transactions, whatever was before. */
static void roll_anew(unsigned what)
{
    world.random = world.seed * 1000u + world.event * 10u + what;
}

EXTPROC_PRINTF(1, 2)
static void write_down(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(world.text + world.len, sizeof world.text - world.len, fmt, ap);
    va_end(ap);
    world.len += (size_t)len;
    cr_assert_lt(world.len, sizeof world.text);
}

/* ---- what a plugin sees ---------------------------------------------------------------------- */

static const struct extproc_str spaces[] = {EXTPROC_STR("one"), EXTPROC_STR("two")};
static const struct extproc_str words[] = {EXTPROC_STR("a"), EXTPROC_STR("bb"), EXTPROC_STR("ccc")};

static void write_namespace(struct extproc_txn *x, struct extproc_str ns)
{
    struct extproc_value dict = extproc_metadata(x, ns);
    struct extproc_field field;
    write_down(" %.*s", EXTPROC_ARG(ns));
    for (size_t i = 0; extproc_value_at(x, dict, i, &field); i++)
        write_down(" %.*s=%.*s", EXTPROC_ARG(field.key), EXTPROC_ARG(field.value.as.string));
}

static void write_view(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    write_down("%s in %d, body %d, end %d:", instance->name, (int)x->phase, (int)x->body_mode,
               x->end);
    for (enum extproc_map map = EXTPROC_MAP_REQUEST; map <= EXTPROC_MAP_RESPONSE_TRAILERS; map++) {
        struct extproc_header header;
        write_down(" | %d", (int)extproc_header_state(x, map));
        for (size_t i = 0; extproc_header_at(x, map, i, &header); i++)
            write_down(" %.*s: %.*s", EXTPROC_ARG(header.name), EXTPROC_ARG(header.value));
    }
    write_down(" | <%.*s>", EXTPROC_ARG(extproc_body(x)));
    write_namespace(x, spaces[0]);
    write_namespace(x, spaces[1]);
    write_down("\n");
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void release(void *arg)
{
    world.n_released++;
    free(arg);
}

static void give(struct extproc_txn *x, struct extproc_str bytes)
{
    char *copy = malloc(bytes.len);
    world.n_given++;
    extproc_body_set_nocopy(x, (struct extproc_str){memcpy(copy, bytes.ptr, bytes.len), bytes.len},
                            release, copy);
}

/* Where it is not allowed it has no effect, as in the other transaction. */
static void do_something(struct extproc_txn *x)
{
    struct extproc_str name = words[roll(3)], value = words[roll(3)];
    unsigned map = roll(4);
    switch (roll(6)) {
    case 0:
    case 1:
        extproc_header_edit(x, (enum extproc_map)map, (enum extproc_edit)roll(5), name, value);
        break;
    case 2:
        extproc_body_set(x, value);
        break;
    case 3:
        give(x, value);
        break;
    case 4:
        extproc_metadata_set(x, spaces[map % 2], name, extproc_string(value));
        break;
    default:
        extproc_clear_route(x);
    }
}

static void do_this_and_that(struct extproc_txn *x)
{
    for (unsigned n = roll(MAX_DEEDS + 1); n > 0; n--)
        do_something(x);
}

static enum extproc_action neighbour(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    write_view(x);
    roll_anew((unsigned char)*instance->name % 8);
    do_this_and_that(x);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action fail_somehow(struct extproc_txn *x)
{
    extproc_skip(x, 1u << roll(N_PHASES));
    switch (roll(4)) {
    case 0:
        extproc_reply(x, .status = 403, .body = words[0]);
        return EXTPROC_ACTION_FAIL;
    case 1:
        return EXTPROC_ACTION_RESPOND; /* without an answer */
    case 2:
        return (enum extproc_action)77;
    default:
        return EXTPROC_ACTION_FAIL;
    }
}

static enum extproc_action culprit(struct extproc_txn *x)
{
    roll_anew(9);
    if (world.event < world.last) {
        do_this_and_that(x);
        return EXTPROC_ACTION_CONTINUE;
    }
    if (world.ending == ANSWERS)
        return extproc_reply(x, .status = 500);
    if (world.ending == IS_IDLE)
        return extproc_skip(x, ALL_PHASES) == 0 ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_FAIL;
    do_this_and_that(x);
    return fail_somehow(x);
}

#define EVERY_PHASE(does)                                                                          \
    .request_headers = (does), .request_body = (does), .request_trailers = (does),                 \
    .response_headers = (does), .response_body = (does), .response_trailers = (does)

/* ---- one transaction ------------------------------------------------------------------------- */

static int read_metadata(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    struct extproc_field inner = {words[0], extproc_string(raw)}, outer = {.key = spaces[0]};
    value_dict(arena, &inner, 1, &outer.value);
    return value_dict(arena, &outer, 1, ret);
}

static void write_verdict(const struct verdict *v)
{
    write_down("verdict %d, route %d:", (int)v->kind, v->clear_route);
    for (uint32_t i = 0; v->headers && i < v->headers->n_cells; i++) {
        const struct cell *cell = &v->headers->cells[i];
        write_down(" %.*s %d", EXTPROC_ARG(cell->name), (int)cell->state);
        for (const struct cell_value *value = cell->first; value; value = value->next)
            write_down(" %.*s", EXTPROC_ARG(value->value));
    }
    if (v->body)
        write_down(" <%.*s>", EXTPROC_ARG(v->body->bytes));
    for (const struct metadata_entry *e = v->metadata ? v->metadata->first : NULL; e; e = e->next)
        write_down(" %.*s/%.*s=%.*s", EXTPROC_ARG(e->ns), EXTPROC_ARG(e->key),
                   EXTPROC_ARG(e->value.as.string));
    if (v->answer)
        write_down(" %u", v->answer->status);
    write_down("\n");
}

static const struct verdict *play_event(struct scene *s, enum phase phase, bool end)
{
    roll_anew(0);
    s->event.observing = world.observing;
    if (roll(2))
        s->event.metadata =
            (struct tree){.raw = scene_copy(s, words[roll(3)]), .read = read_metadata};
    if (phase_part(phase) == PART_BODY)
        return prepared_body(s, phase, end, "chunk");
    return prepared_headers(s, phase, end, H(":method", "POST"), H(":status", "200"), H("a", "1"));
}

/* False: the transaction is over. */
static bool play_and_check(struct scene *s, enum phase phase, bool end)
{
    const struct verdict *v = play_event(s, phase, end);
    enum verdict_kind kind = v->kind;
    write_verdict(v);
    unsigned n_released = world.n_released;
    scene_settle(s);
    world.event++;
    cr_assert_eq(world.n_given, world.n_released, "seed %u: given %u times, released %u",
                 world.seed, world.n_given, world.n_released);
    cr_assert_leq(n_released, world.n_given);
    return kind == VERDICT_CONTINUE;
}

static void play_direction(struct scene *s, enum lane lane, bool *goes_on)
{
    bool whole = s->modes[lane] == BODY_MODE_BUFFERED;
    *goes_on = *goes_on && play_and_check(s, phase_of(lane, PART_HEADERS), false);
    for (int i = whole ? 1 : 0; i < 2; i++)
        *goes_on = *goes_on && play_and_check(s, phase_of(lane, PART_BODY), false);
    *goes_on = *goes_on && play_and_check(s, phase_of(lane, PART_TRAILERS), true);
}

static const char *play_transaction(unsigned seed, bool observing, enum ending ending)
{
    SCENE(s, {.name = "a", EVERY_PHASE(neighbour)}, {.name = "b", EVERY_PHASE(culprit)},
          {.name = "c", EVERY_PHASE(neighbour)});
    bool goes_on = true;
    memset(&world, 0, sizeof world);
    world.seed = seed;
    world.random = seed;
    world.observing = observing;
    world.ending = ending;
    world.last = roll(N_EVENTS);
    for (enum lane lane = 0; lane < N_LANES; lane++)
        s.modes[lane] = roll(2) ? BODY_MODE_BUFFERED : BODY_MODE_STREAMED;
    play_direction(&s, LANE_REQUEST, &goes_on);
    play_direction(&s, LANE_RESPONSE, &goes_on);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
    return world.text;
}

Test(undo, the_others_see_nothing_of_a_plugin_that_fails)
{
    static char failed[sizeof world.text];
    for (unsigned seed = 1; seed <= N_SEEDS; seed++) {
        strcpy(failed, play_transaction(seed, true, FAILS_AFTER_DEEDS));
        const char *idle = play_transaction(seed, true, IS_IDLE);
        cr_assert_str_eq(failed, idle, "seed %u:\n%s\nis not\n%s", seed, failed, idle);
    }
}

/* A failure in a phase in which no answer can be sent closes the stream instead. */
Test(undo, an_answer_for_a_plugin_that_fails_has_nothing_of_it)
{
    static char failed[sizeof world.text];
    for (unsigned seed = 1; seed <= N_SEEDS; seed++) {
        strcpy(failed, play_transaction(seed, false, FAILS_AFTER_DEEDS));
        const char *answered = play_transaction(seed, false, ANSWERS);
        cr_assert_str_eq(failed, answered, "seed %u:\n%s\nis not\n%s", seed, failed, answered);
    }
}

/* ---- single edits ---------------------------------------------------------------------------- */

static enum extproc_action answer_and_go_on(struct extproc_txn *x)
{
    extproc_reply(x, .status = 403, .body = EXTPROC_S("no"));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action respond_without(struct extproc_txn *x)
{
    return EXTPROC_ACTION_RESPOND;
}

Test(undo, an_immediate_response_that_is_not_returned_is_dropped)
{
    SCENE(s, {.name = "a", .request_headers = answer_and_go_on},
          {.name = "b", .request_headers = respond_without});

    const struct verdict *v = play_request(&s);
    cr_assert_eq(v->answer->status, 500);
    cr_assert_null(v->answer->body.ptr);
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}

static int refuse_to_open(struct extproc_txn *x)
{
    extproc_skip(x, EXTPROC_PHASE_REQUEST_BODY);
    return -EIO;
}

static unsigned n_closed;

static void count_close(struct extproc_txn *x, enum extproc_end why)
{
    n_closed++;
}

static enum extproc_action show(struct extproc_txn *x)
{
    note(x, "%.*s<%.*s>",
         EXTPROC_ARG(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-path"))),
         EXTPROC_ARG(extproc_body(x)));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action edit(struct extproc_txn *x)
{
    cr_assert_eq(extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-path"), EXTPROC_S("a")),
                 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(undo, a_plugin_that_does_not_open_is_not_there)
{
    SCENE(s, {.name = "a", .request_headers = edit},
          {.name = "b",
           .open = refuse_to_open,
           .close = count_close,
           .request_headers = edit,
           .request_body = edit},
          {.name = "c", .request_headers = show, .request_body = show});
    n_closed = 0;

    s.event.observing = true;
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"));
    scene_settle(&s);
    s.event.observing = true;
    prepared_body(&s, PHASE_REQUEST_BODY, true, "1");
    cr_assert_str_eq(s.journal, "a<>a<1>");
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_eq(n_closed, 0);
    scene_fini(&s);
}
