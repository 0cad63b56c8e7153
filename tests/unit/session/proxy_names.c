#include "session/proxy_names.h"

#include "http/message/names.h"

#include <criterion/criterion.h>

static bool joins(const char *name)
{
    return name_in_list(extproc_str_of(name), proxy_joined);
}

Test(proxy_names, some_headers_are_joined_whatever_their_case)
{
    cr_expect(joins("user-agent"));
    cr_expect(joins("X-Forwarded-For"));
    cr_expect(joins("vary"));
    cr_expect_not(joins("set-cookie"));
    cr_expect_not(joins("x-any"));
}

Test(proxy_names, attributes_that_are_maps_have_no_text)
{
    cr_expect(str_in_list(EXTPROC_S("request.headers"), proxy_maps));
    cr_expect(str_in_list(EXTPROC_S("xds.route_metadata"), proxy_maps));
    cr_expect_not(str_in_list(proxy_hints.id, proxy_maps));
    cr_expect_not(str_in_list(EXTPROC_S("xds.route_name"), proxy_maps));
}
