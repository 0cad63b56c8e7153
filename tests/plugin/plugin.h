/* plugin: one plugin file, alone in its chain, taken or refused. */
#ifndef EXTPROCD_TESTS_PLUGIN_PLUGIN_H
#define EXTPROCD_TESTS_PLUGIN_PLUGIN_H

#include "kit/criterion.h"
#include "kit/kit.h"
#include "kit/pb.h"
#include "plugin/api/api.h"
#include "plugin/generation.h"
#include "session/proxy_names.h"
#include "session/proxy_rules.h"
#include "unit/plugin/ini.h"

/* The plugin has the lines from the third on. */
#define PLUGIN_INI_OF(file, keys) "[plugin:p]\nfile = " file "\n" keys "\n[chain:c]\nplugins = p\n"
#define PLUGIN_INI(name, keys)    PLUGIN_INI_OF(PLUGIN_DIR "/" name ".so", keys)

#define PLUGIN_KIT(name, keys) kit_of_ini(PLUGIN_INI(name, keys))

/* Of a proxy with its defaults. */
static inline const struct rules *plugin_rules(void)
{
    static struct proxy_rules made;
    static struct arena arena;
    const struct proxy_settings defaults = {.listener = "main",
                                            .max_headers = PROXY_MAX_HEADERS,
                                            .max_header_bytes = PROXY_MAX_HEADER_BYTES};
    if (!made.rules.proxy) {
        arena_init(&arena, 256);
        cr_assert_eq(proxy_rules_make(&defaults, &arena, &made), 0);
    }
    return &made.rules;
}

#define PLUGIN_ROUTING                                                                             \
    "~[listener:main] would ignore it~mutation_rules = all_routing ~allow_all_routing: true~"
#define PLUGIN_ENVOYS "~[listener:main] would ignore it~mutation_rules = envoy ~allow_envoy: true~"

/* Exactly these lines are said of an ini text, as extprocd -t would. NULL: it was refused. */
static inline struct generation *plugin_build(const char *ini, const char *const *lines)
{
    static struct plugin_env env;
    static const struct rules *rules;
    struct config_errors errors = {0};
    rules = plugin_rules(); /* both are static: the generation keeps them */
    env = (struct plugin_env){.api = &plugin_api,
                              .testing = true,
                              .rules = &rules,
                              .n_rules = 1,
                              .maps = proxy_maps,
                              .late = proxy_late};
    struct generation *g = generation_build(ini_read(ini, &errors), &env, &errors);

    ini_expect(&errors, lines);
    config_errors_fini(&errors);
    return g;
}
#define PLUGIN_REFUSED(name, keys, ...) PLUGIN_REFUSED_INI(PLUGIN_INI(name, keys), __VA_ARGS__)
#define PLUGIN_REFUSED_INI(ini, ...)                                                               \
    cr_expect(!plugin_build(ini, (const char *const[]){__VA_ARGS__, NULL}))

/* Does the response's body come to callbacks, as far as is known in the headers phase? */
static inline bool may_be_seen(const struct kit_call *c)
{
    const struct kit_how *how = kit_how(c);
    return how->response != BODY_MODE_NONE || (how->unsaid && !how->listener_says);
}

/* The same of one that is taken, with warnings. */
#define PLUGIN_SAYS(name, keys, ...)                                                               \
    plugin_build(PLUGIN_INI(name, keys), (const char *const[]){__VA_ARGS__, NULL})

/* The phases that the one plugin of an ini text takes part in. */
static inline uint32_t plugin_interest(const char *ini)
{
    struct generation *g = plugin_build(ini, (const char *const[]){NULL});
    cr_assert(g);
    uint32_t phases = g->instances[0]->interest;
    generation_unref(g);
    return phases;
}

#endif
