/* lookup: from a name to an index in the caller's array. A hash table in an arena, from which
 * nothing is removed. With it the time to read a configuration grows linearly with its size. */
#ifndef EXTPROCD_BASE_LOOKUP_H
#define EXTPROCD_BASE_LOOKUP_H

#include "base/arena.h"

#include <stdbool.h>

/* All zero: empty. */
struct lookup {
    struct lookup_slot *slots;
    size_t n, n_slots;
};

/* What is looked for: two strings of bytes; one of them may be empty. */
struct lookup_name {
    struct extproc_str first, second;
};

/* False: it was not added. */
bool lookup_find(const struct lookup *lookup, struct lookup_name name, size_t *ret_place);

/* A name that is not there yet; its bytes must stay. False: out of memory. */
bool lookup_add(struct lookup *lookup, struct arena *arena, struct lookup_name name, size_t place);

#endif
