#include "plugin/generation.h"

#include "ini.h"
#include "plugin/api/api.h"

#include <criterion/criterion.h>

static struct config_errors errors;
static const struct extproc_str late[] = {EXTPROC_STR("response.")};
static struct plugin_env env = {
    .api = &plugin_api, .plugin_dir = ABI_PLUGINS, .late = STR_LIST(late)};

static void end(void)
{
    config_errors_fini(&errors);
}

TestSuite(generation, .fini = end);

#define PLUGIN(name) "[plugin:" name "]\nfile = good.so\n"

/* The chain of a transaction of which nothing is known. */
static const struct chain *select_of(const struct generation *g)
{
    const struct chain *chain = NULL;
    const struct condition *failed;
    return generation_select(g, NULL, &chain, &failed) == MATCH_YES ? chain : NULL;
}

static struct generation *build(const char *text)
{
    return generation_build(ini_read(text, &errors), &env, &errors);
}

/* ---- what is built --------------------------------------------------------------------------- */

Test(generation, has_the_plugins_of_its_chain_in_order)
{
    struct generation *g =
        build(PLUGIN("a") PLUGIN("b") PLUGIN("c") "[chain:web]\nplugins = c , a\nplugins=b\n");
    cr_assert(g);
    INI_EXPECT(&errors, NULL);

    const struct chain *chain = select_of(g);
    cr_assert(chain);
    cr_expect_str_eq(chain->name, "web");
    cr_assert_eq(chain->n_instances, 3);
    cr_expect_str_eq(chain->instances[0]->name, "c");
    cr_expect_str_eq(chain->instances[1]->name, "a");
    cr_expect_str_eq(chain->instances[2]->name, "b");
    cr_expect_eq(g->n_instances, 3);
    cr_expect_str_eq(g->instances[0]->name, "a", "instances are in file order");
    generation_unref(g);
}

Test(generation, stays_until_its_last_reference)
{
    struct generation *g = build(PLUGIN("a") "[chain:web]\nplugins = a\n");
    cr_assert(g);
    cr_expect_eq(generation_ref(g), g);
    cr_expect(!generation_unref(g));
    cr_expect_str_eq(select_of(g)->name, "web");
    cr_expect(!generation_unref(g));
    cr_expect(!generation_unref(NULL));
}

Test(generation, without_a_chain_lets_everything_pass)
{
    struct generation *g = build("[extprocd]\nlog_level = info\n");
    cr_assert(g);
    cr_expect(!select_of(g));
    generation_unref(g);
}

Test(generation, needs_no_configuration)
{
    struct generation *g = generation_build(NULL, &env, &errors);
    cr_assert(g);
    cr_expect(!select_of(g));
    generation_unref(g);
}

