/* generation: a configuration with its loaded plugins and chains, as one object.
 *
 * It is built completely or not at all: every section is checked, even after errors in earlier
 * ones, and one error in any section ends every instance that was started.
 *
 * Chains are read before plugins, because they say which plugins are needed: one that no chain
 * names is not started, so that a plugin can be taken out of service by taking its name out of a
 * chain.
 */
#include "plugin/generation.h"

#include "base/str.h"

#include <extproc/text.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 4 * 1024 };

const struct extproc_key chain_keys[] = {
    {.name = "plugins",
     .type = EXTPROC_KEY_TYPE_STR,
     .flags = EXTPROC_KEY_REQUIRED | EXTPROC_KEY_LIST,
     .help = "Names of [plugin:NAME] sections, separated by commas, in the order of requests."},
    {.name = "match.*",
     .type = EXTPROC_KEY_TYPE_STR,
     .flags = EXTPROC_KEY_LIST,
     .help = "Conditions, such as match.path = /api/*: the chain takes transactions for which all "
             "of them hold, and which no chain before it has taken; without any, all of them."},
    {0},
};

/* A chain as its section has it, before its plugins are there. */
struct plan {
    struct config_section *section;
    struct keys keys;
    struct conditions match;
    struct config_section **plugins;
    size_t n_plugins;
};

/* What is known of a [plugin:NAME] section. */
struct named {
    const struct plan *last;   /* of the plans that name it; NULL: none does */
    struct instance *instance; /* once it was started */
};

struct build {
    struct generation *g;
    struct config_errors *errors;
    const char **names; /* of the [plugin:NAME] sections */
    size_t n_names;
    struct named *named; /* one for each section of the config */
    struct plan *plans;
    size_t n_plans;
    bool chains_wrong; /* and which plugins they name is not known */
};

static void say_memory(struct build *b, const struct config_section *section)
{
    config_say(b->errors, CONFIG_ERROR, section, NULL, "out of memory");
}

/* ---- what the chains name -------------------------------------------------------------------- */

/* Is there a section that is meant, but has no name, or a misspelt type? That is reported, and is
 * the one mistake. name NULL: of any name. */
static bool is_meant(const struct build *b, const char *type, const char *name)
{
    const struct config *config = b->g->config;
    for (size_t i = 0; config && i < config->n_sections; i++) {
        const struct config_section *s = &config->sections[i];
        bool is_type = strcmp(s->type, type) == 0;
        if (is_type ? !*s->name && name
                    : (!name || strcmp(s->name, name) == 0) && str_nearest(s->type, &type, 1))
            return true;
    }
    return false;
}

