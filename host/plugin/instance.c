/* instance: one [plugin:NAME] section: a plugin with its configuration and its `self`.
 *
 * init() runs only on a section that passed every check that tables can make, so a plugin never
 * sees an unknown key or a value of another type. `errors` is set only while init() runs: from that
 * the API knows whether a call that belongs into init() is allowed.
 */
#include "plugin/instance.h"

#include "base/config/exposed.h"
#include "base/log/writer.h"
#include "base/rows.h"
#include "plugin/load/loader.h"
#include "plugin/routine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 1024 };

/* `file` comes first: a plugin that is linked in has no file, and uses the table from the next key
 * on. */
const struct extproc_key instance_keys[] = {
    {.name = "file",
     .type = EXTPROC_KEY_TYPE_STR,
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "The plugin's shared object; without a slash, a file in plugin_dir."},
    {.name = "mode",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "enforce",
     .choices = "enforce|shadow|off",
     .help = "enforce: the plugin takes part in transactions. shadow: it runs beside them on "
             "copies, nothing that it does reaches the proxy or other plugins, and what it would "
             "have done is logged and counted. off: it is loaded and its section is checked, as by "
             "-t, and it is never called."},
    {.name = "on_error",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "respond",
     .choices = "respond|continue|close",
     .help = "What a failure of the plugin means. respond: the client gets on_error_status; once "
             "the response has begun, the stream ends with an error. continue: the message goes on "
             "as if the plugin was not there. close: the stream ends with an error, and the "
             "proxy's own configuration decides."},
    {.name = "on_error_status",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "500",
     .min = "200",
     .max = "599",
     .help = "Status of the response of on_error = respond. A body that the plugin must see, and "
             "the proxy does not send, is refused with 403."},
    {.name = "timeout",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "150ms",
     .max = "24h",
     .help = "Longest time of a callback, with what it waits for; 0s: any time. The log names a "
             "plugin that blocks for longer. Keep it below the time that the proxy waits."},
    {.name = "blocking",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "yes: the plugin's callbacks run in threads of the pool (pool_threads), so that one "
             "that blocks delays its own transaction only. For C libraries that block."},
    {.name = "max_body",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .min = "1",
     .max = "2147483647",
     .help = "Size of a complete body that the plugin is called with; without it, what max_message "
             "of the listener allows."},
    {.name = "on_max_body",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "respond",
     .choices = "respond|continue",
     .help = "What happens to a body that exceeds max_body. respond: the client gets 413, or an "
             "error once the response has begun. continue: the body passes, and this plugin does "
             "not see it."},
    {.name = "when.*",
     .type = EXTPROC_KEY_TYPE_STR,
     .flags = EXTPROC_KEY_LIST,
     .help = "Conditions, such as when.path = /api/*: the plugin takes part in transactions for "
             "which all of them hold."},
    {.name = "unless.*",
     .type = EXTPROC_KEY_TYPE_STR,
     .flags = EXTPROC_KEY_LIST,
     .help = "Conditions, such as unless.method = OPTIONS: the plugin does not take part in "
             "transactions for which all of them hold."},
    {0},
};

static struct keys_table table_of(const struct extproc_key *keys)
{
    return (struct keys_table){keys, sizeof *keys};
}

static int refuse_memory(const struct config_section *section, struct config_errors *errors)
{
    config_say(errors, CONFIG_ERROR, section, NULL, "out of memory");
    return -ENOMEM;
}

/* ---- what a descriptor brings ---------------------------------------------------------------- */

static void take_callbacks(struct instance *in)
{
    const struct extproc_plugin *p = in->plugin;
    extproc_on_fn *const on[N_PHASES] = {
        [PHASE_REQUEST_HEADERS] = p->request_headers,
        [PHASE_REQUEST_BODY] = p->request_body,
        [PHASE_REQUEST_TRAILERS] = p->request_trailers,
        [PHASE_RESPONSE_HEADERS] = p->response_headers,
        [PHASE_RESPONSE_BODY] = p->response_body,
        [PHASE_RESPONSE_TRAILERS] = p->response_trailers,
    };
    ROWS(on, N_PHASES, 6);
    for (enum phase phase = 0; phase < N_PHASES; phase++) {
        in->on[phase] = on[phase];
        if (on[phase])
            in->interest |= phase_bit(phase);
    }
    if (p->needs & EXTPROC_READS_REQUEST)
        in->reads |= phase_bit(PHASE_REQUEST_HEADERS);
}

