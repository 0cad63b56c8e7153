#include "plugin/template/wants.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct arena arena;
static struct wants wants;

static void begin(void)
{
    arena_init(&arena, 256);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(wants, .init = begin, .fini = end);

static int add(enum want_kind kind, const char *name)
{
    return wants_add(&wants, &arena, kind, extproc_str_of(name));
}

static void expect_list(enum want_kind kind, const char *const *names, size_t n)
{
    const struct want *w = wants.first[kind];
    for (size_t i = 0; i < n; i++, w = w->next) {
        cr_assert_not_null(w, "%s is missing", names[i]);
        cr_expect(extproc_eq(w->name, extproc_str_of(names[i])), "%.*s instead of %s",
                  EXTPROC_ARG(w->name), names[i]);
    }
    cr_expect_null(w);
}

Test(wants, each_name_stands_once_in_the_order_in_which_it_came)
{
    char name[] = "request.path"; /* it is copied */
    cr_expect_eq(add(WANT_ATTRIBUTE, name), 0);
    cr_expect_eq(add(WANT_ATTRIBUTE, "response.code"), 0);
    cr_expect_eq(add(WANT_ATTRIBUTE, "request.path"), 0);
    name[0] = 'X';
    expect_list(WANT_ATTRIBUTE, (const char *const[]){"request.path", "response.code"}, 2);
}

Test(wants, kinds_do_not_mix)
{
    cr_expect_eq(add(WANT_METADATA, "auth"), 0);
    cr_expect_eq(add(WANT_METADATA_WRITE, "auth"), 0);
    cr_expect_eq(add(WANT_METADATA_WRITE, "mine"), 0);
    expect_list(WANT_METADATA, (const char *const[]){"auth"}, 1);
    expect_list(WANT_METADATA_WRITE, (const char *const[]){"auth", "mine"}, 2);
    expect_list(WANT_ATTRIBUTE, NULL, 0);
}

Test(wants, what_is_not_a_name)
{
    cr_expect_eq(add(WANT_ATTRIBUTE, ""), -EINVAL);
    cr_expect_eq(add(WANT_ATTRIBUTE, "caf\xe9"), -EINVAL);
    expect_list(WANT_ATTRIBUTE, NULL, 0);
}