Test(generation, does_not_start_what_is_not_used)
{
    struct generation *g = build(PLUGIN("a") "[plugin:spare]\nfile = init_fails.so\n"
                                             "[chain:web]\nplugins = a\n");
    cr_assert(g);
    cr_expect_eq(g->n_instances, 1);
    INI_EXPECT(&errors, "test.ini:3: [plugin:spare] warning: ~unused~");
    generation_unref(g);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(generation, looks_at_what_is_not_used_when_testing)
{
    env.testing = true;
    cr_expect(!build(PLUGIN("a") "[plugin:spare]\nfile = init_positive.so\n"
                                 "[chain:web]\nplugins = a\n"));
    cr_expect_eq(errors.n_errors, 1);
}

Test(generation, reports_every_mistake_of_every_section)
{
    cr_expect(!build("[chain:web]\n"
                     "plugins = auht, b, b,, gone\n"
                     "plugin = x\n"
                     "[plugin:auth]\nfile = init_positive.so\n"
                     "[plugin:b]\nfile = good.so\ngreting = x\n"));
    INI_EXPECT(&errors, "test.ini:2: [chain:web] plugins: ~[plugin:auht]~did you mean auth?~",
               "test.ini:2: [chain:web] plugins: ~duplicate~b:~",
               "test.ini:2: [chain:web] plugins: ~empty plugin name~",
               "test.ini:2: [chain:web] plugins: ~no section [plugin:gone]~",
               "test.ini:3: [chain:web] plugin: unknown key~plugins~",
               "test.ini:8: [plugin:b] greting: unknown key~greeting~");
}

Test(generation, names_that_are_not_separated_by_commas)
{
    cr_expect(!build(PLUGIN("a") PLUGIN("b") "[chain:web]\nplugins = a b\n"));
    INI_EXPECT(&errors, "test.ini:6: [chain:web] plugins: ~\"a b\"~commas");
}

Test(generation, a_plugin_whose_section_is_misspelt_is_one_mistake)
{
    generation_unref(build("[plugn:a]\n[chain:web]\nplugins = a\n"));
    cr_expect_eq(errors.n_errors, 0, "the section itself is reported by the settings");
}

Test(generation, a_chain_needs_plugins)
{
    cr_expect(!build("[chain:web]\n"));
    INI_EXPECT(&errors, "test.ini:1: [chain:web] plugins: ~missing required key~");
}

Test(generation, warns_of_a_chain_that_is_never_used)
{
    struct generation *g = build(PLUGIN("a") "[chain:api]\nmatch.path = /api/*\nplugins = a\n"
                                             "[chain:rest]\nplugins = a\n"
                                             "[chain:late]\nmatch.method = GET\nplugins = a\n");
    cr_assert(g);
    cr_expect_eq(g->n_chains, 3);
    INI_EXPECT(&errors, "test.ini:8: [chain:late] warning: ~never used~[chain:rest]~test.ini:6~");
    generation_unref(g);
}

Test(generation, every_mistake_of_a_condition_is_reported)
{
    cr_expect(
        !build(PLUGIN("a") "when.paht = /a\n"
                           "unless.path = ~ [\n"
                           "wehn.path = /a\n"
                           "[chain:web]\nplugins = a\nmatch.status = 200\n"
                           "match.header = x\n"
                           "[chain:all]\nplugins = a\nmatch.attribute.response.code = 200\n"));
    INI_EXPECT(&errors, "test.ini:3: [plugin:a] when.paht: ~did you mean path?~",
               "test.ini:4: [plugin:a] unless.path: invalid value \"~ [\": ~",
               "test.ini:5: [plugin:a] wehn.path: unknown key (did you mean when.path?)",
               "test.ini:8: [chain:web] match.status: a condition on the response~",
               "test.ini:9: [chain:web] match.header: ~expected header.NAME~",
               "test.ini:12: [chain:all] match.attribute.response.code: ~response~");
}

/* "good" is called for request headers only. */
Test(generation, a_condition_on_the_response_is_refused_where_there_is_no_response)
{
    cr_expect(!build(PLUGIN("a") "when.status = 200\nunless.response_header.x = *\n"
                                 "unless.path = /a\n"
                                 "[chain:web]\nplugins = a\n"));
    INI_EXPECT(&errors, "test.ini:3: [plugin:a] when.status: ~called for requests only",
               "test.ini:4: [plugin:a] unless.response_header.x: ~called for requests only");
}

Test(generation, a_value_that_is_hidden_is_not_shown)
{
    setenv("SECRET", "*s3cret*", 1);
    cr_expect(!build(PLUGIN("a") "when.header.x-key = ${SECRET}\n[chain:web]\nplugins = a\n"));
    INI_EXPECT(&errors,
               "test.ini:3: [plugin:a] when.header.x-key: invalid value (hidden): ~one *~");
    cr_expect(!strstr(errors.lines[0], "s3cret"));
}

Test(generation, conditions_make_the_proxy_send_what_they_look_at)
{
    struct generation *g = build(PLUGIN("a") "when.response_header.x = 1\n"
                                             "[chain:web]\nplugins = a\n"
                                             "match.grpc.x-tenant = blue\n");
    cr_expect(!g, "good is called for requests only");
    config_errors_fini(&errors);
    errors = (struct config_errors){0};
    g = build(PLUGIN("a") "when.header.x = 1\n"
                          "[chain:web]\nplugins = a\nmatch.grpc.x-tenant = blue\n");
    cr_assert(g);
    struct wants wants = {0};
    struct arena arena;
    arena_init(&arena, 256);
    cr_assert_eq(generation_wants(g, WANT_STREAM_METADATA, &arena, &wants), 0);
    cr_expect_eq(wants.first[WANT_STREAM_METADATA]->name.len, strlen("x-tenant"));
    cr_expect(g->chains[0].wants & EXTPROC_PHASE_REQUEST_HEADERS);
    arena_fini(&arena);
    generation_unref(g);
}

Test(generation, errors_from_before_count)
{
    struct config *config = ini_read(PLUGIN("a") "[chain:web]\nplugins = a\n", &errors);
    config_say_at(&errors, "test.ini", 9, "something else");
    cr_expect(!generation_build(config, &env, &errors));
    cr_expect_eq(errors.n_errors, 1);
}
