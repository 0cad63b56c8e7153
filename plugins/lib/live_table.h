/* live_table: a file of lines as a table, for lib/live_file.h. */
#ifndef EXTPROC_LIB_LIVE_TABLE_H
#define EXTPROC_LIB_LIVE_TABLE_H

#include "lib/live_file.h"

struct live_table {
    char *text; /* what entries may point into */
    size_t n;
    void *entries;
};

struct live_table_kind {
    size_t entry_size;
    /* A line, which lies in `text` and has neither blanks around it nor a newline; the byte after
     * it may be written to. NULL, or what is wrong. */
    const char *(*read)(char *text, struct extproc_str line, void *ret_entry);
    /* The entries are sorted by this, and two may not be equal. NULL: neither. */
    int (*compare)(const void *a, const void *b);
    const char *twice; /* what is wrong with two that are equal */
};

static inline void live_table_release(void *arg)
{
    struct live_table *table = (struct live_table *)arg;
    free(table->entries);
    free(table->text);
    free(table);
}

/* NULL: out of memory. */
static inline struct live_table *live_table_new(struct extproc_str text, size_t entry_size)
{
    struct live_table *table = (struct live_table *)calloc(1, sizeof *table);
    size_t n_lines = 1;
    if (!table)
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        n_lines += text.ptr[i] == '\n';
    table->text = (char *)malloc(text.len + 1);
    table->entries = calloc(n_lines, entry_size);
    if (!table->text || !table->entries) {
        live_table_release(table);
        return NULL;
    }
    memcpy(table->text, text.ptr, text.len);
    table->text[text.len] = '\0';
    return table;
}

static inline const char *live_table_sort(const struct live_table_kind *kind,
                                          struct live_table *table)
{
    const char *entries = (const char *)table->entries;
    if (!kind->compare)
        return NULL;
    qsort(table->entries, table->n, kind->entry_size, kind->compare);
    for (size_t i = 1; i < table->n; i++) {
        const char *entry = entries + i * kind->entry_size;
        if (kind->compare(entry - kind->entry_size, entry) == 0)
            return kind->twice;
    }
    return NULL;
}

/* As struct live_file_kind has it. */
static inline void *live_table_parse(const struct live_table_kind *kind, struct extproc_str text,
                                     size_t *ret_line, const char **ret_why)
{
    struct live_table *table = live_table_new(text, kind->entry_size);
    struct extproc_str rest = {table ? table->text : NULL, text.len}, line;
    *ret_why = table ? NULL : "out of memory";
    while (!*ret_why && live_file_line(&rest, ret_line, &line))
        *ret_why =
            kind->read(table->text, line, (char *)table->entries + table->n++ * kind->entry_size);
    if (!*ret_why) {
        *ret_line = 0;
        *ret_why = live_table_sort(kind, table);
    }
    if (!*ret_why)
        return table;
    if (table)
        live_table_release(table);
    return NULL;
}

#endif