static const char name_bytes[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

static void say_unknown(struct build *b, const struct plan *plan, const struct config_entry *entry,
                        const char *name)
{
    struct extproc_str shown = config_shown(entry, extproc_str_of(name));
    bool is_said = b->errors->n_errors < CONFIG_LINES_MAX && !entry->hidden;
    const char *nearest = is_said ? str_nearest(name, b->names, b->n_names) : NULL;
    if (is_meant(b, "plugin", name))
        return;
    if (name[strspn(name, name_bytes)])
        config_say(b->errors, CONFIG_ERROR, plan->section, entry,
                   "invalid plugin name \"%.*s\": separate names with commas", EXTPROC_ARG(shown));
    else if (nearest)
        config_say(b->errors, CONFIG_ERROR, plan->section, entry,
                   "no section [plugin:%.*s] (did you mean %s?)", EXTPROC_ARG(shown), nearest);
    else
        config_say(b->errors, CONFIG_ERROR, plan->section, entry,
                   "no section [plugin:%.*s]: add it, or remove the name", EXTPROC_ARG(shown));
}

static struct named *named_of(const struct build *b, const struct config_section *plugin)
{
    return &b->named[plugin - b->g->config->sections];
}

static void plan_add_plugin(struct build *b, struct plan *plan, struct config_section *plugin)
{
    named_of(b, plugin)->last = plan;
    plan->plugins[plan->n_plugins++] = plugin;
}

static void plan_add_name(struct build *b, struct plan *plan, const struct config_entry *entry,
                          struct extproc_str text)
{
    const char *name = arena_format(&b->g->arena, "%.*s", EXTPROC_ARG(text)).ptr;
    if (!name) {
        say_memory(b, plan->section);
        return;
    }
    struct config_section *plugin = config_find(b->g->config, "plugin", name);
    if (!*name)
        config_say(b->errors, CONFIG_ERROR, plan->section, entry,
                   "empty plugin name in list (remove the extra comma)");
    else if (!plugin)
        say_unknown(b, plan, entry, name);
    else if (named_of(b, plugin)->last == plan)
        config_say(b->errors, CONFIG_ERROR, plan->section, entry,
                   "duplicate plugin name %.*s: a second instance needs a [plugin:NAME] section of "
                   "its own",
                   EXTPROC_ARG(config_shown(entry, extproc_str_of(name))));
    else
        plan_add_plugin(b, plan, plugin);
}

static void plan_add_list(struct build *b, struct plan *plan, const struct keys_value *value)
{
    struct extproc_str rest = value->text, name;
    while (extproc_split(&rest, ',', &name))
        plan_add_name(b, plan, value->entry, extproc_trim(name));
}

static size_t max_names(const struct keys_slot *slot)
{
    size_t n = 0;
    for (size_t i = 0; i < slot->n_values; i++)
        n += slot->values[i].text.len + 1; /* of one letter each */
    return n;
}

static bool takes_everything(const struct plan *plan)
{
    const struct config_section *section = plan->section;
    const struct keys_slot *match = keys_find(&plan->keys, "match.*");
    bool certain = *section->name && !section->refused && !section->incomplete;
    return certain && match && match->n_values == 0;
}

/* A chain that comes after one that takes everything. */
static void look_at_reach(struct build *b, const struct plan *plan)
{
    const struct plan *taker = b->plans;
    while (taker < plan && !takes_everything(taker))
        taker++;
    if (taker < plan && !plan->section->refused)
        config_say(b->errors, CONFIG_WARNING, plan->section, NULL,
                   "never used: [chain:%s] at %s:%u takes every transaction, because it has no "
                   "match.* key",
                   taker->section->name, taker->section->file, taker->section->line);
}

static void plan_match(struct build *b, struct plan *plan)
{
    plan->match.late = b->g->env.late;
    conditions_read(&plan->match, &plan->keys, "match.*", plan->section, &b->g->arena, b->errors);
    conditions_refuse_late(&plan->match, plan->section,
                           "a condition on the response cannot choose a chain: it is chosen when "
                           "the request begins (use when.* of a plugin)",
                           b->errors);
    look_at_reach(b, plan);
}

static void plan_chain(struct build *b, struct config_section *section)
{
    const struct keys_table table = {chain_keys, sizeof *chain_keys};
    struct plan *plan = &b->plans[b->n_plans];
    *plan = (struct plan){.section = section};
    b->n_plans++;
    keys_check(section, table, &b->g->arena, b->errors, &plan->keys);
    plan_match(b, plan);
    const struct keys_slot *slot = keys_find(&plan->keys, "plugins");
    plan->plugins = arena_array(&b->g->arena, slot ? max_names(slot) : 0, sizeof *plan->plugins);
    if (!plan->plugins)
        say_memory(b, section);
    for (size_t i = 0; plan->plugins && slot && i < slot->n_values; i++)
        plan_add_list(b, plan, &slot->values[i]);
    keys_unknown(section, &table, 1, b->errors);
}

/* ---- the plugins ----------------------------------------------------------------------------- */

static void note_plugin(struct build *b, struct config_section *plugin)
{
    b->names[b->n_names++] = plugin->name;
}

static void look_at_unused(struct build *b, struct config_section *plugin)
{
    struct instance *in;
    if (!b->chains_wrong && !plugin->refused &&
        *plugin->name) /* or it is only there that it is missing */
        config_say(b->errors, CONFIG_WARNING, plugin, NULL, "unused: not listed in any chain");
    if (b->g->env.testing && instance_new(plugin, &b->g->env, b->errors, &in) == 0)
        instance_free(in);
}

static void start_plugin(struct build *b, struct config_section *plugin)
{
    struct generation *g = b->g;
    struct named *named = named_of(b, plugin);
    if (!named->last)
        look_at_unused(b, plugin);
    else if (instance_new(plugin, &g->env, b->errors, &named->instance) == 0)
        g->instances[g->n_instances++] = named->instance;
}

/* Every plugin of every plan has been started. */
static void make_chain(struct build *b, struct plan *plan)
{
    struct generation *g = b->g;
    struct instance **instances = arena_array(&g->arena, plan->n_plugins, sizeof *instances);
    if (!instances) {
        say_memory(b, plan->section);
        return;
    }
    for (size_t i = 0; i < plan->n_plugins; i++)
        instances[i] = named_of(b, plan->plugins[i])->instance;

    struct chain *chain = &g->chains[g->n_chains];
    int r = chain_init(chain, plan->section->name, instances, plan->n_plugins, &g->arena);
    chain->keys = plan->keys;
    if (r == 0)
        r = chain_match(chain, &plan->match, &g->arena);
    if (r < 0)
        config_say(b->errors, CONFIG_ERROR, plan->section, NULL, "%s", strerror(-r));
    if (r < 0)
        conditions_fini(&chain->match);
    else
        g->n_chains++;
}

/* ---- the generation -------------------------------------------------------------------------- */

static bool reserve(struct build *b)
{
    struct generation *g = b->g;
    size_t n = g->config ? g->config->n_sections : 0;
    b->names = arena_array(&g->arena, n, sizeof *b->names);
    b->plans = arena_array(&g->arena, n, sizeof *b->plans);
    g->instances = arena_array(&g->arena, n, sizeof(struct instance *));
    g->chains = arena_array(&g->arena, n, sizeof *g->chains);
    b->named = arena_zalloc(&g->arena, n * sizeof *b->named);
    return b->names && b->named && b->plans && g->instances && g->chains;
}

static void for_each(struct build *b, const char *type,
                     void (*take)(struct build *, struct config_section *))
{
    size_t n = b->g->config ? b->g->config->n_sections : 0;
    for (size_t i = 0; i < n; i++) {
        struct config_section *section = &b->g->config->sections[i];
        if (strcmp(section->type, type) == 0)
            take(b, section);
    }
}

/* Warns about a service that does nothing, and about an instance that does nothing. */
static void look_at_use(struct build *b)
{
    struct generation *g = b->g;
    const struct config_section none = {
        .type = "chain", .name = "", .file = g->config ? g->config->file : NULL};
    if (b->n_plans == 0)
        config_say(b->errors, CONFIG_WARNING, &none, NULL,
                   "no [chain:NAME] section: every transaction passes as it is");
    for (size_t i = 0; i < g->n_instances; i++) {
        const struct instance *in = g->instances[i];
        if (!(in->interest | in->fallback) && in->policy.mode != POLICY_MODE_OFF)
            config_say(b->errors, CONFIG_WARNING, in->section, NULL,
                       "the plugin \"%s\" takes part in no phase: no key of this section asks for "
                       "one",
                       in->plugin->name);
    }
}

static void build(struct build *b)
{
    for_each(b, "plugin", note_plugin);
    size_t before = b->errors->n_errors;
    for_each(b, "chain", plan_chain);
    b->chains_wrong = b->errors->n_errors > before || is_meant(b, "chain", NULL);
    for_each(b, "plugin", start_plugin);
    for (size_t i = 0; b->errors->n_errors == 0 && i < b->n_plans; i++)
        make_chain(b, &b->plans[i]);
    if (b->g->env.testing && b->errors->n_errors == 0)
        look_at_use(b);
}

struct generation *generation_build(struct config *config, const struct plugin_env *env,
                                    struct config_errors *errors)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g) {
        config_say_at(errors, config ? config->file : NULL, 0, "out of memory");
        config_free(config);
        return NULL;
    }
    g->refs = 1;
    g->env = *env;
    g->config = config;
    arena_init(&g->arena, ARENA_FIRST_SIZE);

    struct build b = {.g = g, .errors = errors};
    if (reserve(&b))
        build(&b);
    else
        say_memory(&b, NULL);
    for (size_t i = 0; i < b.n_plans; i++) /* of those that did not become chains */
        conditions_fini(&b.plans[i].match);
    return errors->n_errors > 0 ? generation_unref(g) : g;
}

