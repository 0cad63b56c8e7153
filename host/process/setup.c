/* setup: the settings first, since they say where the log and the plugins are; then the plugins,
 * also where the settings were wrong, so that one run tells all there is to mend. */
#include "process/setup.h"

#include "process/leave.h"
#include "process/process.h"

#include <stdio.h>
#include <string.h>

static bool open_log(struct setup *s, bool testing, struct config_errors *errors)
{
    struct log_options options = s->settings.log;
    int r;

    if (testing)
        options.file = NULL;
    r = log_new(&options, &s->log);
    if (r < 0 && options.file) {
        config_say_at(errors, options.file, 0, "cannot open the log: %s", strerror(-r));
        options.file = NULL;
        r = log_new(&options, &s->log);
    }
    return r == 0;
}

static void print(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n_lines; i++)
        fprintf(stderr, "%s\n", errors->lines[i]);
}

static void setup_fini(struct setup *s)
{
    if (s->generation)
        generation_unref(s->generation);
    metrics_free(s->metrics);
    log_free(s->log);
    arena_fini(&s->arena);
}

bool setup_load(const char *file, bool testing, struct setup *ret)
{
    struct setup s = {0};
    struct config_errors errors = {0};
    struct config *config;
    struct plugin_env env;
    bool good;

    arena_init(&s.arena, 4096);
    config_read(file, settings_knows, NULL, &errors, &config);
    if (!config) {
        process_say("%s: out of memory", file);
        config_errors_fini(&errors);
        arena_fini(&s.arena);
        return false;
    }
    if (!settings_read(config, &s.arena, &errors, &s.settings) && !s.settings.plugin_dir)
        s.settings.plugin_dir = EXTPROCD_PLUGIN_DIR;
    if (!open_log(&s, testing, &errors) || metrics_new(&s.metrics) < 0)
        config_say_at(&errors, file, 0, "out of memory");
    env = (struct plugin_env){s.log, s.metrics, s.settings.plugin_dir, testing};
    s.generation = generation_build(config, &env, &errors);
    good = errors.n_errors == 0 && s.generation;
    print(&errors);
    config_errors_fini(&errors);
    if (good) {
        leave_knows(testing ? NULL : s.log, s.generation);
        *ret = s;
    } else {
        setup_fini(&s);
    }
    return good;
}

void setup_end(struct setup *s)
{
    if (!LEAVE_RETURNS)
        return;
    leave_knows(NULL, NULL);
    setup_fini(s);
}
