#include "process/proxy/yaml.h"

#include "kit/printed.h"

#include <criterion/criterion.h>

static const char *text_of(struct extproc_str text)
{
    printed_begin();
    yaml_text(text);
    return printed_end();
}

static const char *list_of(const struct extproc_str *items, size_t n)
{
    const struct recipe_names names = {items, n};
    printed_begin();
    yaml_list("  key", &names);
    return printed_end();
}

Test(yaml, a_text_is_quoted)
{
    cr_expect_str_eq(text_of(EXTPROC_S("a: [b] # c")), "\"a: [b] # c\"");
    cr_expect_str_eq(text_of(EXTPROC_S("")), "\"\"");
    cr_expect_str_eq(text_of((struct extproc_str){NULL, 0}), "\"\"");
}

Test(yaml, what_would_end_it_or_the_line_is_escaped)
{
    cr_expect_str_eq(text_of(EXTPROC_S("a\"b\\c")), "\"a\\\"b\\\\c\"");
    cr_expect_str_eq(text_of(EXTPROC_S("a\nb\tc\x7f")), "\"a\\x0ab\\x09c\\x7f\"");
    cr_expect_str_eq(text_of((struct extproc_str){"a\0b", 3}), "\"a\\x00b\"");
    cr_expect_str_eq(text_of(EXTPROC_S("é")), "\"é\"");
}

Test(yaml, a_list_is_one_line_and_nothing_if_it_is_empty)
{
    static const struct extproc_str items[] = {EXTPROC_STR("a"), EXTPROC_STR("b\"")};
    cr_expect_str_eq(list_of(items, 1), "  key: [\"a\"]\n");
    cr_expect_str_eq(list_of(items, 2), "  key: [\"a\", \"b\\\"\"]\n");
    cr_expect_str_empty(list_of(items, 0));
}
