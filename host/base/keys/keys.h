/* keys: one section checked against a table of keys, its values typed.
 *
 * The table is the SDK's struct extproc_key, so the host's own sections and the plugins' are
 * checked by the same code, with the same words.
 */
#ifndef EXTPROCD_BASE_KEYS_KEYS_H
#define EXTPROCD_BASE_KEYS_KEYS_H

#include "base/arena.h"
#include "base/config/config.h"

#include <stdint.h>

struct keys_value {
    struct extproc_str text;          /* as written, NUL-terminated as well  */
    int64_t number;                   /* INT, BOOL, DURATION in us, SIZE, CHOICE */
    double real;                      /* FLOAT */
    const struct config_entry *entry; /* NULL: the fallback                   */
};

struct keys_slot {
    const struct extproc_key *key;
    struct keys_value *values;
    size_t n_values;
};

/* A section, typed. Lives in the arena it was made in and borrows the config's strings. */
struct keys {
    struct keys_slot *slots;
    size_t n_slots;
};

/* A key may be a family: a name that ends with `.*` takes every entry whose key begins with what is
 * before the star. Its slot has the values of all of them, in their order. The length of that
 * beginning; 0: it is one key. */
size_t keys_family(const struct extproc_key *key);
/* Is an entry of this name one of the key's? */
bool keys_takes(const struct extproc_key *key, const char *name);

/* A table of keys whose elements are `stride` bytes apart; it ends with a NULL name. */
struct keys_table {
    const struct extproc_key *first;
    size_t stride;
};

/* Checks the entries of a section that are in the table: type, limits, given once, required.
 * Marks them used. Errors are added. False: there were some. Out of memory is an error too. */
bool keys_check(struct config_section *section, struct keys_table table, struct arena *arena,
                struct config_errors *errors, struct keys *ret);

/* Adds an error for every entry that no table has claimed, with the nearest known name. */
void keys_unknown(const struct config_section *section, const struct keys_table *tables,
                  size_t n_tables, struct config_errors *errors);

/* False: the table itself is wrong (name too long, a fallback that is not of its type, no choices,
 * ...); `*ret_why` says what, for the author of the table. */
bool keys_table_valid(struct keys_table table, struct arena *arena, const char **ret_why);

/* NULL: no such key. */
const struct keys_slot *keys_find(const struct keys *keys, const char *key);
/* The value of a key that takes one value. Absent: ptr NULL, 0. */
struct extproc_str keys_text(const struct keys *keys, const char *key);
int64_t keys_number(const struct keys *keys, const char *key);
/* Of a DURATION: in milliseconds, rounded up, so that only 0 is 0. */
int64_t keys_ms(const struct keys *keys, const char *key);

/* One value by itself. False: it is not of that type, or out of its limits; *ret_why says what
 * would be right, in the arena if need be. */
bool keys_parse(const struct extproc_key *key, struct extproc_str text, struct arena *arena,
                int64_t *ret_number, const char **ret_why);

#endif
