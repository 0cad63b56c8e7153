#include "http/message/joins.h"

#include <criterion/criterion.h>

Test(joins, the_proxy_joins_some_headers)
{
    cr_assert(joins(EXTPROC_S("user-agent")));
    cr_assert(joins(EXTPROC_S("X-Forwarded-For")));
    cr_assert(joins(EXTPROC_S("vary")));
    cr_assert_not(joins(EXTPROC_S("set-cookie")));
    cr_assert_not(joins(EXTPROC_S("x-any")));
}
