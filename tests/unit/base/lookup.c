#include "base/lookup.h"

#include "base/str.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct lookup lookup;

static void begin(void)
{
    arena_init(&arena, 256);
    lookup = (struct lookup){0};
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(lookup, .init = begin, .fini = end);

static struct lookup_name name(const char *first, const char *second)
{
    return (struct lookup_name){extproc_str_of(first), extproc_str_of(second)};
}

Test(lookup, an_empty_one_has_nothing)
{
    size_t place = 7;
    cr_expect_not(lookup_find(&lookup, name("a", ""), &place));
    cr_expect_eq(place, 7);
}

Test(lookup, both_parts_of_a_name_count)
{
    size_t place;
    cr_assert(lookup_add(&lookup, &arena, name("ab", "c"), 1));
    cr_assert(lookup_add(&lookup, &arena, name("a", "bc"), 2));
    cr_assert(lookup_find(&lookup, name("ab", "c"), &place));
    cr_expect_eq(place, 1);
    cr_assert(lookup_find(&lookup, name("a", "bc"), &place));
    cr_expect_eq(place, 2);
    cr_expect_not(lookup_find(&lookup, name("a", "b"), &place));
}

Test(lookup, it_grows_and_forgets_nothing)
{
    enum { N = 10000 };
    size_t place;
    for (size_t i = 0; i < N; i++) {
        struct lookup_name n = {.first = arena_format(&arena, "name %zu", i)};
        cr_assert(lookup_add(&lookup, &arena, n, i));
    }
    for (size_t i = 0; i < N; i++) {
        struct lookup_name n = {.first = arena_format(&arena, "name %zu", i)};
        cr_assert(lookup_find(&lookup, n, &place));
        cr_assert_eq(place, i);
    }
}
