#include "plugin/policy.h"

#include "ini.h"
#include "plugin/instance.h"

static struct config_errors errors;
static struct config *config;
static struct arena arena;

static void end(void)
{
    config_free(config);
    config_errors_fini(&errors);
    arena_fini(&arena);
}
TestSuite(policy, .fini = end);

static struct policy policy_of(const char *keys, bool must_see)
{
    char text[256];
    struct keys values;
    struct policy policy;
    snprintf(text, sizeof text, "[plugin:a]\nfile = x\n%s", keys);
    arena_init(&arena, 1024);
    config = ini_read(text, &errors);
    struct config_section *section = &config->sections[0];
    keys_check(section, (struct keys_table){instance_keys, sizeof *instance_keys}, &arena, &errors,
               &values);
    policy_read(&values, &policy);
    policy_look(&policy, &values, section, must_see, &errors);
    return policy;
}

Test(policy, by_default_answers_for_a_plugin_that_fails)
{
    struct policy p = policy_of("", true);
    cr_expect_eq(p.mode, POLICY_MODE_ENFORCE);
    cr_expect_eq(p.on_error, POLICY_RESPOND);
    cr_expect_eq(p.on_error_status, 500);
    cr_expect_eq(p.timeout_ms, 150);
    cr_expect_eq(p.max_body, 0);
    cr_expect_eq(p.on_max_body, POLICY_RESPOND);
    INI_EXPECT(&errors, NULL);
}

Test(policy, is_what_the_section_says)
{
    struct policy p = policy_of("mode = off\non_error = close\ntimeout = 1500us\nmax_body = 4k\n"
                                "on_max_body = continue\n",
                                false);
    cr_expect_eq(p.mode, POLICY_MODE_OFF);
    cr_expect_eq(p.on_error, POLICY_CLOSE);
    cr_expect_eq(p.timeout_ms, 2);
    cr_expect_eq(p.max_body, 4096);
    cr_expect_eq(p.on_max_body, POLICY_CONTINUE);
    INI_EXPECT(&errors, NULL);
}

Test(policy, a_timeout_of_0_is_none)
{
    cr_expect_eq(policy_of("timeout = 0s\n", false).timeout_ms, 0);
}

Test(policy, has_names_that_the_keys_take)
{
    char text[64];
    for (enum policy_action action = 0; action < N_POLICY_ACTIONS; action++) {
        snprintf(text, sizeof text, "on_error = %s\n", policy_action_name(action));
        cr_expect_eq(policy_of(text, false).on_error, action);
        end();
        config = NULL;
        errors = (struct config_errors){0};
    }
}

Test(policy, refuses_what_is_not_a_value)
{
    policy_of("on_error = ignore\non_error_status = 99\nmax_body = 0\non_max_body = close\n",
              false);
    INI_EXPECT(&errors, "test.ini:3: [plugin:a] on_error: ~\"ignore\"~respond~continue~close~",
               "test.ini:4: [plugin:a] on_error_status: ~\"99\"~200~599~",
               "test.ini:5: [plugin:a] max_body: ~\"0\"~",
               "test.ini:6: [plugin:a] on_max_body: ~\"close\"~respond~continue~");
}

Test(policy, warns_of_keys_without_effect)
{
    policy_of("on_error = continue\non_error_status = 503\non_max_body = continue\n", false);
    INI_EXPECT(&errors, "~test.ini:4: [plugin:a] on_error_status: ~no effect~on_error is continue~",
               "~test.ini:5: [plugin:a] on_max_body: ~no effect without max_body~");
}

Test(policy, warns_not_of_defaults_that_are_written_down)
{
    policy_of("on_error = close\non_error_status = 500\non_max_body = respond\n", false);
    INI_EXPECT(&errors, NULL);
}

Test(policy, warns_of_bodies_that_pass_without_inspection)
{
    policy_of("max_body = 1k\non_max_body = continue\n", true);
    INI_EXPECT(&errors, "~test.ini:4: [plugin:a] on_max_body: ~larger than max_body~inspection~");
}
