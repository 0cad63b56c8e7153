#include "plugin/refusal.h"

#include "scene.h"
#include "unit/plugin/ini.h"

/* ---- in callbacks ---------------------------------------------------------------------------- */

static enum extproc_action idiom(struct extproc_txn *x)
{
    return extproc_continue(
        extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x hello"), EXTPROC_S("world")));
}

static enum extproc_action refused_twice(struct extproc_txn *x)
{
    cr_expect_eq(extproc_skip(x, 64), -EINVAL);
    cr_expect_eq(extproc_metadata_set(x, EXTPROC_S(""), EXTPROC_S("k"), extproc_null()), -EINVAL);
    return EXTPROC_ACTION_FAIL;
}

static int open_with_a_refusal(struct extproc_txn *x)
{
    return extproc_clear_route(x) == -EOPNOTSUPP ? 0 : -EIO;
}

static int open_fails(struct extproc_txn *x)
{
    return extproc_clear_route(x);
}

static enum extproc_action just_fail(struct extproc_txn *x)
{
    return EXTPROC_ACTION_FAIL;
}

static enum extproc_action say_why(struct extproc_txn *x)
{
    enum extproc_action fail = extproc_fail(x, "no key %d", 7);
    extproc_skip(x, 64); /* does not take the place of what the plugin says */
    return fail;
}

static enum extproc_action say_text(struct extproc_txn *x)
{
    return extproc_fail_str(x, EXTPROC_S("kind"), EXTPROC_S("100% \"text\""));
}

static enum extproc_action say_and_go_on(struct extproc_txn *x)
{
    extproc_fail(x, "never mind");
    return EXTPROC_ACTION_CONTINUE;
}

static void assert_logged(const struct extproc_plugin *plugin, const char *line)
{
    struct scene s;
    scene_init(&s, plugin, 1);
    play_request(&s);
    SCENE_LOGGED(&s, line);
    scene_close(&s, EXTPROC_END_FAILED);
    scene_fini(&s);
}
#define LOGGED(line, ...)                                                                          \
    assert_logged(&(const struct extproc_plugin){.name = "a", __VA_ARGS__}, line)

Test(refusal, the_line_of_a_failure_names_the_call_and_why)
{
    LOGGED(": request_headers failed: extproc_header_set(\"x hello\"): invalid header name: "
           "contains a "
           "space\n",
           .request_headers = idiom);
    LOGGED("open failed: extproc_clear_route(): not possible in this phase\n", .open = open_fails,
           .request_headers = just_fail);
}

Test(refusal, of_several_the_last_one_counts)
{
    LOGGED(": request_headers failed: extproc_metadata_set(\"k\"): ",
           .request_headers = refused_twice);
}

Test(refusal, is_forgotten_at_the_next_callback)
{
    LOGGED(": request_headers failed without a reason", .open = open_with_a_refusal,
           .request_headers = just_fail);
}

Test(refusal, a_plugin_may_say_why_itself)
{
    LOGGED(": request_headers failed: no key 7\n", .request_headers = say_why);
    LOGGED(": request_headers failed: 100% \"text\"\n", .request_headers = say_text);
}

Test(refusal, what_was_said_is_not_logged_where_nothing_fails)
{
    SCENE(s, {.name = "a", .request_headers = say_and_go_on});
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    cr_expect_str_empty(scene_log(&s));
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* The log limits lines of one kind: each reason is one. */
Test(refusal, each_reason_is_a_kind_of_line_of_its_own)
{
    struct refusal refusal = {0};
    refusal_of_call(&refusal, NULL, "extproc_skip", STR_ABSENT, "why");
    cr_expect_str_eq(refusal.key, "extproc_skip");
    refusal_of_plugin(&refusal, NULL, EXTPROC_S("no key %d"), EXTPROC_S("no key 7"));
    cr_expect_str_eq(refusal.key, "no key %d");
    refusal_of_plugin(&refusal, NULL, STR_ABSENT, EXTPROC_S("no key 7"));
    cr_expect_str_eq(refusal.key, "no key 7");
}

/* ---- what must not be seen ------------------------------------------------------------------- */

static struct config *config;
static struct config_errors errors;

static const struct config_section *with_secret(void)
{
    setenv("SECRET", "x-hunter2", 1);
    config = ini_read("[plugin:p]\nset = ${SECRET}: v\nplain = x-plain\n", &errors);
    return &config->sections[0];
}

Test(refusal, a_name_that_came_out_of_the_environment_is_hidden)
{
    const struct config_section *section = with_secret();
    struct refusal refusal = {0};
    refusal_of_call(&refusal, section, "extproc_header_set", EXTPROC_S("X-Hunter2"), "why");
    cr_expect_str_eq(refusal.text, "extproc_header_set(\"(hidden)\"): why");
    refusal_of_call(&refusal, section, "extproc_header_set", EXTPROC_S("hunter"), "why");
    cr_expect_str_eq(refusal.text, "extproc_header_set(\"(hidden)\"): why");
    refusal_of_call(&refusal, section, "extproc_header_set", EXTPROC_S("x-plain"), "why");
    cr_expect_str_eq(refusal.text, "extproc_header_set(\"x-plain\"): why");
    refusal_of_plugin(&refusal, section, STR_ABSENT, EXTPROC_S("no x-hunter2 there"));
    cr_expect_str_eq(refusal.text, "(hidden)");
    config_free(config);
}

Test(refusal, a_long_subject_is_cut)
{
    static char name[1000];
    struct refusal refusal = {0};
    memset(name, 'a', sizeof name);
    refusal_of_call(&refusal, NULL, "f", (struct extproc_str){name, sizeof name}, "why");
    cr_expect_eq(strlen(refusal.text), strlen("f(\"...\"): why") + 80);
    refusal_of_call(NULL, NULL, "f", EXTPROC_S("a"), "nobody asks");
}

/* ---- lines of a plugin ----------------------------------------------------------------------- */

static enum extproc_action log_often(struct extproc_txn *x)
{
    for (int i = 0; i < 50; i++) {
        struct extproc_str text = extproc_format(x, "number %d", i);
        extproc_log_str(x, EXTPROC_LEVEL_WARN, EXTPROC_S("numbers"), text);
        extproc_instance_log_str(x->instance, EXTPROC_LEVEL_WARN, STR_ABSENT, text);
    }
    extproc_log_str(x, EXTPROC_LEVEL_WARN, EXTPROC_S("letters"), EXTPROC_S("100%s"));
    return EXTPROC_ACTION_CONTINUE;
}

Test(refusal, lines_of_one_key_are_limited_together)
{
    SCENE(s, {.name = "a", .request_headers = log_often});
    play_request(&s);
    SCENE_LOGGED(&s, "phase=request_headers: number 9\n");
    cr_expect_null(strstr(scene_log(&s), "phase=request_headers: number 10\n"));
    SCENE_LOGGED(&s, "plugin=a: number 49\n");
    SCENE_LOGGED(&s, "100%s\n");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
