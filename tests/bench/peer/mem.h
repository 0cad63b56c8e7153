/* mem: memory that is there, or the program has ended. Good enough for a tool, and only for one. */
#ifndef BENCH_MEM_H
#define BENCH_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed. */
void *mem_new(size_t n, size_t size);

/* A growing buffer; all zero is an empty one. */
struct bytes {
    uint8_t *p;
    size_t len, cap;
};

void bytes_add(struct bytes *b, const void *p, size_t len);
void bytes_fini(struct bytes *b);

#endif
