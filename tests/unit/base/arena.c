#include "base/arena.h"

#include "failing.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % 16 == 0;
}

Test(arena, takes_nothing_before_it_is_asked)
{
    struct arena a;
    arena_init(&a, 1024);
    cr_assert_eq(arena_size(&a), 0);
    arena_fini(&a);
}

Test(arena, what_it_returns_is_aligned_and_apart)
{
    struct arena a;
    arena_init(&a, 256);
    char *last = NULL;
    for (size_t size = 0; size < 100; size++) {
        char *p = arena_alloc(&a, size);
        cr_assert(p && is_aligned(p), "size %zu", size);
        cr_assert_neq(p, last);
        memset(p, (int)size, size);
        last = p;
    }
    arena_fini(&a);
}

Test(arena, blocks_double_up_to_a_limit)
{
    struct arena a;
    arena_init(&a, 1024);
    arena_alloc(&a, 16);
    cr_assert_eq(arena_size(&a), 1024);
    for (size_t i = 0; i < 3; i++)
        arena_alloc(&a, 400);
    cr_assert_eq(arena_size(&a), 1024 + 2048);

    for (size_t i = 0; i < 3000; i++)
        arena_alloc(&a, 1000);
    size_t before = arena_size(&a);
    while (arena_size(&a) == before)
        arena_alloc(&a, 1000);
    cr_assert_eq(arena_size(&a) - before, 64 * 1024);
    arena_fini(&a);
    cr_assert_eq(arena_size(&a), 0);
}

Test(arena, a_request_that_would_fill_most_of_a_block_costs_its_size)
{
    struct arena a;
    arena_init(&a, 1024);
    arena_alloc(&a, 16);
    arena_alloc(&a, 1200);

    cr_assert_eq(arena_size(&a), 1024 + 1200 + 16);
    arena_fini(&a);
}

Test(arena, a_large_request_has_a_block_of_its_own_and_the_first_goes_on)
{
    struct arena a;
    arena_init(&a, 1024);
    char *one = arena_alloc(&a, 16);
    char *large = arena_alloc(&a, 100000);
    char *two = arena_alloc(&a, 16);

    memset(large, 'x', 100000);
    cr_assert(is_aligned(large));
    cr_assert_eq(two - one, 16);
    arena_fini(&a);
}

Test(arena, a_large_request_may_be_the_first)
{
    struct arena a;
    arena_init(&a, 0);
    cr_assert_not_null(memset(arena_alloc(&a, 5000), 'x', 5000));
    cr_assert_not_null(arena_alloc(&a, 16));
    arena_fini(&a);
}

Test(arena, sizes_that_do_not_fit_return_null)
{
    struct arena a;
    arena_init(&a, 64);
    cr_assert_null(arena_alloc(&a, SIZE_MAX));
    cr_assert_null(arena_alloc(&a, SIZE_MAX - 8));
    cr_assert_null(arena_zalloc(&a, (size_t)PTRDIFF_MAX));
    cr_assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    cr_assert_not_null(arena_array(&a, 0, 8));
    cr_assert_not_null(arena_array(&a, 3, 8));
    arena_fini(&a);
}

Test(arena, zeroed_memory_is_zero_also_when_used_before)
{
    struct arena a;
    arena_init(&a, 1024);
    memset(arena_alloc(&a, 512), 0xff, 512);
    arena_reset(&a);
    const char *p = arena_zalloc(&a, 512);
    for (size_t i = 0; i < 512; i++)
        cr_assert_eq(p[i], 0);
    arena_fini(&a);
}

Test(arena, a_reset_keeps_a_block_that_was_enough)
{
    struct arena a;
    arena_init(&a, 1024);
    arena_alloc(&a, 500);

    arena_reset(&a);
    cr_assert_eq(arena_size(&a), 1024);
    arena_alloc(&a, 500);
    cr_assert_eq(arena_size(&a), 1024, "what was kept is used");
    arena_fini(&a);
}

Test(arena, a_reset_makes_one_block_of_several)
{
    struct arena a;
    arena_init(&a, 1024);
    for (size_t i = 0; i < 20; i++)
        arena_alloc(&a, 1000);
    size_t before = arena_size(&a);

    arena_reset(&a);
    cr_assert_eq(arena_size(&a), 0);
    for (size_t i = 0; i < 20; i++)
        arena_alloc(&a, 1000);
    cr_assert_eq(arena_size(&a), before, "one block holds what took several");
    arena_reset(&a);
    cr_assert_eq(arena_size(&a), before, "and is kept");
    arena_fini(&a);
}

Test(arena, a_reset_keeps_no_large_block)
{
    struct arena a;
    arena_init(&a, 1024);
    arena_reset(&a);
    cr_assert_eq(arena_size(&a), 0);
    arena_alloc(&a, 1000000);
    arena_reset(&a);
    cr_assert_eq(arena_size(&a), 0);
    arena_alloc(&a, 1);
    cr_assert_eq(arena_size(&a), 64 * 1024);
    arena_fini(&a);
}

Test(arena, a_copy_is_the_arenas_own)
{
    struct arena a;
    arena_init(&a, 64);
    char bytes[] = "a\0b";
    struct extproc_str copy = arena_copy(&a, (struct extproc_str){bytes, 3});
    bytes[0] = 'x';
    cr_assert_eq(copy.len, 3);
    cr_assert_eq(memcmp(copy.ptr, "a\0b", 3), 0);

    cr_assert_null(arena_copy(&a, (struct extproc_str){NULL, 0}).ptr);
    cr_assert_not_null(arena_copy(&a, EXTPROC_S("")).ptr);
    arena_fini(&a);
}

