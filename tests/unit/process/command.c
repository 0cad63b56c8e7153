/* --print-envoy-config as a command: which form, of which listener, and how it ends. */
#include "kit/printed.h"
#include "process/end/leave.h"
#include "process/process.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/extprocd-command-XXXXXX", file[64], said_file[64];
static int status; /* of the last command */

static void begin(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/ini", dir);
    snprintf(said_file, sizeof said_file, "%s/said", dir);
    cr_assert_not_null(freopen(said_file, "w", stderr));
}

static void end(void)
{
    if (LEAVE_RETURNS) /* else exit() would be taken for a plugin's, and no leak be looked for */
        leave(0);
    unlink(file);
    unlink(said_file);
    rmdir(dir);
}

TestSuite(command, .init = begin, .fini = end);

#define LISTENER(name) "[listener:" name "]\naddress = unix:/tmp/extprocd-" name "\n"
#define CHAIN                                                                                      \
    "[chain:main]\nplugins = tags\n[plugin:tags]\nfile = " PLUGIN_DIR                              \
    "/headers.so\nresponse.set = x-a: 1\n"

static const char *printed_as(const char *form, const char *ini)
{
    FILE *f = fopen(file, "w");
    fputs(ini, f);
    fclose(f);
    printed_begin();
    status = process_print_proxy_config(file, form);
    return printed_end();
}

static const char *said(void)
{
    static char text[4096];
    fflush(stderr);
    FILE *f = fopen(said_file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

Test(command, each_form_has_the_mode_that_the_plugins_need)
{
    const char *envoy = printed_as("envoy", LISTENER("a") CHAIN);
    cr_expect_eq(status, EXIT_GOOD);
    cr_expect(strstr(envoy, "request_header_mode: SKIP"), "%s", envoy);
    cr_expect(strstr(envoy, "response_header_mode: SEND"), "%s", envoy);
    const char *gloo = printed_as("gloo", LISTENER("a") CHAIN);
    cr_expect_eq(status, EXIT_GOOD);
    cr_expect(strstr(gloo, "responseHeaderMode: SEND"), "%s", gloo);
}

Test(command, a_form_that_is_none_is_a_mistake_of_the_command_line)
{
    cr_expect_str_empty(printed_as("nginx", LISTENER("a") CHAIN));
    cr_expect_eq(status, EXIT_USAGE);
    cr_expect(strstr(said(), "'nginx': expected envoy or gloo"), "%s", said());
}

Test(command, of_several_listeners_the_first_is_meant_and_named)
{
    const char *one = printed_as("envoy", LISTENER("a") CHAIN);
    cr_expect_null(strstr(one, "For [listener:"), "%s", one);
    const char *two = printed_as("envoy", LISTENER("b") LISTENER("a") CHAIN);
    cr_expect_eq(status, EXIT_GOOD);
    cr_expect_eq(strncmp(two, "# For [listener:b].", strlen("# For [listener:b].")), 0, "%s", two);
}

Test(command, a_file_with_a_mistake_prints_none)
{
    cr_expect_str_empty(printed_as("envoy", LISTENER("a") "[chain:main]\nplugins = none\n"));
    cr_expect_eq(status, EXIT_BAD);
    cr_expect(strstr(said(), "ini:4:"), "%s", said());
}
