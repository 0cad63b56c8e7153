/* Lines on standard error. */
#include "base/config/config.h"
#include "process/process.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t len;

static void begin(void)
{
    stderr = open_memstream(&text, &len);
}

TestSuite(say, .init = begin);

static const char *said(void)
{
    fflush(stderr);
    return text;
}

Test(say, a_line_is_escaped)
{
    process_say("%s: %d", "a\x1b[31mb\nc", 7);
    cr_expect_str_eq(said(), "a\\x1b[31mb\\nc: 7\n");
}

Test(say, mistakes_are_a_line_each)
{
    struct config_errors errors = {0};
    config_say_at(&errors, "a.ini", 3, "wrong");
    config_say_at(&errors, "a.ini", 7, "wrong as well");
    process_say_errors(&errors);
    cr_expect_str_eq(said(), "a.ini:3: wrong\na.ini:7: wrong as well\n");
    config_errors_fini(&errors);
}

Test(say, mistakes_that_are_too_many_are_counted)
{
    struct config_errors errors = {0};
    size_t n = 0;
    for (unsigned i = 1; i <= CONFIG_LINES_MAX + 5; i++)
        config_say_at(&errors, "a.ini", i, "mistake %u", i);
    process_say_errors(&errors);
    for (const char *at = said(); (at = strchr(at, '\n')); at++)
        n++;
    cr_expect_eq(n, CONFIG_LINES_MAX + 1);
    char wanted[128];
    snprintf(wanted, sizeof wanted,
             "extprocd: %d errors and 0 warnings in all, of which %d are shown\n",
             CONFIG_LINES_MAX + 5, CONFIG_LINES_MAX);
    cr_expect_str_eq(text + strlen(text) - strlen(wanted), wanted);
    config_errors_fini(&errors);
}