/* Keys that the host reads in a section, now or in a later version, so that a plugin that loads
 * today will load then. A name that ends with a dot matches all keys that begin with it. */
static bool is_kept_for_host(const char *key)
{
    static const char *const names[] = {
        "file",        "mode",      "timeout", "max_body", "on_error", "on_error_status",
        "on_max_body", "when.",     "unless.", "blocking", "sha256",   "run",
        "trusted",     "on_stream", "strict",  "max_held", "overload", "host."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (names[i][len - 1] == '.' ? strncmp(key, names[i], len) == 0
                                     : strcmp(key, names[i]) == 0)
            return true;
    }
    return false;
}

static void check_key_names(struct instance *in, struct config_errors *errors)
{
    for (const struct extproc_key *key = in->plugin->keys; key->name; key++) {
        if (is_kept_for_host(key->name))
            config_say(errors, CONFIG_ERROR, in->section, NULL,
                       "plugin \"%s\" declares the key \"%s\", which is reserved for the host "
                       "(rename it in the plugin)",
                       in->plugin->name, key->name);
    }
}

/* The host's keys of the section have been checked. */
static bool read_conditions(struct instance *in, struct config_errors *errors)
{
    const struct keys *keys = &in->host_keys;
    in->when.late = in->unless.late = in->env->late;
    bool good = conditions_read(&in->when, keys, "when.*", in->section, &in->arena, errors);
    if (!conditions_read(&in->unless, keys, "unless.*", in->section, &in->arena, errors) || !good)
        return false;
    in->conditional = in->when.n + in->unless.n > 0;
    in->reads |= conditions_read_phases(&in->when) | conditions_read_phases(&in->unless);
    if (conditions_want(&in->when, &in->wants, &in->arena) == 0 &&
        conditions_want(&in->unless, &in->wants, &in->arena) == 0)
        return true;
    refuse_memory(in->section, errors);
    return false;
}

/* After init(), which has narrowed the interest. */
static bool check_late_conditions(const struct instance *in, struct config_errors *errors)
{
    static const char why[] = "a condition on the response: the plugin is called for requests only";
    uint32_t phases = in->interest | in->fallback;
    if (!phases || phases >> PHASE_RESPONSE_HEADERS)
        return true;
    bool good = conditions_refuse_late(&in->when, in->section, why, errors);
    return conditions_refuse_late(&in->unless, in->section, why, errors) && good;
}

/* The section against the plugin's table; `host` is what the host itself has read of it. */
static bool check_section(struct instance *in, struct keys_table host, struct config_errors *errors)
{
    const struct keys_table tables[] = {host, table_of(in->plugin->keys)};
    size_t before = errors->n_errors;
    check_key_names(in, errors);
    keys_check(in->section, tables[1], &in->arena, errors, &in->keys);
    keys_unknown(in->section, tables, 2, errors);
    return errors->n_errors == before;
}

/* ---- whose code runs ------------------------------------------------------------------------- */

static void runs_begin(struct instance *in, const char *phase)
{
    struct loop *loop = in->env->loop;
    if (!loop)
        return;
    loop_begins_round(loop); /* no thread drives it at this time */
    loop_runs(loop, &in->who, phase);
}

static void runs_end(struct instance *in)
{
    if (in->env->loop)
        loop_ran(in->env->loop);
}

/* ---- init() ---------------------------------------------------------------------------------- */

