#include "http/message/value.h"

#include "base/str.h"
#include "failing_arena.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 0);
}

static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(value, .init = setup, .fini = teardown);
TestSuite(tree, .init = setup, .fini = teardown);

static struct extproc_value text(const char *s)
{
    return extproc_string(extproc_str_of(s));
}

static struct extproc_value dict(const struct extproc_field *fields, size_t n)
{
    struct extproc_value v = {.kind = EXTPROC_KIND_ABSENT};
    cr_assert_eq(value_dict(&arena, fields, n, &v), 0);
    return v;
}

static struct extproc_value list(const struct extproc_value *items, size_t n)
{
    struct extproc_value v = {.kind = EXTPROC_KIND_ABSENT};
    cr_assert_eq(value_list(&arena, items, n, &v), 0);
    return v;
}

/* A value inside so many lists. */
static struct extproc_value nested(unsigned levels, struct extproc_value v)
{
    while (levels-- > 0) {
        struct value_list *l = arena_alloc(&arena, sizeof *l);
        struct extproc_value *item = arena_alloc(&arena, sizeof *item);
        *item = v;
        *l = (struct value_list){1, item};
        v = (struct extproc_value){.kind = EXTPROC_KIND_LIST, .as.node = l};
    }
    return v;
}

Test(value, members_of_a_list_come_by_place)
{
    struct extproc_value items[] = {extproc_number(1.5), text("two")};
    struct extproc_value v = list(items, 2);
    struct extproc_field member;
    cr_assert(value_at(v, 1, &member));
    cr_assert_null(member.key.ptr);
    cr_assert(str_eq_c(member.value.as.string, "two"));
    cr_assert_not(value_at(v, 2, &member));
    cr_assert(str_eq_c(member.value.as.string, "two"), "untouched");
    cr_assert_eq(value_get(v, EXTPROC_S("two")).kind, EXTPROC_KIND_ABSENT);
}

Test(value, members_of_a_dict_come_by_place_and_key_and_the_last_counts)
{
    struct extproc_field fields[] = {
        {EXTPROC_STR("k"), extproc_bool(false)},
        {EXTPROC_STR("other"), extproc_null()},
        {EXTPROC_STR("k"), extproc_bool(true)},
    };
    struct extproc_value v = dict(fields, 3);
    struct extproc_field member;
    cr_assert(value_get(v, EXTPROC_S("k")).as.boolean);
    cr_assert_eq(value_get(v, EXTPROC_S("other")).kind, EXTPROC_KIND_NULL);
    cr_assert_eq(value_get(v, EXTPROC_S("K")).kind, EXTPROC_KIND_ABSENT);
    cr_assert(value_at(v, 1, &member));
    cr_assert(str_eq_c(member.key, "other"));
    cr_assert_not(value_at(v, 3, &member));
}

Test(value, a_value_without_members_has_no_fields)
{
    struct extproc_field member;
    cr_assert_not(value_at(text("x"), 0, &member));
    cr_assert_eq(value_get(text("x"), EXTPROC_S("x")).kind, EXTPROC_KIND_ABSENT);
    cr_assert_not(value_at(list(NULL, 0), 0, &member));
}

Test(value, a_copy_shares_nothing_with_what_it_was_made_of)
{
    char key[] = "key", bytes[] = "bytes";
    struct extproc_field field = {extproc_str_of(key), text(bytes)};
    struct extproc_value inner = dict(&field, 1), copy;
    inner = list(&inner, 1);
    memset(key, '?', 3);
    memset(bytes, '?', 5);
    struct arena other;
    arena_init(&other, 0);
    cr_assert_eq(value_copy(&other, inner, &copy), 0);
    arena_fini(&arena);

    struct extproc_field member;
    cr_assert(value_at(copy, 0, &member));
    cr_assert(str_eq_c(value_get(member.value, EXTPROC_S("key")).as.string, "bytes"));
    arena_fini(&other);
}

