#include "plugin/instance.h"

#include "ini.h"
#include "plugin/api/api.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct config_errors errors;
static struct config *config;
static struct plugin_env env = {.api = &plugin_api, .plugin_dir = ABI_PLUGINS};
static struct instance *in;

static void end(void)
{
    config_free(config);
    config_errors_fini(&errors);
}

TestSuite(instance, .fini = end);

static int from_file(const char *text)
{
    config = ini_read(text, &errors);
    return instance_new(&config->sections[0], &env, &errors, &in);
}

static int linked(const struct extproc_plugin *plugin, const char *text)
{
    config = ini_read(text, &errors);
    return instance_new_linked(plugin, &config->sections[0], &env, &errors, &in);
}

/* ---- from a file ----------------------------------------------------------------------------- */

Test(instance, finds_a_file_without_a_slash_in_the_plugin_dir)
{
    cr_assert_eq(from_file("[plugin:a]\nfile = good.so\ngreeting = hi\n"), 0);

    cr_expect_str_eq(in->name, "a");
    cr_expect_str_eq(in->plugin->name, "good");
    cr_expect(in->on[PHASE_REQUEST_HEADERS] && !in->on[PHASE_REQUEST_BODY]);
    cr_expect_eq(in->interest, (uint32_t)EXTPROC_PHASE_REQUEST_HEADERS);
    cr_expect(in->started && !in->errors);
    cr_expect_eq(in->pub.api->conf_str(&in->pub, "greeting", 0).len, 2);
    INI_EXPECT(&errors, NULL);
    instance_free(in);
}

Test(instance, takes_a_file_with_a_slash_as_it_is)
{
    env.plugin_dir = "/nowhere";
    cr_assert_eq(from_file("[plugin:a]\nfile = " ABI_PLUGINS "/cxx17.so\n"), 0);
    instance_free(in);
}

Test(instance, runs_plugins_in_cxx)
{
    cr_assert_eq(from_file("[plugin:a]\nfile = cxx20.so\n"), 0);
    cr_expect(in->pub.self);
    instance_free(in);
}

Test(instance, needs_a_file)
{
    cr_expect_eq(from_file("[plugin:a]\ngreeting = hi\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] file: ~missing required key~");
}

Test(instance, passes_on_what_the_loader_says)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = no_symbol.so\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] file: " ABI_PLUGINS
                        "/no_symbol.so: ~not a plugin~extproc_plugin_v1~");
}

Test(instance, knows_its_own_keys_and_the_plugins)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = good.so\ngreting = hi\nfil = x\nxyz = 1\n"),
                 -EINVAL);
    INI_EXPECT(&errors, "test.ini:3: [plugin:a] greting: unknown key~greeting~",
               "test.ini:4: [plugin:a] fil: unknown key~file~",
               "test.ini:5: [plugin:a] xyz: unknown key~greeting~");
}

Test(instance, a_plugin_may_not_take_the_hosts_keys)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = host_key.so\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] ~\"good\"~\"file\"~reserved~");
}

Test(instance, init_may_fail)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = init_fails.so\n"), -EINVAL);
    INI_EXPECT(
        &errors,
        "test.ini:1: [plugin:a] ~\"good\"~init() failed: Transport endpoint is not connected~");
}

Test(instance, a_plugin_sees_that_a_later_function_is_missing)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = later_target.so\n"), 0);
    INI_EXPECT(&errors, NULL);
}

