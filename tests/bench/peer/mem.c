/* Allocation for tools: one that cannot measure says so and ends. */
#include "mem.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

void *mem_new(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        errx(2, "out of memory");
    return p;
}

void bytes_add(struct bytes *b, const void *p, size_t len)
{
    if (len == 0)
        return;
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->p = realloc(b->p, b->cap);
        if (!b->p)
            errx(2, "out of memory");
    }
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void bytes_fini(struct bytes *b)
{
    free(b->p);
    *b = (struct bytes){0};
}
