/* setup: the settings first, since they say where the log and the plugins are; then the plugins,
 * also if the settings were wrong, so that one run reports all mistakes. */
#include "process/setup/setup.h"

#include "base/log/writer.h"
#include "base/loop/pool.h"
#include "plugin/api/guard.h"
#include "plugin/trial/trial.h"
#include "plugin/wait/wait.h"
#include "process/end/culprit.h"
#include "process/end/leave.h"
#include "process/listen/look.h"
#include "process/process.h"
#include "session/proxy_names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Works of plugins that wait for a thread: see extproc_work(). */
enum { POOL_QUEUE = 1024 };

static int open_loop(struct setup *s)
{
    struct loop *loop = arena_alloc(&s->arena, sizeof *loop);
    if (!loop)
        return -ENOMEM;
    loop_init(loop, NULL);
    s->loop = loop;
    s->pool = pool_new(s->settings.pool_threads, POOL_QUEUE);
    if (!s->pool)
        return -ENOMEM;
    culprit_in(loop, s->pool);
    int r = metrics_new(&s->metrics);
    if (r == 0)
        loop_counts(loop, s->metrics);
    return r;
}

static int open_log(struct setup *s, bool testing)
{
    struct log_options options = s->settings.log;
    int r = open_loop(s);
    if (r == 0)
        r = writer_new(&s->writer);
    if (r < 0)
        return r;
    if (testing)
        options.file = NULL;
    options.writer = s->writer;
    options.dropped = metrics_define(
        s->metrics,
        &(struct metric_definition){.name = "log_lines_dropped",
                                    .help = "Lines of the log that did not fit into its queue."});
    r = log_new(&options, &s->log);
    if (r < 0)
        return r;
    s->waits = waits_new(s->loop, s->pool, s->log);
    if (!s->waits)
        return -ENOMEM;
    s->trials = trials_new();
    if (!s->trials)
        return -ENOMEM;
    waits_limit(s->waits, s->settings.max_waiting);
    return 0;
}

void setup_fini(struct setup *s)
{
    if (!s->busy)
        generation_unref(s->generation);
    log_settle(s->log);
    if (s->writer)
        writer_stop(s->writer, LEAVE_WRITE_MS);
    if (!LEAVE_RETURNS || s->busy)
        return;
    leave_knows(NULL, NULL, NULL);
    trials_free(s->trials);
    waits_free(s->waits);
    log_free(s->log);
    writer_free(s->writer);
    culprit_in(NULL, NULL);
    pool_free(s->pool);
    if (s->loop)
        loop_fini(s->loop);
    metrics_free(s->metrics);
    arena_fini(&s->arena);
}

/* The rules of each listener's proxies. NULL: out of memory. */
static const struct rules **collect_rules(struct setup *s)
{
    const struct rules **rules =
        arena_array(&s->arena, s->settings.n_listeners, sizeof(const struct rules *));

    for (size_t i = 0; rules && i < s->settings.n_listeners; i++)
        rules[i] = &s->settings.listeners[i].proxy.rules;
    return rules;
}

static void say_log(const struct setup *s, const struct config *config, int r,
                    struct config_errors *errors)
{
    const struct config_entry *entry = s->settings.log_entry;
    if (entry && r != -ENOMEM)
        config_say(errors, CONFIG_ERROR, config_find(config, "extprocd", ""), entry,
                   "cannot open %s: %s", s->settings.log.shown, strerror(-r));
    else
        config_say_at(errors, config->file, 0, "cannot start the log: %s", strerror(-r));
}

bool setup_load(const char *file, bool testing, struct setup *ret)
{
    struct setup s = {0};
    struct config_errors errors = {0};
    struct config *config;
    arena_init(&s.arena, 4096);
    config_read(file, settings_knows, NULL, &errors, &config);
    if (!config) {
        process_say("%s: out of memory", file);
        config_errors_fini(&errors);
        arena_fini(&s.arena);
        return false;
    }
    settings_read(config, &s.arena, &errors, &s.settings);
    int r = open_log(&s, testing);
    if (r < 0)
        say_log(&s, config, r, &errors);
    for (size_t i = 0; testing && i < s.settings.n_listeners; i++)
        listener_look(&s.settings.listeners[i], &s.arena, &errors);
    const struct rules **rules = collect_rules(&s);
    if (!rules)
        config_say_at(&errors, file, 0, "out of memory");
    struct plugin_env env = {.api = &plugin_api,
                             .guarded = &plugin_api_guarded,
                             .log = s.log,
                             .writer = s.writer,
                             .metrics = s.metrics,
                             .loop = s.loop,
                             .waits = s.waits,
                             .overload = s.settings.overload,
                             .trials = trials_ops(s.trials),
                             .pool = s.pool,
                             .plugin_dir = s.settings.plugin_dir,
                             .plugin_dir_shown = s.settings.plugin_dir_shown,
                             .rules = rules,
                             .n_rules = rules ? s.settings.n_listeners : 0,
                             .maps = proxy_maps,
                             .late = proxy_late,
                             .max_memory = s.settings.max_transaction_memory,
                             .testing = testing,
                             .keeps = !LEAVE_RETURNS};
    s.generation = generation_build(config, &env, &errors);
    bool good = errors.n_errors == 0 && s.generation;
    process_say_errors(&errors);
    config_errors_fini(&errors);
    if (good) {
        leave_knows(testing ? NULL : s.log, s.writer, s.generation);
        *ret = s;
    } else {
        setup_fini(&s);
    }
    return good;
}
