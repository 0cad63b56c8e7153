/* generation: several threads, each with complete transactions of its own, over one generation, as
 * in a proxy with threads that has loaded the host into itself. Nothing below session/ may belong
 * to a process or a thread, `self` is shared and only read, and the thread that drops the last
 * reference runs fini(), once.
 */
#include "plugin/generation.h"

#include "base/str.h"
#include "count.h"
#include "crew.h"
#include "plugin/api/api.h"
#include "session/session.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RUNNERS = 4, KEEPERS = 2, TRANSACTIONS = 400, TURNS = 20000, NAME_SIZE = 32, N_PLUGINS = 3 };
enum { CHUNKS = RUNNERS * TRANSACTIONS * 2, CHUNK_LEN = 5 };

static const char ini[] = "[plugin:count]\n"
                          "[plugin:tags]\nfile = headers.so\n"
                          "request.set = x-tag: <%REQ(x-name)%>\n"
                          "response.set = x-tag: <%REQ(x-name)%>\n"
                          "[plugin:control]\nfile = instructions.so\n";

/* ---- one transaction after another ----------------------------------------------------------- */

struct runner {
    struct generation *generation; /* a reference */
    struct loop loop;
    struct session_env env;
    unsigned number;
    char name[NAME_SIZE]; /* of the transaction at hand */
    unsigned n_verdicts, n_wrong;
};

static bool has(const struct verdict *v, const char *header, const char *value)
{
    return v->headers && str_eq_c(headers_get(v->headers, extproc_str_of(header), 0), value);
}

static void look_at_verdict(void *arg, const struct verdict *v, struct arena *arena)
{
    struct runner *r = arg;
    char tag[NAME_SIZE + 2];
    bool right = v->kind == VERDICT_CONTINUE;
    snprintf(tag, sizeof tag, "<%s>", r->name);
    if (v->phase == PHASE_REQUEST_HEADERS)
        right = right && has(v, "x-tag", tag) && has(v, "x-said", r->name);
    else if (v->phase == PHASE_RESPONSE_HEADERS)
        right = right && has(v, "x-tag", tag) && has(v, "x-counted", r->name);
    r->n_verdicts++;
    r->n_wrong += !right;
}

static void note_failure(void *arg, enum status status, struct extproc_str why)
{
    struct runner *r = arg;
    r->n_wrong++;
    printf("transaction %s: %.*s\n", r->name, EXTPROC_ARG(why));
}

static void play(struct runner *r, struct session *s, const struct event *what)
{
    struct arena_lease *memory = arena_pool_take(&r->loop.memory, NULL);
    struct event *event = memory ? arena_alloc(&memory->arena, sizeof *event) : NULL;
    if (!event)
        abort();
    *event = *what;
    event_is(event, event->phase);
    session_event(s, event, memory, &(struct message){0});
}

static void play_body(struct runner *r, struct session *s, struct extproc_str bytes, bool end)
{
    struct event event = {.phase = PHASE_REQUEST_BODY, .end = end};
    body_init(&event.body, &bytes, 1);
    play(r, s, &event);
}

static void play_all(struct runner *r, struct session *s)
{
    char said[2 * NAME_SIZE];
    snprintf(said, sizeof said, "{\"addHeaders\": {\"x-said\": \"%s\"}}", r->name);
    struct extproc_header request[] = {{EXTPROC_S(":method"), EXTPROC_S("POST")},
                                       {EXTPROC_S("x-name"), extproc_str_of(r->name)},
                                       {EXTPROC_S("instructions"), extproc_str_of(said)}};
    struct extproc_header response[] = {{EXTPROC_S(":status"), EXTPROC_S("200")}};
    play(r, s, &(struct event){.phase = PHASE_REQUEST_HEADERS, .headers = request, .n_headers = 3});
    play_body(r, s, EXTPROC_S("01234"), false);
    play_body(r, s, EXTPROC_S("56789"), true);
    play(r, s,
         &(struct event){
             .phase = PHASE_RESPONSE_HEADERS, .end = true, .headers = response, .n_headers = 1});
}

