/* From a file to settings and plugins; what is wrong with either is read from standard error. */
#include "process/setup/setup.h"

#include "kit/lines.h"
#include "process/end/leave.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/extprocd-setup-XXXXXX";
static char file[64], said_file[64], log_file[64], text[64 * 1024];
static struct setup s;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/ini", dir);
    snprintf(said_file, sizeof said_file, "%s/said", dir);
    snprintf(log_file, sizeof log_file, "%s/log", dir);
    cr_assert_not_null(freopen(said_file, "w", stderr));
}

static void end(void)
{
    if (LEAVE_RETURNS) /* else exit() would be taken for a plugin's, and no leak be looked for */
        leave(0);
    unlink(file);
    unlink(said_file);
    unlink(log_file);
    rmdir(dir);
}

TestSuite(setup, .init = begin, .fini = end);

/* With the section [extprocd] first. */
static void given(const char *ini)
{
    FILE *f = fopen(file, "w");
    fprintf(f, "[extprocd]\nlog_file = %s\n%s", log_file, ini);
    fclose(f);
}

/* All that was written to standard error. */
static const char *said(void)
{
    fflush(stderr);
    FILE *f = fopen(said_file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* In a line of its own, after the file's name. */
static void expect_said(const char *pattern)
{
    cr_expect(lines_have(said(), pattern), "wanted: %s\ngot: %s", pattern, text);
}

#define LISTENER "[listener:a]\naddress = 127.0.0.1:0\n"
#define CHAIN    "[chain:default]\nplugins = first\n[plugin:first]\nfile = " PLUGIN_DIR "/noop.so\n"

/* ---- what is right --------------------------------------------------------------------------- */

Test(setup, a_file_becomes_settings_and_plugins)
{
    given("drain = 7s\n" LISTENER CHAIN);
    cr_assert(setup_load(file, false, &s), "%s", said());
    cr_expect_eq(s.settings.drain_ms, 7000);
    cr_expect_eq(s.settings.n_listeners, 1);
    cr_assert_eq(s.generation->n_instances, 1);
    cr_expect_str_eq(s.generation->instances[0]->name, "first");
    cr_expect_str_empty(said());
    setup_fini(&s);
}

Test(setup, plugins_are_lent_what_it_has_opened)
{
    given(LISTENER CHAIN);
    cr_assert(setup_load(file, false, &s), "%s", said());
    const struct plugin_env *env = s.generation->instances[0]->env;
    cr_expect(env->log && env->log == s.log);
    cr_expect(env->writer && env->writer == s.writer);
    cr_expect(env->metrics && env->metrics == s.metrics);
    cr_expect(env->loop && env->loop == s.loop);
    cr_assert_eq(env->n_rules, 1);
    cr_expect_eq(env->rules[0], &s.settings.listeners[0].proxy.rules);
    cr_expect_not(env->testing);
    setup_fini(&s);
}

Test(setup, lines_of_the_log_go_to_its_file_and_those_that_do_not_fit_are_counted)
{
    struct metric_reading reading;
    struct stat st;
    given(LISTENER CHAIN);
    cr_assert(setup_load(file, false, &s), "%s", said());
    log_line(s.log, EXTPROC_LEVEL_INFO, NULL, "a line");
    cr_expect(metrics_find(s.metrics, "", "log_lines_dropped", &reading));
    setup_fini(&s);
    cr_assert_eq(stat(log_file, &st), 0);
    cr_expect_gt(st.st_size, 0, "setup_fini() writes what waits");
}

Test(setup, a_test_opens_no_file_for_the_log)
{
    struct stat st;
    given(LISTENER CHAIN);
    cr_assert(setup_load(file, true, &s), "%s", said());
    cr_expect(s.generation->instances[0]->env->testing);
    setup_fini(&s);
    cr_expect_eq(stat(log_file, &st), -1);
}

/* The folder may be there when the service starts. */
Test(setup, a_test_looks_at_what_is_in_the_way_of_listeners)
{
    given("[listener:a]\naddress = unix:/nonexistent/socket\n" CHAIN);
    cr_assert(setup_load(file, true, &s), "%s", said());
    expect_said("/ini:4: [listener:a] address: warning: ~/nonexistent~No such file or directory");
    setup_fini(&s);
}

Test(setup, a_start_does_not_look_because_it_will_see)
{
    given("[listener:a]\naddress = unix:/nonexistent/socket\n" CHAIN);
    cr_assert(setup_load(file, false, &s), "%s", said());
    cr_expect_str_empty(said());
    setup_fini(&s);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void expect_refused(const char *pattern)
{
    cr_expect_not(setup_load(file, false, &s));
    expect_said(pattern);
}

Test(setup, a_file_that_is_not_there)
{
    expect_refused("/ini: ~No such file or directory");
}

Test(setup, one_run_reports_the_mistakes_of_settings_and_of_plugins)
{
    given(
        "drain = soon\n[listener:a]\naddress = nowhere\n"
        "[chain:default]\nplugins = first, second\n[plugin:first]\nfile = /nonexistent/first.so\n");
    expect_refused("/ini:3: [extprocd] drain: ~\"soon\"");
    expect_said("/ini:5: [listener:a] address: ~\"nowhere\"");
    expect_said("/ini:7: [chain:default] plugins: ~second");
    expect_said("/ini:9: [plugin:first] file: ~/nonexistent/first.so");
}

Test(setup, a_log_that_cannot_be_opened_is_a_mistake_among_others)
{
    strcpy(log_file, "/nonexistent/log");
    given("[listener:a]\naddress = nowhere\n" CHAIN);
    expect_refused("/ini:2: [extprocd] log_file: ~/nonexistent/log: No such file or directory");
    expect_said("/ini:4: [listener:a] address: ~");
}

Test(setup, a_warning_alone_is_not_refused)
{
    given(LISTENER CHAIN "[plugin:second]\nfile = " PLUGIN_DIR "/noop.so\n");
    cr_expect(setup_load(file, false, &s));
    expect_said("/ini:9: [plugin:second] warning: ~");
    setup_fini(&s);
}
