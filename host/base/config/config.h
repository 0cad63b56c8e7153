/* config: the ini language, read with inih: sections of key-value pairs, each with its file and
 * line.
 *
 * A section with a name stands once; one without ([extprocd]) may go on elsewhere and is still one.
 * It knows the language (includes, comments, continuations, ${VAR}, ${file:PATH}) and not a single
 * key: what a section may hold is checked against a table of keys (keys.h).
 */
#ifndef EXTPROCD_BASE_CONFIG_CONFIG_H
#define EXTPROCD_BASE_CONFIG_CONFIG_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_KEY_MAX = 48, CONFIG_NAME_MAX = 32 };

struct config_entry {
    const char *key;
    struct extproc_str value; /* NUL-terminated as well */
    struct extproc_str shown; /* the same with CONFIG_MASK where something is hidden */
    const char *file;         /* as it is shown: see config_section */
    const char *path;         /* the same as it is opened; never shown */
    unsigned line;
    bool used;    /* asked for by keys_check(); the rest is unknown          */
    bool refused; /* its value could not be read, which was reported   */
    bool
        hidden; /* what ${VAR} or ${file:PATH} put into it, or a secret key's value, is not shown */
};

#define CONFIG_MASK "********"

struct config_section {
    const char *type; /* "extprocd", "listener", "chain", "plugin", or what stood there */
    const char *name; /* after the colon; "" where there is none */
    const char *file; /* as it is shown: what is hidden of an include is masked */
    unsigned line;
    bool refused;    /* its name is not one, or is that of another section, which was reported */
    bool incomplete; /* a line of it could not be read, which was reported */
    struct config_entry *entries;
    size_t n_entries;
};

struct config {
    const char *file;                /* the one it began with */
    struct config_section *sections; /* in the order read: an include is read where it stands */
    size_t n_sections;
    struct config_private *priv; /* owns every string */
};

/* How many lines of errors, and how many of warnings, are kept; the others are counted. */
enum { CONFIG_LINES_MAX = 1000 };

struct config_order;

/* What is wrong, in the order in which the files were begun, and then of their lines. Checks run in
 * an order of their own, which an operator need not know. */
struct config_errors {
    char **lines; /* "FILE:LINE: [section] key: what is wrong (what would be right)" */
    size_t n_lines;
    size_t n_errors, n_warnings; /* also those that have no line */
    struct config_order *order;  /* the place of each line */
};
void config_errors_fini(struct config_errors *errors);
/* A file is begun: its errors come after those of files before it. */
void config_errors_begin_file(struct config_errors *errors, const char *file);

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

/* Adds a line. section, entry: NULL where there is none to name; the place is the entry's, else the
 * section's. A warning's text begins with "warning: ". What is hidden of the section does not get
 * out: where the text has some of it, only the words of `fmt` are said. Quote values with
 * config_quote() or config_shown(), so that it need not come to that. */
EXTPROC_PRINTF(5, 6)
void config_say(struct config_errors *errors, enum config_severity severity,
                const struct config_section *section, const struct config_entry *entry,
                const char *fmt, ...);
EXTPROC_PRINTF(5, 0)
void config_vsay(struct config_errors *errors, enum config_severity severity,
                 const struct config_section *section, const struct config_entry *entry,
                 const char *fmt, va_list ap);
/* The same for a place that is neither. line 0: the complete file. */
EXTPROC_PRINTF(4, 5)
void config_say_at(struct config_errors *errors, const char *file, unsigned line, const char *fmt,
                   ...);

/* Keys that a section type knows, so that an indented line that reads like one of them is
 * distinguished from a continuation. NULL: not known, nothing is refused. */
typedef bool config_knows_fn(const char *section_type, const char *key, void *arg);

/* Reads a file and all it includes (the key `include` of [extprocd]; patterns in name order).
 * Errors are added; *ret holds what could be read, for more errors to be found. Never fails
 * otherwise: NULL only where there is no memory at all. An include is marked as used. */
void config_read(const char *file, config_knows_fn *knows, void *arg, struct config_errors *errors,
                 struct config **ret);
struct config *config_free(struct config *config);

/* The entry to whose file a value belongs: its own or, for a fallback, any of its section. NULL:
 * there is none. */
const struct config_entry *config_origin(const struct config_section *section,
                                         const struct config_entry *entry);
/* A path that an entry names, which is relative to the file of that entry. entry NULL: unchanged.
 * NULL: out of memory. */
const char *config_path(struct arena *arena, const struct config_entry *entry, const char *path);

/* How a text that is made of an entry's value may be shown: as it is, or as "(hidden)". entry NULL:
 * the text was not written by an operator. */
struct extproc_str config_shown(const struct config_entry *entry, struct extproc_str text);
/* The same in quotes, and cut where it is long: for `invalid value "x": expected y`. */
const char *config_quote(struct arena *arena, const struct config_entry *entry,
                         struct extproc_str text);

/* Would a text show what is hidden of the section's values: all that was put into one, or a part of
 * it? For texts that are made while the service runs. section NULL: nothing is hidden. */
bool config_hides(const struct config_section *section, struct extproc_str text);

/* NULL: there is none. */
struct config_section *config_find(const struct config *config, const char *type, const char *name);

#endif
