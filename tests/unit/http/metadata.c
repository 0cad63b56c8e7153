#include "base/str.h"
#include "failing_arena.h"
#include "http/value.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct arena arena;
static struct metadata metadata;

static void setup(void)
{
    arena_init(&arena, 0);
}

static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(metadata, .init = setup, .fini = teardown);

static int set(const char *ns, const char *key, double value)
{
    return metadata_set(&metadata, &arena, str_c(ns), str_c(key), extproc_number(value));
}

Test(metadata, keys_of_a_namespace_are_merged_in_the_order_they_came)
{
    cr_assert_eq(set("ns", "a", 1), 0);
    cr_assert_eq(set("ns", "b", 2), 0);

    const struct metadata_namespace *ns = metadata.first;
    cr_assert(str_eq_c(ns->name, "ns"));
    cr_assert(str_eq_c(ns->first->key, "a"));
    cr_assert_eq(ns->first->value.as.number, 1);
    cr_assert(str_eq_c(ns->first->next->key, "b"));
    cr_assert_null(ns->first->next->next);
    cr_assert_null(ns->next);
}

Test(metadata, of_the_same_key_the_last_stays)
{
    set("ns", "a", 1);
    set("ns", "b", 2);
    set("ns", "a", 3);
    cr_assert_eq(metadata.first->first->value.as.number, 3);
    cr_assert_null(metadata.first->first->next->next);
}

Test(metadata, namespaces_stand_side_by_side)
{
    set("one", "a", 1);
    set("two", "a", 2);
    set("one", "b", 3);
    cr_assert(str_eq_c(metadata.first->next->name, "two"));
    cr_assert_eq(metadata.first->next->first->value.as.number, 2);
    cr_assert_eq(metadata.first->last->value.as.number, 3);
    cr_assert_null(metadata.first->next->next);
}

Test(metadata, everything_is_copied)
{
    char ns[] = "ns", key[] = "key", bytes[] = "bytes";
    cr_assert_eq(
        metadata_set(&metadata, &arena, str_c(ns), str_c(key), extproc_string(str_c(bytes))), 0);
    memset(ns, '?', 2);
    memset(key, '?', 3);
    memset(bytes, '?', 5);
    cr_assert(str_eq_c(metadata.first->name, "ns"));
    cr_assert(str_eq_c(metadata.first->first->key, "key"));
    cr_assert(str_eq_c(metadata.first->first->value.as.string, "bytes"));
}

Test(metadata, what_a_struct_cannot_carry_is_refused)
{
    cr_assert_eq(set("", "a", 1), -EINVAL);
    cr_assert_eq(set(NULL, "a", 1), -EINVAL);
    cr_assert_eq(set("ns", "", 1), -EINVAL);
    cr_assert_eq(set("\xff", "a", 1), -EINVAL);
    cr_assert_eq(set("ns", "\xed\xa0\x80", 1), -EINVAL);
    cr_assert_eq(metadata_set(&metadata, &arena, EXTPROC_S("ns"), EXTPROC_S("a"),
                              (struct extproc_value){.kind = EXTPROC_KIND_ABSENT}),
                 -EINVAL);
    cr_assert_null(metadata.first);
}

Test(metadata, without_memory_nothing_changes)
{
    for (size_t n = 0; n < 4; n++) {
        allocations_left = n;
        cr_assert_eq(set("ns", "a", 1), -ENOMEM);
        cr_assert_null(metadata.first);
    }
    allocations_left = 4;
    cr_assert_eq(set("ns", "a", 1), 0);
    allocations_left = 1;
    cr_assert_eq(set("ns", "b", 1), -ENOMEM);
    cr_assert_null(metadata.first->first->next);
}
