/* failing_arena: base/arena.h with one heap block per allocation; the n-th allocation can fail.
 *
 * It replaces the real one in a test that includes it, so that every out-of-memory path can be
 * tested, and AddressSanitizer sees the end of every single allocation.
 */
#ifndef EXTPROCD_UNIT_HTTP_FAILING_ARENA_H
#define EXTPROCD_UNIT_HTTP_FAILING_ARENA_H

#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(max_align_t) char data[];
};

static size_t allocations_left = SIZE_MAX; /* until all fail */

void arena_init(struct arena *a, size_t first_size)
{
    *a = (struct arena){.first_size = first_size};
}

void arena_fini(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        free(block);
    }
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        abort();
    *block = (struct arena_block){.next = a->blocks, .size = size};
    a->blocks = block;
    return block->data;
}

size_t arena_size(const struct arena *a)
{
    size_t size = 0;
    for (const struct arena_block *block = a->blocks; block; block = block->next)
        size += block->size;
    return size;
}

bool arena_has(const struct arena *a, const void *at, size_t size)
{
    for (const struct arena_block *block = a->blocks; block; block = block->next) {
        if ((const char *)at >= block->data && (const char *)at + size <= block->data + block->size)
            return true;
    }
    return false;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    return arena_alloc(a, n * size);
}

struct extproc_str arena_copy(struct arena *a, struct extproc_str s)
{
    char *copy = s.ptr ? arena_alloc(a, s.len) : NULL;
    return (struct extproc_str){copy ? memcpy(copy, s.ptr, s.len) : NULL, copy ? s.len : 0};
}

#endif
