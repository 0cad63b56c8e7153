/* arena: memory that is freed together.
 *
 * A stream has one for its lifetime; every message has one while it is worked on, taken from the
 * loop's pool and returned to it. Blocks come from the heap and double in size up to a limit; a
 * request larger than a block has a block of its own.
 */
#ifndef EXTPROCD_BASE_ARENA_H
#define EXTPROCD_BASE_ARENA_H

#include <extproc/plugin.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

/* What several arenas may take from the heap together. */
struct arena_budget {
    size_t left;    /* bytes */
    size_t refused; /* that a request would have taken which failed; 0: none has */
};

struct arena {
    char *next, *end; /* free space of the first block */
    struct arena_block *blocks;
    size_t first_size;           /* of the first block taken from the heap */
    struct arena_budget *budget; /* NULL: none    */
    size_t charged;              /* to the budget */
};

/* Takes no memory yet: the first allocation does. */
void arena_init(struct arena *a, size_t first_size);
void arena_fini(struct arena *a);

/* Blocks that it takes from now on count in the budget until it frees them. Where that does
 * not allow one, allocations fail as if the heap was empty. */
static inline void arena_share(struct arena *a, struct arena_budget *budget)
{
    a->budget = budget;
}

/* Forgets everything; keeps a block for the next use, if one of a bounded size was enough: it
 * counts in no budget. */
void arena_reset(struct arena *a);

/* Aligned for anything, not zeroed. NULL: out of memory. Size 0 returns a pointer that may not be
 * read through. */
void *arena_alloc(struct arena *a, size_t size);
/* n objects of a size, not zeroed; NULL also where n * size does not fit. */
void *arena_array(struct arena *a, size_t n, size_t size);
void *arena_zalloc(struct arena *a, size_t size);

/* A copy, with no NUL after it; absent stays absent. Out of memory: ptr NULL, so check where s.ptr
 * was not. */
struct extproc_str arena_copy(struct arena *a, struct extproc_str s);

/* printf; out of memory: ptr NULL. A NUL follows the text, and is not part of len. */
EXTPROC_PRINTF(2, 0)
struct extproc_str arena_vformat(struct arena *a, const char *fmt, va_list ap);
EXTPROC_PRINTF(2, 3)
struct extproc_str arena_format(struct arena *a, const char *fmt, ...);

/* Do these bytes lie in memory that was handed out and may still be used? */
bool arena_has(const struct arena *a, const void *at, size_t size);

/* Bytes taken from the heap. */
size_t arena_size(const struct arena *a);

/* Arenas that wait for their next use, a bounded number of them. All zero: empty. Not for several
 * threads: one pool per loop. */
struct arena_pool {
    struct arena_lease *idle;
    unsigned n_idle;
};
struct arena_lease {
    struct arena arena;
    struct arena_lease *next;
};
void arena_pool_fini(struct arena_pool *pool);
/* What it takes from the heap counts in the budget; NULL: in none. NULL: out of memory. */
struct arena_lease *arena_pool_take(struct arena_pool *pool, struct arena_budget *budget);
/* Resets it. NULL does nothing. */
void arena_pool_put(struct arena_pool *pool, struct arena_lease *lease);

#endif
