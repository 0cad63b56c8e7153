/* config_errors: what is wrong with a configuration, one line for each thing.
 *
 * A line that cannot be kept for lack of memory is still counted, so "no errors" is never said by
 * mistake. Lines are escaped: they quote what stood in the file, and go to a terminal.
 */
#include "base/config/config_private.h"
#include "base/escape.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_order {
    char **files; /* as they were begun */
    size_t n_files;
    struct line_place {
        size_t file;
        unsigned line;
    } * places; /* of each line */
};

void config_errors_fini(struct config_errors *errors)
{
    struct config_order *order = errors->order;
    for (size_t i = 0; i < errors->n_lines; i++)
        free(errors->lines[i]);
    for (size_t i = 0; order && i < order->n_files; i++)
        free(order->files[i]);
    if (order) {
        free(order->files);
        free(order->places);
    }
    free(order);
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
    escape_print(out, ESCAPE_TEXT, extproc_str_of(text));
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

/* ---- lines ----------------------------------------------------------------------------------- */

/* Counts it. False: there are too many to print this one. */
static bool errors_count(struct config_errors *errors, enum config_severity severity)
{
    size_t *n = severity == CONFIG_ERROR ? &errors->n_errors : &errors->n_warnings;
    return (*n)++ < CONFIG_LINES_MAX;
}

/* Room for one more; capacities are powers of two. False: out of memory. */
static bool grow(void *items_at, size_t n, size_t size)
{
    void *items, *larger;
    if ((n & (n - 1)) != 0)
        return true;
    memcpy(&items, items_at, sizeof items);
    larger = realloc(items, (n ? 2 * n : 1) * size);
    if (larger)
        memcpy(items_at, &larger, sizeof larger);
    return larger != NULL;
}

/* The file's rank, which it gets when it is first named. Without a file, or without memory: the
 * last. */
static size_t rank_of(struct config_errors *errors, const char *file)
{
    if (!errors->order)
        errors->order = calloc(1, sizeof *errors->order);
    struct config_order *order = errors->order;
    if (!order || !file)
        return SIZE_MAX;
    for (size_t i = 0; i < order->n_files; i++)
        if (strcmp(order->files[i], file) == 0)
            return i;
    char *copy = strdup(file);
    if (!copy || !grow(&order->files, order->n_files, sizeof *order->files)) {
        free(copy);
        return SIZE_MAX;
    }
    order->files[order->n_files] = copy;
    return order->n_files++;
}

void config_errors_begin_file(struct config_errors *errors, const char *file)
{
    rank_of(errors, file);
}

static bool is_after(const struct line_place *a, const struct line_place *b)
{
    return a->file != b->file ? a->file > b->file : a->line > b->line;
}

static void errors_add(struct config_errors *errors, const struct place *at, const char *text)
{
    struct line_place place = {rank_of(errors, at->file), at->line};
    struct config_order *order = errors->order;
    char *line = escaped(text);
    size_t n = errors->n_lines, i = n;
    if (!line || !order || !grow(&errors->lines, n, sizeof *errors->lines) ||
        !grow(&order->places, n, sizeof *order->places)) {
        free(line);
        return;
    }
    for (; i > 0 && is_after(&order->places[i - 1], &place); i--) {
        errors->lines[i] = errors->lines[i - 1];
        order->places[i] = order->places[i - 1];
    }
    errors->lines[i] = line;
    order->places[i] = place;
    errors->n_lines++;
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
            errors_add(errors, place, line);
    }
    free(line);
    free(text);
}

/* ---- places ---------------------------------------------------------------------------------- */

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
