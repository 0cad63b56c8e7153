#include "http/rules/illegal.h"

#include "base/str.h"
#include "http/rules/rules.h"
#include "kit/lines.h"

#include <criterion/criterion.h>

static void assert_why(struct extproc_str name, struct extproc_str value, const char *wanted)
{
    char why[ILLEGAL_WHY];
    illegal_header(name, value, why);
    cr_expect(lines_match(why, wanted), "%s", why);
}

Test(illegal, a_name)
{
    struct extproc_str v = EXTPROC_S("v");
    assert_why(STR_ABSENT, v, "~name: absent");
    assert_why(EXTPROC_S(""), v, "~name: empty");
    assert_why(EXTPROC_S(":"), v, "~name: empty");
    assert_why(EXTPROC_S("x hello"), v, "invalid header name: contains a space");
    assert_why(EXTPROC_S("x:a"), v, "invalid header name: contains ':'");
    assert_why(EXTPROC_S("x\xff"), v, "~name: ~0xff");
}

Test(illegal, a_value_is_never_shown)
{
    struct extproc_str x = EXTPROC_S("x");
    assert_why(x, STR_ABSENT, "~value: absent");
    assert_why(x, EXTPROC_S("a\r\nb"), "~value: ~line break");
    assert_why(x, EXTPROC_S("a\0"), "~value: ~NUL");
    assert_why(x, EXTPROC_S("\x7f"), "~value: ~0x7f");
    assert_why(x, EXTPROC_S("a "), "~value: ~blank");
}

Test(illegal, a_value_that_its_header_does_not_have)
{
    assert_why(EXTPROC_S(":status"), EXTPROC_S("99"), "~expected 200 to 599");
    assert_why(EXTPROC_S(":Path"), EXTPROC_S("a"), "~expected / or *~");
    assert_why(EXTPROC_S(":method"), EXTPROC_S("G T"), "~expected ~ such as GET");
    assert_why(EXTPROC_S(":scheme"), EXTPROC_S("ftp"), "~expected http or https");
    assert_why(EXTPROC_S(":authority"), EXTPROC_S("u@a"), "~expected a host~");
    assert_why(EXTPROC_S("host"), EXTPROC_S(""), "~expected a host~");
}
