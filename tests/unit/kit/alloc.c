/* The heap, counted and failing. */
#include "kit/alloc.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

/* What is stored here may be looked at by anybody, so the compiler cannot leave an allocation
 * out. */
static void *volatile held;

static void *hold(void *p)
{
    return held = p;
}

Test(alloc, counts)
{
    if (!alloc_available())
        cr_skip("the sanitizer has a heap of its own");
    size_t before = alloc_in_use();
    alloc_peak_reset();
    void *p = hold(malloc(100000));
    cr_expect_geq(alloc_in_use(), before + 100000);
    p = hold(realloc(p, 300000));
    cr_expect_geq(alloc_in_use(), before + 300000);
    cr_expect_lt(alloc_in_use(), before + 400000);
    free(p);
    cr_expect_eq(alloc_in_use(), before);
    cr_expect_geq(alloc_peak(), before + 300000);
}

Test(alloc, fails_the_nth_of_the_host)
{
    if (!alloc_available())
        cr_skip("the sanitizer has a heap of its own");
    alloc_fail(2);
    void *ours = hold(malloc(8));
    alloc_enter();
    void *first = hold(malloc(8)), *second = hold(calloc(1, 8)), *third = hold(malloc(8));
    alloc_leave();
    cr_expect(ours && first && third);
    cr_expect_null(second);
    cr_expect(alloc_has_failed());
    alloc_fail(0);
    cr_expect_not(alloc_has_failed());
    free(ours);
    free(first);
    free(third);
}
