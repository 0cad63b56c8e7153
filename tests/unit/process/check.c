/* -t and -T: what they print, and that it can be read again. */
#include "kit/printed.h"
#include "process/end/leave.h"
#include "process/process.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/extprocd-check-XXXXXX", file[64], said_file[64];
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

TestSuite(check, .init = begin, .fini = end);

static void given(const char *ini)
{
    FILE *f = fopen(file, "w");
    fputs(ini, f);
    fclose(f);
}

static const char *checked(bool dump)
{
    printed_begin();
    status = process_check(file, dump);
    return printed_end();
}

static const char *dumped(const char *ini)
{
    given(ini);
    const char *text = checked(true);
    cr_assert_eq(status, EXIT_GOOD, "%s", ini);
    return text;
}

static void expect_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    cr_expect(at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n', "no %s in\n%s",
              line, text);
}

#define LISTENER "[listener:a]\naddress = 127.0.0.1:0\n"
#define CHAIN    "[chain:main]\nplugins = tags\n[plugin:tags]\nfile = " PLUGIN_DIR "/headers.so\n"

Test(check, a_good_file_is_ok)
{
    given(LISTENER CHAIN "request.set = x-a: 1\n");
    const char *text = checked(false);
    cr_expect_eq(status, EXIT_GOOD);
    cr_expect_str_eq(text + strlen(file), ": ok\n");
}

Test(check, a_bad_one_is_not_and_prints_nothing)
{
    given(LISTENER CHAIN "request.sett = x-a: 1\n");
    cr_expect_str_empty(checked(true));
    cr_expect_eq(status, EXIT_BAD);
}

Test(check, a_dump_has_every_section_with_its_defaults)
{
    const char *text = dumped(LISTENER CHAIN "request.set = x-a: 1\nrequest.set = x-b: 2\n");
    expect_line(text, "[extprocd]");
    expect_line(text, "drain = 30s");
    expect_line(text, "[listener:a]");
    expect_line(text, "max_message = 16m");
    expect_line(text, "[chain:main]");
    expect_line(text, "plugins = tags");
    expect_line(text, "[plugin:tags]");
    expect_line(text, "file = " PLUGIN_DIR "/headers.so");
    expect_line(text, "request.set = x-a: 1");
    expect_line(text, "request.set = x-b: 2");
}

Test(check, a_dump_has_every_condition_under_its_own_key)
{
    const char *text = dumped(LISTENER CHAIN "request.set = x-a: 1\nwhen.path = /a\n"
                                             "unless.header.x = ! *\nwhen.path = /b\n"
                                             "[chain:api]\nmatch.method = GET\nplugins = tags\n");
    expect_line(text, "when.path = /a");
    expect_line(text, "when.path = /b");
    expect_line(text, "unless.header.x = ! *");
    expect_line(text, "match.method = GET");
    cr_expect(!strstr(text, ".*"));
}

/* ---- read again ------------------------------------------------------------------------------ */

static void expect_same_again(const char *value)
{
    char ini[1024];
    snprintf(ini, sizeof ini, LISTENER CHAIN "request.set = x-a: %s\n", value);
    const char *first = dumped(ini);
    cr_expect_str_eq(dumped(first), first, "%s", value);
}

Test(check, what_would_begin_a_comment_or_a_variable_is_read_again)
{
    expect_same_again("a \\; b");
    expect_same_again("$${NOT_A_VARIABLE}");
    expect_same_again("a;b # c");
}

/* Long values are continued in a line of their own. */
Test(check, a_long_value_is_read_again_wherever_it_is_parted)
{
    for (char c = '!'; c <= '~'; c++) {
        char value[256];
        if (c == '%' || c == ';') /* a template, a comment */
            continue;
        memset(value, 'w', 130);
        snprintf(value + 130, sizeof value - 130, " %c and more", c);
        expect_same_again(value);
    }
}

Test(check, a_secret_is_masked_and_so_is_what_comes_from_the_environment)
{
    setenv("EXTPROCD_TEST_VALUE", "guess-me", 1);
    const char *text = dumped(LISTENER CHAIN "request.set = x-a: ${EXTPROCD_TEST_VALUE}\n");
    cr_expect_null(strstr(text, "guess-me"), "%s", text);
    expect_line(text, "request.set = x-a: ********");
}