Test(instance, init_may_not_return_any_value)
{
    cr_expect_eq(from_file("[plugin:a]\nfile = init_positive.so\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] ~\"good\"~init() returned 3~");
}

/* ---- linked in ------------------------------------------------------------------------------- */

static int n_init, n_fini;
static bool testing;

static int count_init(struct extproc_instance *instance)
{
    n_init++;
    testing = instance->testing;
    return 0;
}

static void count_fini(struct extproc_instance *instance)
{
    n_fini++;
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_key count_keys[] = {
    {.name = "n", .type = EXTPROC_KEY_TYPE_INT, .fallback = "7"},
    {.name = NULL},
};

static struct extproc_plugin plugin = {
    .abi = EXTPROC_ABI,
    .name = "linked",
    .keys = count_keys,
    .init = count_init,
    .fini = count_fini,
    .request_headers = on_phase,
    .request_body = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
    .response_body = on_phase,
    .response_trailers = on_phase,
};

Test(instance, needs_no_file_when_linked_in)
{
    env.testing = true;
    cr_assert_eq(linked(&plugin, "[plugin:a]\nn = 8\n"), 0);

    cr_expect_eq(n_init, 1);
    cr_expect(testing);
    for (enum phase phase = 0; phase < N_PHASES; phase++)
        cr_expect_eq(in->on[phase], on_phase);
    cr_expect_eq(in->interest, (1u << N_PHASES) - 1);

    cr_expect(!instance_free(in));
    cr_expect_eq(n_fini, 1);
    cr_expect(!instance_free(NULL));
}

Test(instance, init_does_not_run_on_wrong_values)
{
    cr_expect_eq(linked(&plugin, "[plugin:a]\nn = many\nfile = a.so\n"), -EINVAL);
    cr_expect_eq(n_init, 0);
    cr_expect_eq(n_fini, 0);
    cr_expect_eq(errors.n_errors, 2);
}

Test(instance, a_linked_plugin_is_judged_like_a_file)
{
    struct extproc_plugin nameless = {.abi = EXTPROC_ABI};
    cr_expect_eq(linked(&nameless, "[plugin:a]\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] linked in: ~no name~");
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
}

Test(instance, init_is_not_required)
{
    struct extproc_plugin bare = {.abi = EXTPROC_ABI, .name = "bare", .close = on_close};
    cr_assert_eq(linked(&bare, "[plugin:a]\n"), 0);
    cr_expect_eq(in->interest, 0);
    instance_free(in);
}

Test(instance, names_of_keys_to_come_are_kept_for_the_host)
{
    static const struct extproc_key kept[] = {
        {"mode"},     {"timeout"},         {"max_body"},  {"on_max_body"}, {"on_error"},
        {"modes"},    {"on_error_status"}, {"when.path"}, {"when"},        {"unless.x.y"},
        {"whenever"}, {"on_empty"},        {NULL}};
    plugin.keys = kept;
    cr_expect_eq(linked(&plugin, "[plugin:a]\n"), -EINVAL);
#define KEPT(key) "test.ini:1: [plugin:a] ~\"linked\"~\"" key "\"~reserved~"
    INI_EXPECT(&errors, KEPT("mode"), KEPT("timeout"), KEPT("max_body"), KEPT("on_max_body"),
               KEPT("on_error"), KEPT("on_error_status"), KEPT("when.path"), KEPT("unless.x.y"));
    cr_expect_eq(n_init, 0);
}

static int fail_without_words(struct extproc_instance *instance)
{
    n_init++;
    return -EACCES;
}

Test(instance, fini_does_not_follow_an_init_that_failed)
{
    plugin.init = fail_without_words;
    cr_expect_eq(linked(&plugin, "[plugin:a]\n"), -EINVAL);
    cr_expect_eq(n_init, 1);
    cr_expect_eq(n_fini, 0);
}

static int refuse_and_go_on(struct extproc_instance *instance)
{
    extproc_conf_refuse(instance, "n", 0, "is too small (%d or more)", 8);
    return 0;
}

Test(instance, an_instance_that_refuses_a_value_does_not_start)
{
    plugin.init = refuse_and_go_on;
    cr_expect_eq(linked(&plugin, "[plugin:a]\nn = 3\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] n: is too small (8 or more)");
    cr_expect_eq(n_fini, 1, "init returned 0");
}

/* What a later version of the host may read of a section. */
Test(instance, a_plugin_declares_no_key_of_the_hosts)
{
    static const char *const kept[] = {"file",        "mode",     "timeout",         "max_body",
                                       "on_max_body", "on_error", "on_error_status", "when.x",
                                       "unless.x",    "host.x",   "blocking",        "sha256",
                                       "run",         "trusted",  "on_stream",       "strict",
                                       "max_held",    "overload"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct extproc_key table[] = {{.name = kept[i]}, {.name = NULL}};
        struct extproc_plugin declares = {
            .abi = EXTPROC_ABI, .name = "p", .keys = table, .close = on_close};
        struct config *own = ini_read("[plugin:a]\n", &errors);
        cr_expect_eq(instance_new_linked(&declares, &own->sections[0], &env, &errors, &in), -EINVAL,
                     "%s", kept[i]);
        cr_expect(strstr(errors.lines[errors.n_lines - 1], kept[i]));
        config_free(own);
    }
}