Test(arena, formats_text_of_any_length)
{
    struct arena a;
    arena_init(&a, 64);
    struct extproc_str text = arena_format(&a, "%s=%d", "answer", 42);
    cr_assert_str_eq(text.ptr, "answer=42");
    cr_assert_eq(text.len, 9);
    text = arena_format(&a, "%0*d", 5000, 7);
    cr_assert_eq(text.len, 5000);
    cr_assert_eq(text.ptr[5000], '\0');
    arena_fini(&a);
}

Test(arena, a_text_that_printf_refuses_is_absent)
{
    struct arena a;
    arena_init(&a, 64);
    cr_assert_null(arena_format(&a, "%lc", (wint_t)0x100).ptr);
    arena_fini(&a);
}

Test(arena, without_memory_everything_returns_null)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    struct arena a;
    struct arena_pool pool = {0};
    arena_init(&a, 64);

    fail_after(0);
    void *allocated = arena_alloc(&a, 1), *zeroed = arena_zalloc(&a, 1);
    struct extproc_str copy = arena_copy(&a, EXTPROC_S("x")), text = arena_format(&a, "x");
    struct arena_lease *lease = arena_pool_take(&pool, NULL);
    fail_no_more();

    cr_assert_null(allocated);
    cr_assert_null(zeroed);
    cr_assert_null(copy.ptr);
    cr_assert_null(text.ptr);
    cr_assert_null(lease);
    cr_assert_not_null(arena_alloc(&a, 1), "and it goes on when there is some again");
    arena_fini(&a);
}

Test(arena_pool, returns_what_was_put)
{
    struct arena_pool pool = {0};
    struct arena_lease *one = arena_pool_take(&pool, NULL), *two = arena_pool_take(&pool, NULL);
    cr_assert_neq(one, two);
    arena_alloc(&one->arena, 100);

    arena_pool_put(&pool, one);
    struct arena_lease *again = arena_pool_take(&pool, NULL);
    cr_assert_eq(again, one);
    cr_assert_gt(arena_size(&again->arena), 0, "its block was kept");

    arena_pool_put(&pool, NULL);
    arena_pool_put(&pool, again);
    arena_pool_put(&pool, two);
    arena_pool_fini(&pool);
    cr_assert_null(pool.idle);
}

Test(arena_pool, keeps_a_bounded_number)
{
    struct arena_pool pool = {0};
    struct arena_lease *leases[200];
    size_t n = 0;
    for (size_t i = 0; i < 200; i++)
        leases[i] = arena_pool_take(&pool, NULL);
    for (size_t i = 0; i < 200; i++)
        arena_pool_put(&pool, leases[i]);
    for (const struct arena_lease *lease = pool.idle; lease; lease = lease->next)
        n++;
    cr_assert_eq(n, pool.n_idle);
    cr_assert_leq(n, 64);
    arena_pool_fini(&pool);
}

/* ---- a budget -------------------------------------------------------------------------------- */

Test(arena, a_budget_is_shared)
{
    struct arena_budget budget = {.left = 4096};
    struct arena a, b;
    arena_init(&a, 1024);
    arena_init(&b, 1024);
    arena_share(&a, &budget);
    arena_share(&b, &budget);
    cr_assert(arena_alloc(&a, 1000) && arena_alloc(&b, 1000));
    cr_expect_eq(budget.left, 2048);
    cr_expect(!budget.refused);
    cr_expect_null(arena_alloc(&a, 2048));
    cr_expect_eq(budget.refused, 2048 + 16);
    cr_expect_eq(budget.left, 2048);

    arena_fini(&b);
    cr_expect_eq(budget.left, 3072);
    cr_expect_null(arena_alloc(&a, 4096));
    cr_expect(arena_alloc(&a, 2048));
    arena_fini(&a);
    cr_expect_eq(budget.left, 4096);
}

/* What it had before is another's: a block that a pool keeps. */
Test(arena, what_it_had_before_does_not_count)
{
    struct arena_budget budget = {.left = 1024};
    struct arena a;
    arena_init(&a, 1024);
    arena_alloc(&a, 16);
    arena_share(&a, &budget);
    cr_expect(arena_alloc(&a, 900));
    cr_expect_eq(budget.left, 1024);
    arena_reset(&a);
    cr_expect_null(arena_alloc(&a, 100000));
    arena_fini(&a);
}

Test(arena, a_request_of_any_size_is_refused_without_overflow)
{
    struct arena_budget budget = {.left = 1024};
    struct arena a;
    arena_init(&a, 1024);
    arena_share(&a, &budget);
    cr_expect_null(arena_alloc(&a, PTRDIFF_MAX - 64));
    cr_expect_gt(budget.refused, (size_t)1 << 62);
    arena_fini(&a);
}

/* The budget may lie in memory of an arena that shares it. */
Test(arena, its_own_memory_may_have_the_budget)
{
    struct arena a;
    arena_init(&a, 1024);
    struct arena_budget *budget = arena_zalloc(&a, sizeof *budget);
    budget->left = 64 * 1024;
    arena_share(&a, budget);
    cr_expect(arena_alloc(&a, 2000));
    arena_fini(&a);
}
