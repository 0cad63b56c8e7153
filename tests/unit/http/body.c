#include "http/message/body.h"

#include "base/str.h"
#include "failing_arena.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct extproc_str pieces[] = {EXTPROC_STR("ab"), {NULL, 0}, EXTPROC_STR("c")};

static struct arena arena;
static struct body body;

static void setup(void)
{
    arena_init(&arena, 0);
}

static void teardown(void)
{
    body_fini(&body);
    arena_fini(&arena);
}

TestSuite(body, .init = setup, .fini = teardown);

static void count(void *arg)
{
    ++*(int *)arg;
}

Test(body, one_piece_is_shown_as_it_is)
{
    body_init(&body, pieces, 1);
    allocations_left = 0;
    cr_assert_eq(body_bytes(&body, &arena).ptr, pieces[0].ptr);
    cr_assert_eq(body.len, 2);
    cr_assert_not(body.changed);
}

Test(body, several_pieces_are_joined_once)
{
    body_init(&body, pieces, 3);
    cr_assert_eq(body.len, 3);
    struct extproc_str bytes = body_bytes(&body, &arena);
    cr_assert(str_eq_c(bytes, "abc"));

    allocations_left = 0;
    cr_assert_eq(body_bytes(&body, &arena).ptr, bytes.ptr);
    cr_assert_not(body.changed);
    cr_assert_eq(body.len, 3);
}

Test(body, an_empty_one_has_a_pointer)
{
    body_init(&body, NULL, 0);
    cr_assert_not_null(body_bytes(&body, &arena).ptr);
    body_init(&body, &pieces[1], 1);
    cr_assert_not_null(body_bytes(&body, &arena).ptr);
    cr_assert_eq(body.len, 0);
}

Test(body, set_copies)
{
    char bytes[] = "new bytes";
    body_init(&body, pieces, 3);
    cr_assert_eq(body_set(&body, &arena, extproc_str_of(bytes)), 0);
    bytes[0] = '?';
    cr_assert(str_eq_c(body_bytes(&body, &arena), "new bytes"));
    cr_assert_eq(body.len, 9);
    cr_assert(body.changed);
}

Test(body, set_to_nothing_is_a_change)
{
    body_init(&body, pieces, 3);
    cr_assert_eq(body_set(&body, &arena, STR_ABSENT), 0);
    cr_assert_not_null(body_bytes(&body, &arena).ptr);
    cr_assert_eq(body.len, 0);
    cr_assert(body.changed);
}

Test(body, a_body_without_a_copy_is_released_once)
{
    int released = 0;
    struct extproc_str given = EXTPROC_STR("given");
    body_init(&body, pieces, 3);
    cr_assert_eq(body_give(&body, &arena, given, count, &released), 0);
    cr_assert_eq(body_bytes(&body, &arena).ptr, given.ptr);
    cr_assert_eq(body.len, 5);
    cr_assert(body.changed);
    cr_assert_eq(released, 0);

    body_fini(&body);
    body_fini(&body);
    cr_assert_eq(released, 1);
}

Test(body, a_body_without_a_copy_stays_below_the_next_one)
{
    int first = 0, second = 0;
    char *bytes = malloc(5);
    memcpy(bytes, "given", 5);
    body_init(&body, pieces, 3);
    body_give(&body, &arena, (struct extproc_str){bytes, 5}, count, &first);
    body_give(&body, &arena, (struct extproc_str){bytes + 1, 3}, count, &second);
    cr_assert_eq(first, 0);
    cr_assert(str_eq_c(body_bytes(&body, &arena), "ive"));

    body_fini(&body);
    cr_assert_eq(first, 1);
    cr_assert_eq(second, 1);
    free(bytes);
}

Test(body, a_body_without_a_copy_stays_until_the_end_though_another_is_set)
{
    int released = 0;
    char *bytes = malloc(5);
    memcpy(bytes, "given", 5);
    body_init(&body, pieces, 3);
    body_give(&body, &arena, (struct extproc_str){bytes, 5}, count, &released);
    cr_assert_eq(body_set(&body, &arena, (struct extproc_str){bytes + 1, 3}), 0);
    cr_assert(str_eq_c(body_bytes(&body, &arena), "ive"));
    cr_assert_eq(released, 0);

    body_fini(&body);
    cr_assert_eq(released, 1);
    free(bytes);
}

/* ---- taken back ------------------------------------------------------------------------------ */

Test(body, is_as_it_was_received_again)
{
    body_init(&body, pieces, 3);
    struct body mark = body_mark(&body);
    body_set(&body, &arena, EXTPROC_S("new"));
    body_rewind(&body, &mark);
    cr_assert_not(body.changed);
    cr_assert_eq(body.len, 3);
    cr_assert(str_eq_c(body_bytes(&body, &arena), "abc"));
}

Test(body, an_earlier_body_without_a_copy_is_back_after_undo)
{
    int first = 0, second = 0;
    body_init(&body, pieces, 3);
    body_give(&body, &arena, EXTPROC_S("first"), count, &first);
    struct body mark = body_mark(&body);
    body_give(&body, &arena, EXTPROC_S("second one"), count, &second);
    body_set(&body, &arena, EXTPROC_S("third"));
    body_rewind(&body, &mark);
    cr_assert(body.changed);
    cr_assert(str_eq_c(body_bytes(&body, &arena), "first"));
    cr_assert_eq(first + second, 0);

    body_fini(&body);
    cr_assert_eq(first, 1);
    cr_assert_eq(second, 1);
}

Test(body, stays_joined)
{
    body_init(&body, pieces, 3);
    struct body mark = body_mark(&body);
    const char *joined = body_bytes(&body, &arena).ptr;
    body_rewind(&body, &mark);
    cr_assert_eq(body_bytes(&body, &arena).ptr, joined);
}

Test(body, what_is_lent_is_not_copied)
{
    static const struct extproc_str lent = EXTPROC_STR("lent");
    body_init(&body, pieces, 3);
    body_lend(&body, lent);
    cr_assert_eq(body_bytes(&body, &arena).ptr, lent.ptr);
    cr_assert_eq(body.len, 4);
    cr_assert(body.changed);
}

Test(body, without_memory_nothing_changes)
{
    int released = 0;
    body_init(&body, pieces, 3);
    allocations_left = 0;
    cr_assert_null(body_bytes(&body, &arena).ptr);
    cr_assert_eq(body_set(&body, &arena, EXTPROC_S("x")), -ENOMEM);
    cr_assert_eq(body_give(&body, &arena, EXTPROC_S("x"), count, &released), -ENOMEM);
    cr_assert_eq(released, 0);
    cr_assert_not(body.changed);

    allocations_left = SIZE_MAX;
    cr_assert(str_eq_c(body_bytes(&body, &arena), "abc"));
}