static void run_transactions(void *arg)
{
    static const struct session_out out = {.verdict = look_at_verdict, .fail = note_failure};
    const struct session_listener listener = {.modes = {BODY_MODE_STREAMED, BODY_MODE_NONE}};
    struct coverage coverage = {.listener = &listener};
    struct runner *r = arg;
    loop_init(&r->loop, NULL);
    loop_counts(&r->loop, r->generation->env.metrics);
    for (unsigned i = 0; i < TRANSACTIONS; i++) {
        struct session session;
        struct arena arena;
        snprintf(r->name, sizeof r->name, "%u-%u", r->number, i);
        arena_init(&arena, 1024);
        session_init(&session, &r->env, generation_ref(r->generation), &coverage, &arena, &out, r);
        play_all(r, &session);
        session_end(&session, EXTPROC_END_DONE);
        arena_fini(&arena);
    }
    loop_fini(&r->loop);
    generation_unref(r->generation);
}

/* Takes over a reference. */
static void take_and_drop(void *arg)
{
    for (unsigned i = 0; i < TURNS; i++)
        generation_unref(generation_ref(arg));
    generation_unref(arg);
}

/* ---- the generation -------------------------------------------------------------------------- */

static struct config *read_ini(struct config_errors *errors)
{
    struct config *config = NULL;
    char path[NAME_SIZE];
    int fd = memfd_create("ini", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) || write(fd, ini, sizeof ini - 1) != sizeof ini - 1)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    config_read(path, NULL, NULL, errors, &config);
    close(fd);
    return config;
}

/* As generation_build() does, but that one plugin is linked in. */
static struct generation *build(const struct plugin_env *env)
{
    static const char *const names[N_PLUGINS] = {"count", "tags", "control"};
    struct config_errors errors = {0};
    struct generation *g = calloc(1, sizeof *g);
    g->refs = 1;
    g->env = *env;
    g->config = read_ini(&errors);
    arena_init(&g->arena, 4096);
    g->instances = arena_array(&g->arena, N_PLUGINS, sizeof(struct instance *));
    g->chains = arena_alloc(&g->arena, sizeof *g->chains);
    for (size_t i = 0; i < N_PLUGINS; i++) {
        struct config_section *section = config_find(g->config, "plugin", names[i]);
        struct instance **place = &g->instances[g->n_instances];
        int r = i == 0 ? instance_new_linked(&count_plugin, section, &g->env, &errors, place)
                       : instance_new(section, &g->env, &errors, place);
        g->n_instances += r == 0;
    }
    for (size_t i = 0; i < errors.n_lines; i++)
        puts(errors.lines[i]);
    if (errors.n_errors > 0 || chain_init(g->chains, "all", g->instances, N_PLUGINS, &g->arena) < 0)
        exit(1);
    config_errors_fini(&errors);
    g->n_chains = 1;
    return g;
}

static void expect_counts(const struct metrics *metrics)
{
    struct metric_reading reading;
    CHECK(metrics_find(metrics, "count", "chunks", &reading) && reading.sum == CHUNKS);
    CHECK(metrics_find(metrics, "count", "bytes", &reading) && reading.sum == CHUNKS * CHUNK_LEN);
}

int main(void)
{
    struct runner runners[RUNNERS] = {0};
    struct crew_member crew[RUNNERS + KEEPERS];
    struct plugin_env env = {.api = &plugin_api, .plugin_dir = PLUGIN_DIR};
    struct log_options null_log = {.level = EXTPROC_LEVEL_INFO, .file = "/dev/null"};
    if (metrics_new(&env.metrics) < 0 || log_new(&null_log, &env.log) < 0)
        return 1;
    struct generation *g = build(&env);
    for (unsigned i = 0; i < RUNNERS; i++) {
        runners[i] = (struct runner){.generation = generation_ref(g), .number = i};
        runners[i].env = (struct session_env){.log = env.log, .loop = &runners[i].loop};
        crew[i] = (struct crew_member){run_transactions, &runners[i]};
    }
    for (unsigned i = 0; i < KEEPERS; i++)
        crew[RUNNERS + i] = (struct crew_member){take_and_drop, generation_ref(g)};
    generation_unref(g);
    CHECK(count_seen.n_fini == 0);
    crew_run(crew, RUNNERS + KEEPERS);

    for (unsigned i = 0; i < RUNNERS; i++) {
        CHECK(runners[i].n_verdicts == TRANSACTIONS * 4 && runners[i].n_wrong == 0);
    }
    expect_counts(env.metrics);
    CHECK(count_seen.n_fini == 1 && count_seen.n_open_at_fini == 0);
    log_free(env.log);
    metrics_free(env.metrics);
    return check_totals();
}