static int run_init(struct instance *in, struct config_errors *errors)
{
    size_t before = errors->n_errors;
    in->errors = errors;
    runs_begin(in, "init");
    int r = in->plugin->init ? in->plugin->init(&in->pub) : 0;
    runs_end(in);
    in->errors = NULL;

    in->started = r == 0;
    if (errors->n_errors > before) /* the plugin has said why */
        return -EINVAL;
    if (r == 0)
        return 0;
    if (r < 0 && *in->refused.text)
        config_say(errors, CONFIG_ERROR, in->section, NULL, "plugin \"%s\": init() failed: %s",
                   in->plugin->name, in->refused.text);
    else if (r < 0)
        config_say(errors, CONFIG_ERROR, in->section, NULL,
                   "plugin \"%s\": init() failed: %s (see its lines in the log)", in->plugin->name,
                   strerror(-r));
    else
        config_say(errors, CONFIG_ERROR, in->section, NULL,
                   "plugin \"%s\": init() returned %d: expected 0 or a negative errno value",
                   in->plugin->name, r);
    return -EINVAL;
}

/* The host's keys of the section have been checked, and were good or not: then init() runs all the
 * same, so that what it reports need not wait until they are. */
static int start(struct instance *in, struct keys_table host, bool host_good,
                 struct config_errors *errors)
{
    const uint64_t must_see = EXTPROC_MUST_SEE_REQUEST_BODY | EXTPROC_MUST_SEE_RESPONSE_BODY;
    take_callbacks(in);
    policy_read(&in->host_keys, &in->policy);
    in->policy.overload = in->env->overload;
    in->blocks = in->policy.blocking && in->env->guarded && in->env->waits;
    if (in->blocks)
        in->pub.api = in->env->guarded;
    in->who.timeout_ms = in->policy.timeout_ms;
    if (host_good)
        policy_look(&in->policy, &in->host_keys, in->section, in->plugin->needs & must_see, errors);
    bool good = check_section(in, host, errors);
    host_good = read_conditions(in, errors) && host_good;
    if (!good)
        return -EINVAL;
    bool off = in->policy.mode == POLICY_MODE_OFF;
    in->pub.testing = in->pub.testing || off;
    int r = run_init(in, errors);
    if (r == 0 && host_good && !check_late_conditions(in, errors))
        return -EINVAL;
    if (off) /* the proxy need not send anything for it */
        in->interest = in->fallback = in->reads = 0, in->wants = (struct wants){0};
    return host_good || r < 0 ? r : -EINVAL;
}

/* ---- where a descriptor comes from ----------------------------------------------------------- */

/* Passes on what the loader has said. */
static int loaded(struct instance *in, const struct config_entry *file, int r, const char *why,
                  struct config_errors *errors)
{
    if (r == -ENOEXEC) {
        config_say(errors, CONFIG_ERROR, in->section, file, "%s", why);
        return -EINVAL;
    }
    return r == -ENOMEM ? refuse_memory(in->section, errors) : r;
}

/* The object's path, and the path as messages may show it. False: out of memory. */
static bool find_object(struct instance *in, const struct config_entry *file)
{
    const struct plugin_env *env = in->env;
    const char *shown_dir = env->plugin_dir_shown ? env->plugin_dir_shown : env->plugin_dir;
    in->who.line = file->line;
    in->who.object = config_path(&in->arena, file, file->value.ptr);
    in->who.shown = file->shown.ptr;
    if (!strchr(file->value.ptr, '/')) {
        in->who.object = arena_format(&in->arena, "%s/%s", env->plugin_dir, file->value.ptr).ptr;
        in->who.shown = arena_format(&in->arena, "%s/%s", shown_dir, file->shown.ptr).ptr;
    }
    return in->who.object && in->who.shown;
}

/* What the loader has said names the object's path, and maybe more than once. */
static const char *shown_why(struct instance *in, const char *why)
{
    const char *object = in->who.object, *shown = in->who.shown;
    if (strcmp(object, shown) == 0)
        return why;
    for (const char *at = why; (at = strstr(at, object));) {
        size_t before = (size_t)(at - why);
        why =
            arena_format(&in->arena, "%.*s%s%s", (int)before, why, shown, at + strlen(object)).ptr;
        if (!why)
            return "out of memory";
        at = why + before + strlen(shown);
    }
    return why;
}

