/* arena: memory that is freed together.
 *
 * The blocks are a list. Its first one is where allocations come from, [next, end) is what is left
 * of it; the others are full, or belong to one request that would have filled a good part of a
 * block: so what little a stream keeps costs little more than its size. A reset keeps a block that
 * was enough; where it took several, the next one to be taken is as large as all of them, so an
 * arena that is used again and again soon takes nothing from the heap. Under AddressSanitizer the
 * free space is poisoned: a byte after an allocation, or one kept over a reset, is reported.
 */
#include "base/arena.h"

#include "base/str.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#    include <sanitizer/asan_interface.h>
#else
#    define ASAN_POISON_MEMORY_REGION(ptr, size)   ((void)0)
#    define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)0)
#endif

enum {
    ALIGNMENT = 16,
    BLOCK_MAX = 64 * 1024, /* where doubling stops, and the most that a reset keeps */
    POOL_FIRST_SIZE = 4 * 1024,
    POOL_IDLE_MAX = 64
};

struct arena_block {
    struct arena_block *next;
    size_t size; /* with this head */
    _Alignas(ALIGNMENT) char data[];
};

void arena_init(struct arena *a, size_t first_size)
{
    *a = (struct arena){.first_size = first_size};
}

static void arena_settle(struct arena *a)
{
    if (a->charged)
        a->budget->left += a->charged;
    a->charged = 0;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size - sizeof *block);
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *a)
{
    arena_settle(a); /* it may lie in one of the blocks */
    free_blocks(a->blocks);
    arena_init(a, a->first_size);
}

/* The first block's space, all of it, is what is left. */
static void arena_use_first(struct arena *a)
{
    struct arena_block *block = a->blocks;
    a->next = block->data;
    a->end = (char *)block + block->size;
    ASAN_POISON_MEMORY_REGION(a->next, (size_t)(a->end - a->next));
}

void arena_reset(struct arena *a)
{
    size_t size = arena_size(a);
    arena_settle(a);
    if (a->blocks && !a->blocks->next && size <= BLOCK_MAX) {
        arena_use_first(a);
        return;
    }
    arena_fini(a);
    if (size > a->first_size)
        a->first_size = size < BLOCK_MAX ? size : BLOCK_MAX;
}

/* ---- allocation ------------------------------------------------------------------------------ */

static size_t next_block_size(const struct arena *a)
{
    size_t size = a->blocks ? a->blocks->size : a->first_size;
    if (a->blocks && size <= BLOCK_MAX / 2)
        size *= 2;
    return size < BLOCK_MAX ? size : BLOCK_MAX;
}

static bool budget_allows(struct arena_budget *budget, size_t size)
{
    if (!budget || size <= budget->left)
        return true;
    budget->refused = size;
    return false;
}

static struct arena_block *block_new(struct arena *a, size_t size)
{
    struct arena_block *block = budget_allows(a->budget, size) ? malloc(size) : NULL;
    if (!block)
        return NULL;
    block->size = size;
    if (a->budget) {
        a->budget->left -= size;
        a->charged += size;
    }
    return block;
}

/* `size` is a multiple of the alignment. */
static void *arena_alloc_block(struct arena *a, size_t size)
{
    size_t block_size = next_block_size(a);
    size_t head = sizeof(struct arena_block), room = block_size > head ? block_size - head : 0;
    bool own = size > (a->blocks ? room / 4 : room);
    struct arena_block *block = block_new(a, own ? size + sizeof *block : block_size);
    if (!block)
        return NULL;

    /* A block of its own is put after the first, which stays in use. */
    struct arena_block **at = own && a->blocks ? &a->blocks->next : &a->blocks;
    block->next = *at;
    *at = block;
    if (a->blocks == block) {
        arena_use_first(a);
        a->next += size;
    }
    return block->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > PTRDIFF_MAX - ALIGNMENT - sizeof(struct arena_block))
        return NULL;
    size_t rounded = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;

    void *p = a->next;
    if (rounded <= (size_t)(a->end - a->next))
        a->next += rounded;
    else
        p = arena_alloc_block(a, rounded);
    if (p)
        ASAN_UNPOISON_MEMORY_REGION(p, size);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : arena_alloc(a, total);
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    return p ? memset(p, 0, size) : NULL;
}

struct extproc_str arena_copy(struct arena *a, struct extproc_str s)
{
    if (!s.ptr)
        return STR_ABSENT;
    char *copy = arena_alloc(a, s.len);
    if (!copy)
        return STR_ABSENT;
    memcpy(copy, s.ptr, s.len);
    return (struct extproc_str){copy, s.len};
}

struct extproc_str arena_vformat(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return STR_ABSENT;

    char *text = arena_alloc(a, (size_t)len + 1);
    if (!text)
        return STR_ABSENT;
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    return (struct extproc_str){text, (size_t)len};
}

struct extproc_str arena_format(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct extproc_str s = arena_vformat(a, fmt, ap);
    va_end(ap);
    return s;
}

bool arena_has(const struct arena *a, const void *at, size_t size)
{
    uintptr_t begin = (uintptr_t)at;
    for (const struct arena_block *block = a->blocks; block; block = block->next) {
        uintptr_t first = (uintptr_t)block->data, end = (uintptr_t)block + block->size;
        if (block == a->blocks)
            end = (uintptr_t)a->next;
        if (begin >= first && begin <= end && size <= end - begin)
            return true;
    }
    return false;
}

size_t arena_size(const struct arena *a)
{
    size_t size = 0;
    for (const struct arena_block *block = a->blocks; block; block = block->next)
        size += block->size;
    return size;
}

/* ---- the pool -------------------------------------------------------------------------------- */

static struct arena_lease *lease_free(struct arena_lease *lease)
{
    arena_fini(&lease->arena);
    free(lease);
    return NULL;
}

void arena_pool_fini(struct arena_pool *pool)
{
    while (pool->idle) {
        struct arena_lease *lease = pool->idle;
        pool->idle = lease->next;
        lease_free(lease);
    }
    pool->n_idle = 0;
}

struct arena_lease *arena_pool_take(struct arena_pool *pool, struct arena_budget *budget)
{
    struct arena_lease *lease = pool->idle;
    if (lease) {
        pool->idle = lease->next;
        pool->n_idle--;
    } else {
        lease = malloc(sizeof *lease);
        if (lease)
            arena_init(&lease->arena, POOL_FIRST_SIZE);
    }
    if (lease)
        arena_share(&lease->arena, budget);
    return lease;
}

void arena_pool_put(struct arena_pool *pool, struct arena_lease *lease)
{
    if (!lease)
        return;
    if (pool->n_idle == POOL_IDLE_MAX) {
        lease_free(lease);
        return;
    }
    arena_reset(&lease->arena);
    lease->next = pool->idle;
    pool->idle = lease;
    pool->n_idle++;
}
