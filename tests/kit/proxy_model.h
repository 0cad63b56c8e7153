/* proxy_model: a header map as Envoy keeps it, and what becomes of it when an answer arrives.
 *
 * Knows nothing of cells but how they are written on the wire: removes, then sets in their order.
 * Running out of memory ends the program: it stands in tests and tools only.
 */
#ifndef EXTPROCD_KIT_PROXY_MODEL_H
#define EXTPROCD_KIT_PROXY_MODEL_H

#include "http/message/headers.h"

struct proxy_map {
    struct arena *arena;
    struct extproc_header *entries;
    size_t n, cap;
};

/* The entries arrive one by one; all that is added is copied into the arena. */
void proxy_init(struct proxy_map *m, struct arena *arena, const struct extproc_header *entries,
                size_t n);

/* Names are lower case. As Envoy's addCopy(), setCopy() and remove(). */
void proxy_add(struct proxy_map *m, struct extproc_str name, struct extproc_str value);
void proxy_set(struct proxy_map *m, struct extproc_str name, struct extproc_str value);
void proxy_remove(struct proxy_map *m, struct extproc_str name);

/* The answer that these edits come to, applied. */
void proxy_apply(struct proxy_map *m, const struct headers *edits);

/* The i-th value of a name; absent: ptr NULL. */
struct extproc_str proxy_get(const struct proxy_map *m, struct extproc_str name, size_t i);
/* The same values in the same order under every name; names may stand in any order. */
bool proxy_same(const struct proxy_map *a, const struct proxy_map *b);

#endif
