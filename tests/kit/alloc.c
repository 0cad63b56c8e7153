/* alloc: malloc, calloc, realloc and free, which call glibc's own.
 *
 * Only one allocation fails, the n-th, so that a test sees whether the code continues to work
 * afterwards. Counters are atomic, because the test library has threads; the rest is used by the
 * test's one thread only.
 */
#include "kit/alloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define COUNTED 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define COUNTED 0
#    endif
#endif
#ifndef COUNTED
#    define COUNTED 1
#endif

static atomic_size_t in_use, peak;
static _Thread_local unsigned host_depth;
static size_t countdown;
static bool failed;

bool alloc_available(void)
{
    return COUNTED;
}

size_t alloc_in_use(void)
{
    return in_use;
}

size_t alloc_peak(void)
{
    return peak;
}

void alloc_peak_reset(void)
{
    peak = in_use;
}

void alloc_enter(void)
{
    host_depth++;
}

void alloc_leave(void)
{
    host_depth--;
}

void alloc_fail(size_t n)
{
    countdown = n;
    failed = false;
}

bool alloc_has_failed(void)
{
    return failed;
}

#if COUNTED

#    define EXPORTED __attribute__((visibility("default"))) /* for the C library's own calls too */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool must_fail(void)
{
    if (host_depth == 0 || countdown == 0 || --countdown > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    size_t now = p ? atomic_fetch_add(&in_use, malloc_usable_size(p)) + malloc_usable_size(p) : 0;
    size_t most = peak;
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now))
        ;
    return p;
}

EXPORTED void *malloc(size_t size)
{
    return must_fail() ? NULL : counted(__libc_malloc(size));
}

EXPORTED void *calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : counted(__libc_calloc(n, size));
}

EXPORTED void *realloc(void *p, size_t size)
{
    if (must_fail())
        return NULL;
    size_t before = p ? malloc_usable_size(p) : 0;
    void *moved = __libc_realloc(p, size);
    if (moved || size == 0)
        atomic_fetch_sub(&in_use, before);
    return counted(moved);
}

EXPORTED void free(void *p)
{
    if (p)
        atomic_fetch_sub(&in_use, malloc_usable_size(p));
    __libc_free(p);
}

#endif
