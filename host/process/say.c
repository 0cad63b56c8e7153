/* say: a line on standard error, for what has no place in the log: the command line, and a start
 * that fails. It may quote what others wrote, and goes to a terminal. */
#include "base/config/config.h"
#include "base/escape.h"
#include "base/str.h"
#include "process/process.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void process_say(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    escape_print(stderr, ESCAPE_TEXT, len < 0 ? EXTPROC_S("out of memory") : extproc_str_of(text));
    fputc('\n', stderr);
    if (len >= 0)
        free(text);
}

void process_say_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n_lines; i++)
        fprintf(stderr, "%s\n", errors->lines[i]);
    if (errors->n_errors + errors->n_warnings > errors->n_lines)
        process_say("extprocd: %zu errors and %zu warnings in all, of which %zu are shown",
                    errors->n_errors, errors->n_warnings, errors->n_lines);
}