static int load(struct instance *in, struct config_errors *errors)
{
    struct keys_table host = table_of(instance_keys);
    bool good = keys_check(in->section, host, &in->arena, errors, &in->host_keys);
    const struct keys_slot *slot = keys_find(&in->host_keys, "file");
    if (!slot || !slot->n_values)
        return -EINVAL;
    const struct config_entry *file = slot->values[0].entry;
    if (!file->value.len) {
        config_say(errors, CONFIG_ERROR, in->section, file, "missing value");
        return -EINVAL;
    }
    if (!in->env->plugin_dir && !strchr(file->value.ptr, '/')) /* an error of [extprocd] */
        return -EINVAL;
    if (!find_object(in, file))
        return refuse_memory(in->section, errors);

    const struct extproc_key *keys;
    const char *why = NULL;
    runs_begin(in, "load"); /* constructors of the object run */
    int r = loader_open(in->who.object, &in->arena, &in->plugin, &keys, &why);
    runs_end(in);
    if (why)
        why = shown_why(in, why);
    if (r == 0 && why)
        config_say(errors, CONFIG_WARNING, in->section, file, "%s", why);
    if (r == 0)
        exposed_warn(in->who.object, &in->arena, in->section, file, errors);
    r = loaded(in, file, r, why, errors);
    return r < 0 ? r : start(in, host, good, errors);
}

static int take_linked(struct instance *in, const struct extproc_plugin *exported,
                       struct config_errors *errors)
{
    const struct keys_table host = table_of(instance_keys + 1);
    const struct extproc_key *keys;
    const char *why = NULL;
    int r = loader_check("linked in", exported, &in->arena, &in->plugin, &keys, &why);
    r = loaded(in, NULL, r, why, errors);
    if (r < 0)
        return r;
    bool good = keys_check(in->section, host, &in->arena, errors, &in->host_keys);
    return start(in, host, good, errors);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int instance_alloc(struct config_section *section, const struct plugin_env *env,
                          struct config_errors *errors, struct instance **ret)
{
    struct instance *in = calloc(1, sizeof *in);
    if (!in)
        return refuse_memory(section, errors);
    in->pub.api = env->api;
    in->pub.testing = env->testing;
    in->name = section->name;
    in->who = (struct running_plugin){
        .name = section->name, .file = section->file, .line = section->line};
    in->env = env;
    in->section = section;
    if (env->metrics)
        in->bodiless = metrics_define(
            env->metrics,
            &(struct metric_definition){.name = "bodiless_edits",
                                        .help = "Body edits of messages that have no body.",
                                        .labels = {[METRIC_PLUGIN] = in->name}});
    arena_init(&in->arena, ARENA_FIRST_SIZE);
    *ret = in;
    return 0;
}

static int instance_finish(struct instance *in, int r, struct instance **ret)
{
    if (r < 0)
        instance_free(in);
    else
        *ret = in;
    return r;
}

int instance_new(struct config_section *section, const struct plugin_env *env,
                 struct config_errors *errors, struct instance **ret)
{
    struct instance *in;
    int r = instance_alloc(section, env, errors, &in);
    return r < 0 ? r : instance_finish(in, load(in, errors), ret);
}

int instance_new_linked(const struct extproc_plugin *exported, struct config_section *section,
                        const struct plugin_env *env, struct config_errors *errors,
                        struct instance **ret)
{
    struct instance *in;
    int r = instance_alloc(section, env, errors, &in);
    return r < 0 ? r : instance_finish(in, take_linked(in, exported, errors), ret);
}

void instance_stop(struct instance *in)
{
    routines_stop(in);
    if (!in->started)
        return;
    in->started = false;
    runs_begin(in, "fini");
    if (in->plugin->fini)
        in->plugin->fini(&in->pub);
    runs_end(in);
}

struct instance *instance_free(struct instance *in)
{
    if (!in)
        return NULL;
    instance_stop(in);
    if (in->env->keeps)
        return NULL;
    for (const struct instance_file *file = in->files; file; file = file->next)
        if (file->output)
            writer_close(file->output);
    conditions_fini(&in->when);
    conditions_fini(&in->unless);
    arena_fini(&in->arena);
    free(in);
    return NULL;
}
