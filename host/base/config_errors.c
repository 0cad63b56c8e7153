/* config_errors: what is wrong with a configuration, one line for each thing.
 *
 * A line that cannot be kept for lack of memory is still counted, so "no errors" is never said by
 * mistake. Lines are escaped: they quote what stood in the file, and go to a terminal.
 */
#include "base/config.h"
#include "base/escape.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_errors_fini(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->n_lines; i++)
        free(errors->lines[i]);
    free(errors->lines);
    *errors = (struct config_errors){0};
}

/* On the heap; NULL: out of memory. */
static char *escaped(const char *text)
{
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    if (!out)
        return NULL;
    escape_print(out, ESCAPE_TEXT, str_c(text));
    int failed = ferror(out);
    failed |= fclose(out);
    if (failed) {
        free(line);
        return NULL;
    }
    return line;
}

static void errors_add(struct config_errors *errors, const char *text)
{
    char *line = escaped(text);
    char **lines = line ? realloc(errors->lines, (errors->n_lines + 1) * sizeof *lines) : NULL;
    if (!lines) {
        free(line);
        return;
    }
    errors->lines = lines;
    errors->lines[errors->n_lines++] = line;
}

struct place {
    const char *file;
    unsigned line;
    const struct config_section *section;
    const char *key;
};

static int print_place(FILE *out, const struct place *place)
{
    if (place->file)
        fprintf(out, "%s:", place->file);
    if (place->file && place->line)
        fprintf(out, "%u:", place->line);
    if (place->file)
        fputc(' ', out);
    if (place->section && *place->section->name)
        fprintf(out, "[%s:%s] ", place->section->type, place->section->name);
    else if (place->section)
        fprintf(out, "[%s] ", place->section->type);
    if (place->key && *place->key)
        fprintf(out, "%s: ", place->key);
    return ferror(out);
}

EXTPROC_PRINTF(4, 0)
static void errors_say(struct config_errors *errors, enum config_severity severity,
                       const struct place *place, const char *fmt, va_list ap)
{
    char *line = NULL;
    size_t len;

    errors->n_errors += severity == CONFIG_ERROR;
    FILE *out = open_memstream(&line, &len);
    if (!out)
        return;
    int failed = print_place(out, place);
    if (severity == CONFIG_WARNING)
        fputs("warning: ", out);
    failed |= vfprintf(out, fmt, ap) < 0;
    failed |= fclose(out);
    if (!failed)
        errors_add(errors, line);
    free(line);
}

void config_say(struct config_errors *errors, enum config_severity severity,
                const struct config_section *section, const struct config_entry *entry,
                const char *fmt, ...)
{
    struct place place = {.section = section};
    if (entry)
        place.file = entry->file, place.line = entry->line, place.key = entry->key;
    else if (section)
        place.file = section->file, place.line = section->line;

    va_list ap;
    va_start(ap, fmt);
    errors_say(errors, severity, &place, fmt, ap);
    va_end(ap);
}

void config_say_at(struct config_errors *errors, const char *file, unsigned line, const char *fmt,
                   ...)
{
    struct place place = {.file = file, .line = line};
    va_list ap;
    va_start(ap, fmt);
    errors_say(errors, CONFIG_ERROR, &place, fmt, ap);
    va_end(ap);
}
