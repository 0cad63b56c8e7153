/* kit: a configuration, built by the floors that build it in the service.
 *
 * The ini text and the log live in anonymous files, so nothing of a test is left on disk. Plugins
 * that are linked in make a chain of their own, since the ini language names files only.
 */
#include "kit/kit.h"

#include "base/log/writer.h"
#include "base/loop/pool.h"
#include "kit/kit_private.h"
#include "plugin/api/guard.h"
#include "plugin/trial/trial.h"
#include "plugin/wait/wait.h"
#include "session/proxy_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_FIRST_SIZE = 4096, PATH_SIZE = 32, POOL_THREADS = 4, POOL_QUEUE = 64 };

void *kit_need(void *p)
{
    if (!p) {
        fprintf(stderr, "the kit is out of memory\n");
        abort();
    }
    return p;
}

static void fail_aloud(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    abort();
}

/* ---- anonymous files ------------------------------------------------------------------------- */

static int anonymous_file(const char *text, char path[PATH_SIZE])
{
    int fd = memfd_create("kit", MFD_CLOEXEC);
    size_t len = strlen(text);
    if (fd < 0 || fchmod(fd, 0600) || write(fd, text, len) != (ssize_t)len)
        abort();
    snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
    return fd;
}

const char *kit_log(struct kit *k)
{
    off_t len = lseek(k->log_fd, 0, SEEK_END);
    char *text = kit_need(arena_alloc(&k->arena, (size_t)len + 1));
    ssize_t n = pread(k->log_fd, text, (size_t)len, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static uint64_t read_clock(void *arg)
{
    const struct kit *k = arg;
    return k->now_ms;
}

/* The clock goes to the next timer, but not beyond t. False: there is none until then. */
static bool jump(struct kit *k, uint64_t t_ms)
{
    uint64_t next = loop_next(&k->loop);
    if (next == UINT64_MAX || next > t_ms)
        return false;
    k->now_ms = next;
    return true;
}

/* False: there was nothing to do, and no thread is at work. */
static bool round_of(struct kit *k)
{
    if (!k->blocks || k->settle != pool_settle)
        k->settle(k->env.pool);
    return loop_round(&k->loop);
}

void kit_lets_block(struct kit *k, bool blocks)
{
    k->blocks = blocks;
}

void kit_run_until(struct kit *k, uint64_t t_ms)
{
    while (round_of(k) || jump(k, t_ms))
        ;
    if (k->now_ms < t_ms)
        k->now_ms = t_ms;
    loop_begins_round(&k->loop); /* in which what a test does next happens */
}

void kit_run(struct kit *k)
{
    while (round_of(k) || jump(k, UINT64_MAX))
        ;
}

struct waits *kit_waits_of(struct kit *k)
{
    return k->env.waits;
}

struct pool *kit_pool_of(struct kit *k)
{
    return k->env.pool;
}

struct loop *kit_loop(struct kit *k)
{
    return &k->loop;
}

/* ---- the configuration ----------------------------------------------------------------------- */

static struct config *read_ini(struct kit *k, const struct kit_options *options,
                               struct config_errors *errors)
{
    struct extproc_str ini = extproc_str_of(options->ini ? options->ini : "");
    for (const struct kit_linked *l = options->linked; l && l->name; l++) {
        const char *head = arena_format(&k->arena, "[plugin:%s]", l->name).ptr;
        if (!strstr(ini.ptr, head)) /* it has no keys */
            ini = arena_format(&k->arena, "%s\n%s\n", ini.ptr, head);
    }

    char path[PATH_SIZE];
    struct config *config = NULL;
    int fd = anonymous_file(ini.ptr, path);
    config_read(path, NULL, NULL, errors, &config);
    close(fd);
    return config;
}

/* What generation_build() makes of a file, for descriptors. */
static struct generation *build_linked(const struct kit_linked *linked, struct config *config,
                                       const struct plugin_env *env, struct config_errors *errors)
{
    size_t n = 0;
    while (linked[n].name)
        n++;
    struct generation *g = kit_need(calloc(1, sizeof *g));
    g->refs = 1;
    g->env = *env;
    g->config = config;
    arena_init(&g->arena, ARENA_FIRST_SIZE);
    g->instances = kit_need(arena_array(&g->arena, n, sizeof(struct instance *)));
    g->chains = kit_need(arena_alloc(&g->arena, sizeof *g->chains));
    for (size_t i = 0; i < n; i++) {
        struct config_section *section = config_find(config, "plugin", linked[i].name);
        if (instance_new_linked(linked[i].plugin, section, &g->env, errors,
                                &g->instances[g->n_instances]) == 0)
            g->n_instances++;
    }
    if (errors->n_errors > 0 || chain_init(g->chains, "linked", g->instances, n, &g->arena) < 0)
        return generation_unref(g);
    g->n_chains = 1;
    return g;
}

static void say_errors(const struct kit *k, const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n_lines; i++)
        fprintf(stderr, "%s\n", errors->lines[i]);
    k->fail(__FILE__, __LINE__, "the configuration is refused");
}

static void make_rules(struct kit *k, struct proxy_settings proxy)
{
    if (!proxy.max_headers)
        proxy.max_headers = PROXY_MAX_HEADERS;
    if (!proxy.max_header_bytes)
        proxy.max_header_bytes = PROXY_MAX_HEADER_BYTES;
    if (proxy_rules_make(&proxy, &k->arena, &k->proxy) < 0)
        abort();
    k->rules = &k->proxy.rules;
    k->env.api = &plugin_api;
    k->env.guarded = &plugin_api_guarded;
    k->env.rules = &k->rules;
    k->env.n_rules = 1;
    k->env.maps = proxy_maps;
    k->env.late = proxy_late;
}

struct kit *kit_new(const struct kit_options *options)
{
    struct kit *k = kit_need(calloc(1, sizeof *k));
    struct config_errors errors = {0};
    char log_path[PATH_SIZE];
    k->fail = options->fail ? options->fail : fail_aloud;
    arena_init(&k->arena, ARENA_FIRST_SIZE);
    k->log_fd = anonymous_file("", log_path);
    loop_init(&k->loop, &(struct loop_clock){.read = read_clock, .arg = k, .exact = true});
    k->env.loop = &k->loop;
    k->env.plugin_dir = KIT_PLUGIN_DIR;
    k->env.max_memory = options->max_memory;
    make_rules(k, options->proxy);
    if (writer_new(&k->env.writer) < 0 || metrics_new(&k->env.metrics) < 0)
        abort();
    const struct log_options log = {
        .level = EXTPROC_LEVEL_DEBUG, .file = log_path, .writer = k->env.writer};
    if (log_new(&log, &k->env.log) < 0)
        abort();
    loop_counts(&k->loop, k->env.metrics);
    k->env.overload = options->overload;
    k->max_answer = options->max_answer;
    k->settle = options->settle ? options->settle : pool_settle;
    k->env.pool = kit_need(pool_new(options->pool_threads ? options->pool_threads : POOL_THREADS,
                                    options->pool_queue ? options->pool_queue : POOL_QUEUE));
    k->env.waits = kit_need(waits_new(&k->loop, k->env.pool, k->env.log));
    k->trials = kit_need(trials_new());
    k->env.trials = trials_ops(k->trials);
    k->session_env = (struct session_env){.log = k->env.log, .loop = &k->loop};

    struct config *config = read_ini(k, options, &errors);
    if (options->linked)
        k->generation = build_linked(options->linked, config, &k->env, &errors);
    else
        k->generation = generation_build(config, &k->env, &errors);
    if (!k->generation)
        say_errors(k, &errors);
    k->listener = (struct session_listener){.name = "kit", .rules = &k->proxy.rules};
    coverage_init(&k->coverage, &k->listener, k->generation, &k->arena);
    config_errors_fini(&errors);
    return k;
}

void kit_free(struct kit *k)
{
    kit_lets_block(k, false);
    kit_run_until(k, k->now_ms); /* results that have come */
    k->trials = trials_free(k->trials);
    while (k->gone) {
        struct kit_call *c = k->gone;
        k->gone = c->next;
        c->free(c);
    }
    if (__atomic_load_n(&k->generation->refs, __ATOMIC_ACQUIRE) > 1)
        k->fail(__FILE__, __LINE__, "a wait was not passed to extproc_resume()");
    generation_unref(k->generation);
    pool_free(k->env.pool);
    waits_free(k->env.waits);
    loop_fini(&k->loop);
    log_free(k->env.log);
    writer_free(k->env.writer);
    metrics_free(k->env.metrics);
    close(k->log_fd);
    arena_fini(&k->arena);
    free(k);
}

uint64_t kit_counter(struct kit *k, const char *plugin, const char *name)
{
    struct metric_reading reading;
    return metrics_find(k->env.metrics, plugin, name, &reading) ? reading.sum : 0;
}

uint64_t kit_failures(struct kit *k, const char *plugin, const char *phase, const char *reason)
{
    struct metric_reading m;
    for (size_t i = 0; metrics_read(k->env.metrics, i, &m); i++) {
        if (strcmp(m.name, "failures") == 0 && strcmp(m.labels[METRIC_PLUGIN], plugin) == 0 &&
            strcmp(m.labels[METRIC_PHASE], phase) == 0 &&
            strcmp(m.labels[METRIC_REASON], reason) == 0)
            return m.sum;
    }
    return 0;
}