struct generation *generation_ref(struct generation *g)
{
    __atomic_add_fetch(&g->refs, 1, __ATOMIC_RELAXED);
    return g;
}

struct generation *generation_unref(struct generation *g)
{
    /* The thread that drops the last reference must see what others did before they dropped
     * theirs. */
    if (!g || __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    for (size_t i = g->n_instances; i > 0; i--)
        instance_free(g->instances[i - 1]);
    if (g->env.keeps)
        return NULL;
    for (size_t i = 0; i < g->n_chains; i++)
        conditions_fini(&g->chains[i].match);
    arena_fini(&g->arena);
    config_free(g->config);
    free(g);
    return NULL;
}

void generation_stop(struct generation *g)
{
    for (size_t i = g->n_instances; i > 0; i--)
        instance_stop(g->instances[i - 1]);
}

enum match generation_select(const struct generation *g, const struct facts *facts,
                             const struct chain **ret, const struct condition **ret_failed)
{
    for (size_t i = 0; i < g->n_chains; i++) {
        const struct conditions *match = &g->chains[i].match;
        enum match held = match->n ? conditions_hold_early(match, facts, ret_failed) : MATCH_YES;
        if (held == MATCH_NO)
            continue;
        *ret = &g->chains[i];
        return held;
    }
    return MATCH_NO;
}

static int add_wants(const struct wants *from, enum want_kind kind, struct arena *arena,
                     struct wants *ret)
{
    int r = 0;
    for (const struct want *w = from->first[kind]; r == 0 && w; w = w->next)
        r = wants_add(ret, arena, kind, w->name);
    return r;
}

int generation_wants(const struct generation *g, enum want_kind kind, struct arena *arena,
                     struct wants *ret)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < g->n_chains; i++)
        r = add_wants(&g->chains[i].match_wants, kind, arena, ret);
    for (size_t i = 0; r == 0 && i < g->n_instances; i++)
        r = add_wants(&g->instances[i]->wants, kind, arena, ret);
    return r;
}
