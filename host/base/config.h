/* config: the ini language, read with inih: sections of key-value pairs, each with its file and line.
 *
 * A section with a name stands once; one without ([extprocd]) may go on elsewhere and is still one.
 * It knows the language (includes, comments, continuations, ${VAR}, ${file:PATH}) and not a single
 * key: what a section may hold is checked against a table of keys (keys.h).
 */
#ifndef EXTPROCD_BASE_CONFIG_H
#define EXTPROCD_BASE_CONFIG_H

#include <extproc/plugin.h>

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_KEY_MAX = 48, CONFIG_NAME_MAX = 32 };

struct config_entry {
    const char *key;
    struct extproc_str value; /* NUL-terminated as well */
    const char *file;
    unsigned line;
    bool used;    /* asked for by keys_check(); the rest is unknown          */
    bool refused; /* its value could not be read, which was told; it is ""   */
    bool hidden;  /* has ${VAR} or ${file:PATH} in it: maybe a secret, not to be shown */
};

struct config_section {
    const char *type; /* "extprocd", "listener", "chain", "plugin", or what stood there */
    const char *name; /* behind the colon; "" where there is none */
    const char *file;
    unsigned line;
    struct config_entry *entries;
    size_t n_entries;
};

struct config {
    const char *file;                /* the one it began with */
    struct config_section *sections; /* in the order read: an include is read where it stands */
    size_t n_sections;
    struct config_private *priv; /* owns every string */
};

/* What is wrong, told in the order found. */
struct config_errors {
    char **lines; /* "FILE:LINE: [section] key: what is wrong (what would be right)" */
    size_t n_lines;
    size_t n_errors; /* warnings are not counted */
};
void config_errors_fini(struct config_errors *errors);

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

/* Adds a line. section, entry: NULL where there is none to name; the place is the entry's, else the
 * section's. A warning's text begins with "warning: ". */
EXTPROC_PRINTF(5, 6)
void config_say(struct config_errors *errors, enum config_severity severity,
                const struct config_section *section, const struct config_entry *entry,
                const char *fmt, ...);
/* The same for a place that is neither. line 0: the file as a whole. */
EXTPROC_PRINTF(4, 5)
void config_say_at(struct config_errors *errors, const char *file, unsigned line, const char *fmt,
                   ...);

/* Keys that a section type knows, so that an indented line that reads like one of them can be told
 * from a continuation. NULL: not known, nothing is refused. */
typedef bool config_knows_fn(const char *section_type, const char *key, void *arg);

/* Reads a file and all it includes (the key `include` of [extprocd]; patterns in name order). Errors
 * are added; *ret holds what could be read, for more errors to be found. Never fails otherwise: NULL
 * only where there is no memory at all. An include is marked as used. */
void config_read(const char *file, config_knows_fn *knows, void *arg, struct config_errors *errors,
                 struct config **ret);
struct config *config_free(struct config *config);

/* NULL: there is none. */
struct config_section *config_find(const struct config *config, const char *type, const char *name);

#endif
