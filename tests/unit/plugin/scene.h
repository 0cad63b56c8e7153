/* scene: one transaction played to a chain of plugins that a test writes down, event by event.
 *
 * What an event shows lies in the message's arena and is gone when the next event comes, so a view
 * that was kept too long is found by AddressSanitizer. Every callback may write into the journal.
 */
#ifndef TESTS_UNIT_PLUGIN_SCENE_H
#define TESTS_UNIT_PLUGIN_SCENE_H

#include "base/str.h"
#include "kit/lines.h"
#include "plugin/api/api.h"
#include "plugin/run/handle.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCENE_PLUGINS = 4 };

/* A proxy that guards its routing, and takes so much. */
static const struct rules_name scene_guarded[] = {
    {.name = EXTPROC_STR(":authority"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR("host"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR(":method"), .unless_replaced = true, .remedy = "unlock routing"},
};
static const struct rules scene_rules = {
    .proxy = "the proxy of the scene",
    .names = scene_guarded,
    .n_names = sizeof scene_guarded / sizeof *scene_guarded,
    .max_edits = 100,
    .max_entries = 100,
    .max_bytes = 60 * 1024,
    .limits_remedy = "raise the limits",
    .fits_length = true,
    .sends_headers = {"send request headers", "send response headers"},
    .sends_body = {"send the request's body", "send the response's body"},
    .sends_complete_body = {"send all of the request", "send all of the response"},
    .holds_headers = {"hold request headers", "hold response headers"},
    .details = "service",
};

struct scene {
    struct arena memory, stream, message; /* the chain's life, the transaction's, the event's */
    struct plugin_env env;
    char log_file[32];
    struct instance instances[SCENE_PLUGINS];
    struct chain chain;
    struct generation *generation;
    struct loop loop;
    struct txn txn;
    struct event event; /* the next one; what a test sets here before it is played goes with it */
    enum body_mode modes[N_LANES];
    struct turn turn;
    bool turn_begun;
    char journal[256];
};

static inline void scene_add(struct scene *s, size_t i, const struct extproc_plugin *plugin)
{
    extproc_on_fn *const on[N_PHASES] = {
        plugin->request_headers,  plugin->request_body,  plugin->request_trailers,
        plugin->response_headers, plugin->response_body, plugin->response_trailers,
    };
    struct instance *instance = &s->instances[i];
    instance->pub = (struct extproc_instance){.api = &plugin_api, .self = s};
    instance->name = plugin->name;
    instance->env = &s->env;
    instance->plugin = plugin;
    instance->policy.on_error_status = 500;
    for (enum phase phase = 0; phase < N_PHASES; phase++) {
        instance->on[phase] = on[phase];
        instance->interest |= on[phase] ? phase_bit(phase) : 0;
    }
}

/* The plugins, in request order; they must stay. */
static inline void scene_init(struct scene *s, const struct extproc_plugin *plugins, size_t n)
{
    struct instance *list[SCENE_PLUGINS];
    struct config_errors errors = {0};
    memset(s, 0, sizeof *s);
    loop_init(&s->loop, NULL);
    arena_init(&s->memory, 1024);
    arena_init(&s->stream, 256);
    arena_init(&s->message, 1024);
    strcpy(s->log_file, "/tmp/extprocd-scene-XXXXXX");
    close(mkstemp(s->log_file));
    s->env.api = &plugin_api;
    cr_assert_eq(log_new(&(struct log_options){.file = s->log_file}, &s->env.log), 0);
    for (size_t i = 0; i < n; i++) {
        scene_add(s, i, &plugins[i]);
        list[i] = &s->instances[i];
    }
    cr_assert_eq(chain_init(&s->chain, "test", list, n, &s->memory), 0);
    s->generation = generation_build(NULL, &s->env, &errors);
    cr_assert_not_null(s->generation);
    s->modes[LANE_REQUEST] = s->modes[LANE_RESPONSE] = BODY_MODE_STREAMED;
    txn_init(&s->txn, s->generation, &s->loop, &s->stream);
    s->txn.chain = &s->chain;
    s->txn.rules = &scene_rules;
}

#define SCENE(s, ...)                                                                              \
    static const struct extproc_plugin s##_plugins[] = {__VA_ARGS__};                              \
    struct scene s;                                                                                \
    scene_init(&s, s##_plugins, sizeof s##_plugins / sizeof *s##_plugins)

/* Ends the turn that was played last. */
static inline void scene_settle(struct scene *s)
{
    if (s->turn_begun)
        turn_end(&s->turn);
    s->turn_begun = false;
    s->event = (struct event){0};
    arena_reset(&s->message);
}

static inline void scene_close(struct scene *s, enum extproc_end why)
{
    scene_settle(s);
    txn_end(&s->txn, why, NULL, NULL);
}

/* After scene_close(). */
static inline void scene_fini(struct scene *s)
{
    generation_unref(s->generation);
    loop_fini(&s->loop);
    log_free(s->env.log);
    unlink(s->log_file);
    arena_fini(&s->message);
    arena_fini(&s->stream);
    arena_fini(&s->memory);
}

/* What the log has to say so far. */
static inline const char *scene_log(struct scene *s)
{
    char *text = arena_zalloc(&s->memory, 64 * 1024);
    FILE *file = fopen(s->log_file, "r");
    size_t len = fread(text, 1, 64 * 1024 - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

#define SCENE_LOGGED(s, what)                                                                      \
    cr_assert(lines_have(scene_log(s), what), "no \"%s\" in the log:\n%s", what, scene_log(s))

/* ---- events ---------------------------------------------------------------------------------- */

static inline struct extproc_str scene_copy(struct scene *s, struct extproc_str text)
{
    return arena_copy(&s->message, text);
}

static inline const struct verdict *scene_play(struct scene *s, enum phase phase, bool end)
{
    event_is(&s->event, phase);
    s->event.end = end;
    for (enum lane lane = 0; lane < N_LANES; lane++)
        s->txn.lanes[lane].direction.mode = s->modes[lane];
    cr_assert_eq(turn_begin(&s->turn, &s->txn, &s->event, &s->message), 0);
    s->turn_begun = true;
    cr_assert_eq(turn_run(&s->turn), TURN_DONE);
    if (s->turn.verdict.kind != VERDICT_CLOSE && !s->event.observing)
        turn_answer(&s->turn);
    return &s->turn.verdict;
}

static inline const struct verdict *scene_map(struct scene *s, enum phase phase, bool end,
                                              const struct extproc_header *headers, size_t n)
{
    struct extproc_header *copies = arena_array(&s->message, n, sizeof *copies);
    for (size_t i = 0; i < n; i++) {
        copies[i].name = scene_copy(s, headers[i].name);
        copies[i].value = scene_copy(s, headers[i].value);
    }
    s->event.headers = copies;
    s->event.n_headers = n;
    return scene_play(s, phase, end);
}

#define H(name, value)                                                                             \
    {                                                                                              \
        EXTPROC_STR(name), EXTPROC_STR(value)                                                      \
    }
/* Headers or trailers: play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"), ...) */
#define play_headers(s, phase, end, ...)                                                           \
    (scene_settle(s), prepared_headers(s, phase, end, __VA_ARGS__))
/* The same for a test that has prepared s->event. */
#define prepared_headers(s, phase, end, ...)                                                       \
    scene_map(s, phase, end, (const struct extproc_header[]){__VA_ARGS__},                         \
              sizeof((const struct extproc_header[]){__VA_ARGS__}) /                               \
                  sizeof(struct extproc_header))

static inline const struct verdict *prepared_body(struct scene *s, enum phase phase, bool end,
                                                  const char *bytes)
{
    struct extproc_str *piece = arena_alloc(&s->message, sizeof *piece);
    *piece = scene_copy(s, extproc_str_of(bytes));
    body_init(&s->event.body, piece, 1);
    return scene_play(s, phase, end);
}

static inline const struct verdict *play_body(struct scene *s, enum phase phase, bool end,
                                              const char *bytes)
{
    scene_settle(s);
    return prepared_body(s, phase, end, bytes);
}

static inline const struct verdict *play_request(struct scene *s)
{
    return play_headers(s, PHASE_REQUEST_HEADERS, false, H(":method", "POST"), H(":path", "/"),
                        H("x-request-id", "id-1"), H("content-length", "5"));
}

static inline const struct verdict *play_response(struct scene *s)
{
    return play_headers(s, PHASE_RESPONSE_HEADERS, false, H(":status", "200"));
}

/* "name=value" reads as a DICT of one string, anything else not at all. */
static inline int scene_tree_read(struct extproc_str raw, struct arena *arena,
                                  struct extproc_value *ret)
{
    const char *sign = memchr(raw.ptr, '=', raw.len);
    if (!sign)
        return -EBADMSG;
    struct extproc_field field = {
        .key = {raw.ptr, (size_t)(sign - raw.ptr)},
        .value =
            extproc_string((struct extproc_str){sign + 1, raw.len - (size_t)(sign - raw.ptr) - 1}),
    };
    return value_dict(arena, &field, 1, ret);
}

static inline struct tree scene_tree(struct scene *s, const char *text)
{
    return (struct tree){.raw = scene_copy(s, extproc_str_of(text)), .read = scene_tree_read};
}

/* ---- in callbacks ---------------------------------------------------------------------------- */

static inline struct scene *scene_of(const struct extproc_txn *x)
{
    return x->self;
}

EXTPROC_PRINTF(2, 3)
static inline void note(const struct extproc_txn *x, const char *fmt, ...)
{
    struct scene *s = scene_of(x);
    size_t len = strlen(s->journal);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->journal + len, sizeof s->journal - len, fmt, ap);
    va_end(ap);
}

/* ---- what came of it ------------------------------------------------------------------------- */

/* What the verdict's cells say of a name: "set a b", "append a", "remove", "none". */
static inline const char *scene_cell(struct scene *s, const char *name)
{
    static const char *const states[] = {"append", "set", "remove"};
    const struct headers *map = s->turn.verdict.headers;
    for (size_t i = 0; map && i < map->n_cells; i++) {
        if (!str_eq_c(map->cells[i].name, name))
            continue;
        struct extproc_str text = extproc_str_of(states[map->cells[i].state]);
        for (const struct cell_value *v = map->cells[i].first; v; v = v->next)
            text = arena_format(&s->memory, "%.*s %.*s", EXTPROC_ARG(text), EXTPROC_ARG(v->value));
        return arena_format(&s->memory, "%.*s", EXTPROC_ARG(text)).ptr;
    }
    return "none";
}

#define assert_str(s, text)                                                                        \
    cr_assert(str_eq_c(s, text), "\"%.*s\" is not \"%s\"", EXTPROC_ARG(s), text)

#endif
