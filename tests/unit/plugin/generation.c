#include "plugin/generation.h"

#include "ini.h"
#include "plugin/api/api.h"

#include <criterion/criterion.h>

static struct config_errors errors;
static struct plugin_env env = {.api = &plugin_api, .plugin_dir = ABI_PLUGINS};

static void end(void)
{
    config_errors_fini(&errors);
}

TestSuite(generation, .fini = end);

#define PLUGIN(name) "[plugin:" name "]\nfile = good.so\n"

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

    const struct chain *chain = generation_select(g, "web", NULL);
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
    cr_expect_str_eq(generation_select(g, "web", NULL)->name, "web");
    cr_expect(!generation_unref(g));
    cr_expect(!generation_unref(NULL));
}

Test(generation, without_a_chain_lets_everything_pass)
{
    struct generation *g = build("[extprocd]\nlog_level = info\n");
    cr_assert(g);
    cr_expect(!generation_select(g, "web", NULL));
    generation_unref(g);
}

Test(generation, needs_no_configuration)
{
    struct generation *g = generation_build(NULL, &env, &errors);
    cr_assert(g);
    cr_expect(!generation_select(g, "web", NULL));
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

Test(generation, there_is_one_chain)
{
    cr_expect(!build(PLUGIN("a") "[chain:one]\nplugins = a\n[chain:two]\nplugins = a\n"));
    INI_EXPECT(&errors, "test.ini:5: [chain:two] ~only one chain~[chain:one]~test.ini:3");
}

Test(generation, errors_from_before_count)
{
    struct config *config = ini_read(PLUGIN("a") "[chain:web]\nplugins = a\n", &errors);
    config_say_at(&errors, "test.ini", 9, "something else");
    cr_expect(!generation_build(config, &env, &errors));
    cr_expect_eq(errors.n_errors, 1);
}
