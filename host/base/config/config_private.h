/* config_private: what the files of config share, and no other file includes. */
#ifndef EXTPROCD_BASE_CONFIG_CONFIG_PRIVATE_H
#define EXTPROCD_BASE_CONFIG_CONFIG_PRIVATE_H

#include "base/arena.h"
#include "base/config/config.h"
#include "base/lookup.h"

#include <stdio.h>

/* ---- files (config_files.c) ------------------------------------------------------------------ */

/* The largest ini file, and the largest value of ${file:PATH}. */
enum { CONFIG_FILE_MAX = 1024 * 1024 };

/* `path` as seen from the folder of `file`. NULL: out of memory. */
const char *config_beside(struct arena *arena, const char *file, const char *path);

/* Is it a pattern of glob(7), or the name of one file? */
bool config_is_pattern(const char *path);

/* The files that match a pattern beside `file`, in name order; none is fine. 0, -ENOMEM, or
 * -EACCES: there is a folder that cannot be read. *ret_paths is the arena's. */
int config_matches(struct arena *arena, const char *file, const char *pattern,
                   const char ***ret_paths, size_t *ret_n);

/* ---- values (config_expand.c) ---------------------------------------------------------------- */

/* Text that grows in an arena. All zero: empty. */
struct config_text {
    char *ptr; /* NUL-terminated once something was added */
    size_t len, cap;
};
/* False: out of memory. */
bool config_text_add(struct arena *arena, struct config_text *text, struct extproc_str bytes);

/* Sets an entry's value, and how it is shown, from what is written in the file at `path`: ${VAR},
 * ${file:PATH}, $${ and \; are replaced. False: it cannot be; *ret_why says why, and never shows
 * what was read. */
bool config_expand(struct arena *arena, const char *path, struct extproc_str raw,
                   struct config_entry *ret, const char **ret_why);

/* ---- what is hidden (config_shown.c) --------------------------------------------------------- */

/* Is some of what the section hides in a text about its entry? (NULL: about no entry of it.) */
bool config_reveals(const struct config_section *section, const struct config_entry *entry,
                    const char *text);
/* Prints the words of a format, "(hidden)" in the place of each argument. */
void config_print_words(FILE *out, const char *fmt);

/* ---- building (config_build.c) --------------------------------------------------------------- */

/* What a config owns, and what it needs while it is being read. */
struct config_private {
    struct arena arena;
    struct lookup sections;    /* the first one of each type and name */
    struct config_seen *files; /* every file that was read */
    size_t n_files;
    struct lookup files_read; /* by device and inode */
    config_knows_fn *knows;
    void *knows_arg;
    struct config_errors *errors;
    bool out_of_memory; /* reported once, at the end */
};

struct config_file;
/* Reads what an entry `include` of a section of this file names. */
typedef void config_include_fn(struct config_file *f, const struct config_section *section,
                               const struct config_entry *entry);

/* A file that is being read: where its lines go. */
struct config_file {
    struct config *config;
    config_include_fn *include;
    const char *path;
    const char *name; /* the path as it is shown */
    bool has_section;
    size_t section;  /* its place: the array of sections moves as it grows */
    const char *key; /* of the entry that is being put together; NULL: none */
    unsigned key_line;
    struct config_text value; /* as written, without comments */
};

/* An array in the arena with room for one more: capacities are powers of two. NULL: no memory. */
void *config_array_grow(struct arena *arena, void *items, size_t n, size_t size);

/* A section begins; name "": it has none. */
void config_begin_section(struct config_file *f, unsigned line, struct extproc_str type,
                          struct extproc_str name);
/* Its name is not one, which was reported. */
void config_refuse_section(struct config_file *f);
/* The lines that follow belong to no section. */
void config_end_section(struct config_file *f);

void config_begin_entry(struct config_file *f, unsigned line, const char *key,
                        struct extproc_str value);
/* One more line of the entry's value. */
void config_continue_entry(struct config_file *f, struct extproc_str text);
/* Expands the value, keeps the entry, reads what it includes. Without an entry: nothing. */
void config_end_entry(struct config_file *f);

/* An error at a line of the section that has begun; key "": of no key. */
EXTPROC_PRINTF(4, 5)
void config_file_say(struct config_file *f, unsigned line, const char *key, const char *fmt, ...);
void config_file_warn(struct config_file *f, unsigned line, const char *key, const char *what);
/* Is this a key that the section knows? */
bool config_file_knows(const struct config_file *f, const char *key);

/* ---- reading (config_reader.c) --------------------------------------------------------------- */

/* Everything in a file's bytes. */
void config_read_lines(struct config_file *f, struct extproc_str bytes);

#endif
