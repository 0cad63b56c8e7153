#include "http/message/names.h"

#include <criterion/criterion.h>

static bool equal(const char *a, const char *b)
{
    return name_equal(extproc_str_of(a), extproc_str_of(b));
}

Test(names, are_equal_whatever_their_case)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"a", "A"},
                                           {"te", "TE"},
                                           {"dnt", "DnT"},
                                           {"host", "HOST"},
                                           {"range", "Range"},
                                           {"expires", "eXpires"},
                                           {"location", "LOCATION"},
                                           {"x-request-id", "X-Request-ID"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_expect(equal(pairs[i][0], pairs[i][1]), "%s", pairs[i][0]);
        cr_expect_eq(names_bit(extproc_str_of(pairs[i][0])), names_bit(extproc_str_of(pairs[i][1])),
                     "%s", pairs[i][0]);
    }
}

Test(names, differ_in_any_byte)
{
    cr_expect_not(equal("a", "b"));
    cr_expect_not(equal("x-a", "x-ab"));
    cr_expect_not(equal("a-request-id", "b-request-id")); /* beyond the last eight */
    cr_expect_not(equal("x-request-ia", "x-request-ib"));
    /* alike without bit 0x20, and not letters: '@' and '`', '^' and '~' */
    cr_expect_not(equal("x-^", "x-~"));
    cr_expect_not(equal("a-longer-name^", "a-longer-name~"));
}

Test(names, a_set_has_what_was_added)
{
    struct names names = {0};
    cr_expect_not(names_may_have(&names, EXTPROC_S("via")));
    names_add(&names, EXTPROC_S("Via"));
    names_add(&names, EXTPROC_S("x-forwarded-for"));
    cr_expect(names_may_have(&names, EXTPROC_S("via")));
    cr_expect(names_may_have(&names, EXTPROC_S("X-Forwarded-For")));
    cr_expect_not(names_may_have(&names, EXTPROC_S("x-forwarded-foo")));
}
