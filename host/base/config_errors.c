/* config_errors: what is wrong with a configuration, one line for each thing.
 *
 * A line that cannot be kept for lack of memory is still counted, so "no errors" is never said by
 * mistake. Lines are escaped: they quote what stood in the file, and go to a terminal.
 */
#include "base/config_private.h"
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

struct place {
    const char *file;
    unsigned line;
    const struct config_section *section;
    const struct config_entry *entry;
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

/* ---- lines ------------------------------------------------------------------------------------ */

/* Counts it. False: there are so many that this one has no line. */
static bool errors_count(struct config_errors *errors, enum config_severity severity)
{
    size_t *n = severity == CONFIG_ERROR ? &errors->n_errors : &errors->n_warnings;
    return (*n)++ < CONFIG_LINES_MAX;
}

static void errors_add(struct config_errors *errors, const char *text)
{
    char *line = escaped(text);
    size_t n = errors->n_lines;
    bool full = (n & (n - 1)) == 0; /* capacities are powers of two */
    char **lines = errors->lines;
    if (line && full)
        lines = realloc(lines, (n ? 2 * n : 1) * sizeof *lines);
    if (!line || !lines) {
        free(line);
        return;
    }
    errors->lines = lines;
    errors->lines[errors->n_lines++] = line;
}

/* On the heap; NULL: out of memory. */
EXTPROC_PRINTF(2, 0)
static char *text_of(const struct place *place, const char *fmt, va_list ap)
{
    char *text;
    size_t len;
    if (vasprintf(&text, fmt, ap) < 0)
        return NULL;
    if (!config_reveals(place->section, place->entry, text))
        return text;
    free(text);
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    config_print_words(out, fmt);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

EXTPROC_PRINTF(4, 0)
static void errors_say(struct config_errors *errors, enum config_severity severity,
                       const struct place *place, const char *fmt, va_list ap)
{
    if (!errors_count(errors, severity))
        return;
    char *line = NULL, *text = text_of(place, fmt, ap);
    size_t len;
    FILE *out = text ? open_memstream(&line, &len) : NULL;
    if (out) {
        int failed = print_place(out, place);
        fprintf(out, "%s%s", severity == CONFIG_WARNING ? "warning: " : "", text);
        failed |= ferror(out);
        failed |= fclose(out);
        if (!failed)
            errors_add(errors, line);
    }
    free(line);
    free(text);
}

/* ---- places ----------------------------------------------------------------------------------- */

static struct place place_of(const struct config_section *section, const struct config_entry *entry)
{
    struct place place = {.section = section, .entry = entry};
    if (entry)
        place.file = entry->file, place.line = entry->line, place.key = entry->key;
    else if (section)
        place.file = section->file, place.line = section->line;
    return place;
}

void config_vsay(struct config_errors *errors, enum config_severity severity,
                 const struct config_section *section, const struct config_entry *entry,
                 const char *fmt, va_list ap)
{
    struct place place = place_of(section, entry);
    errors_say(errors, severity, &place, fmt, ap);
}

void config_say(struct config_errors *errors, enum config_severity severity,
                const struct config_section *section, const struct config_entry *entry,
                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    config_vsay(errors, severity, section, entry, fmt, ap);
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
