/* failing: memory that runs out, for tests of what happens then.
 *
 * Replaces the allocator of the test program: the nth allocation from now on fails, and all that
 * come after it. The sanitizers have allocators of their own, so under them nothing fails.
 */
#ifndef EXTPROCD_TESTS_FAILING_H
#define EXTPROCD_TESTS_FAILING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __has_feature
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define FAILING_IS_OFF 1
#    endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define FAILING_IS_OFF 1
#endif

static long allocations_left = -1; /* negative: no limit */

#ifdef FAILING_IS_OFF
static const bool failing_is_off = true;
#else
static const bool failing_is_off = false;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
/* Seen by the C library as well: strdup() and its like ask for memory, too. */
__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size);
__attribute__((visibility("default"))) void *realloc(void *p, size_t size);

static bool allocation_fails(void)
{
    if (allocations_left > 0)
        allocations_left--;
    else if (allocations_left == 0)
        errno = ENOMEM;
    return allocations_left == 0;
}

void *malloc(size_t size)
{
    return allocation_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return allocation_fails() ? NULL : __libc_realloc(p, size);
}
#endif

/* The next n allocations succeed, all later ones fail. */
static inline void fail_after(long n)
{
    allocations_left = n + 1;
}

static inline void fail_no_more(void)
{
    allocations_left = -1;
}

#endif