Test(value, levels_can_be_built_up_to_the_limit)
{
    struct extproc_value deepest = nested(VALUE_MAX_DEPTH, extproc_null());
    struct extproc_value too_deep = nested(VALUE_MAX_DEPTH, dict(NULL, 0));
    struct extproc_field field = {EXTPROC_STR("k"), deepest};
    struct extproc_value v = {.kind = EXTPROC_KIND_ABSENT};
    cr_assert_eq(value_copy(&arena, deepest, &v), 0);
    cr_assert_eq(v.kind, EXTPROC_KIND_LIST);
    cr_assert_eq(value_copy(&arena, too_deep, &v), -EINVAL);
    cr_assert_eq(value_list(&arena, &deepest, 1, &v), -EINVAL);
    cr_assert_eq(value_dict(&arena, &field, 1, &v), -EINVAL);
}

Test(value, what_a_struct_cannot_carry_is_refused)
{
    struct extproc_value untouched = extproc_number(7), v = untouched;
    struct extproc_value bad[] = {
        {.kind = EXTPROC_KIND_ABSENT},
        {.kind = (enum extproc_kind)99},
        text("\xff"),
        extproc_string(STR_ABSENT),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct extproc_field field = {EXTPROC_STR("k"), bad[i]};
        cr_assert_eq(value_copy(&arena, bad[i], &v), -EINVAL);
        cr_assert_eq(value_list(&arena, &bad[i], 1, &v), -EINVAL);
        cr_assert_eq(value_dict(&arena, &field, 1, &v), -EINVAL);
    }
    struct extproc_field bad_key = {EXTPROC_STR("\xc0\x80"), extproc_null()};
    cr_assert_eq(value_dict(&arena, &bad_key, 1, &v), -EINVAL);
    cr_assert_eq(v.kind, untouched.kind);
    cr_assert_eq(v.as.number, untouched.as.number);
}

Test(value, a_copy_without_memory_fails_wherever_it_runs_out)
{
    struct extproc_field field = {EXTPROC_STR("k"), text("v")};
    struct extproc_value inner = dict(&field, 1), v;
    inner = list(&inner, 1);
    int r = -ENOMEM;
    size_t n = 0;
    for (; r != 0; n++) {
        allocations_left = n;
        r = value_copy(&arena, inner, &v);
        cr_assert(r == 0 || r == -ENOMEM);
    }
    cr_assert_eq(n - 1, 6, "two nodes, two arrays, two strings");
}

static int n_reads;

static int read_text(struct extproc_str raw, struct arena *a, struct extproc_value *ret)
{
    n_reads++;
    if (str_eq_c(raw, "bad"))
        return -EBADMSG;
    *ret = extproc_string(raw);
    return 0;
}

Test(tree, is_read_on_the_first_question_only)
{
    struct tree t = {.raw = EXTPROC_STR("raw"), .read = read_text};
    cr_assert(str_eq_c(tree_value(&t, &arena).as.string, "raw"));
    cr_assert(str_eq_c(tree_value(&t, &arena).as.string, "raw"));
    cr_assert_eq(n_reads, 1);
}

Test(tree, that_is_not_there_or_cannot_be_read_is_absent)
{
    struct tree none = {.raw = STR_ABSENT}, bad = {.raw = EXTPROC_STR("bad"), .read = read_text};
    cr_assert_eq(tree_value(&none, &arena).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(tree_value(&bad, &arena).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(tree_value(&bad, &arena).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(n_reads, 1);
}

Test(tree, that_is_kept_is_read_again_from_its_own_bytes)
{
    char raw[] = "raw";
    struct tree t = {.raw = extproc_str_of(raw), .read = read_text};
    tree_value(&t, &arena);
    cr_assert_eq(tree_keep(&t, &arena), 0);
    memset(raw, '?', 3);
    cr_assert(str_eq_c(tree_value(&t, &arena).as.string, "raw"));
    cr_assert_eq(n_reads, 2);
}

Test(tree, that_cannot_be_kept_is_empty)
{
    struct tree t = {.raw = EXTPROC_STR("raw"), .read = read_text};
    struct tree none = {.raw = STR_ABSENT};
    tree_value(&t, &arena);
    allocations_left = 0;
    cr_assert_eq(tree_keep(&none, &arena), 0);
    cr_assert_eq(tree_keep(&t, &arena), -ENOMEM);
    cr_assert_eq(tree_value(&t, &arena).kind, EXTPROC_KIND_ABSENT);
}
