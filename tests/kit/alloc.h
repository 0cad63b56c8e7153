/* alloc: the heap, counted, and made to fail at will.
 *
 * malloc and similar functions are interposed in every program that links this. Counts are of the
 * complete process; failures hit only what runs between alloc_enter() and alloc_leave(), the host's
 * own code. Under a sanitizer, which has a heap of its own, nothing is counted and nothing fails.
 */
#ifndef EXTPROCD_TESTS_KIT_ALLOC_H
#define EXTPROCD_TESTS_KIT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

bool alloc_available(void);

/* Bytes in use. */
size_t alloc_in_use(void);
/* The most that were in use since the last alloc_peak_reset(). */
size_t alloc_peak(void);
void alloc_peak_reset(void);

/* The host's code begins to run, or ends. */
void alloc_enter(void);
void alloc_leave(void);
/* The n-th allocation of the host from now on fails, n from 1; 0: none does. */
void alloc_fail(size_t n);
/* Has it failed? */
bool alloc_has_failed(void);

#endif
