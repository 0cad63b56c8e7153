#include "http/rules/role.h"

#include "base/str.h"

#include <criterion/criterion.h>

Test(role, each_kind_of_message_has_headers_of_its_own)
{
    static const struct {
        enum extproc_map map;
        const char *name;
        enum role role;
    } cases[] = {
        {EXTPROC_MAP_REQUEST, ":Method", ROLE_METHOD},
        {EXTPROC_MAP_REQUEST, "HOST", ROLE_AUTHORITY},
        {EXTPROC_MAP_REQUEST, ":authority", ROLE_AUTHORITY},
        {EXTPROC_MAP_REQUEST, ":scheme", ROLE_SCHEME},
        {EXTPROC_MAP_REQUEST, ":path", ROLE_PATH},
        {EXTPROC_MAP_REQUEST, ":status", ROLE_FOREIGN},
        {EXTPROC_MAP_REQUEST, "x-a", ROLE_ORDINARY},
        {EXTPROC_MAP_RESPONSE, ":status", ROLE_STATUS},
        {EXTPROC_MAP_RESPONSE, ":path", ROLE_FOREIGN},
        {EXTPROC_MAP_RESPONSE, "host", ROLE_ORDINARY},
        {EXTPROC_MAP_IMMEDIATE_RESPONSE, ":status", ROLE_FOREIGN},
        {EXTPROC_MAP_IMMEDIATE_RESPONSE, "host", ROLE_ORDINARY},
        {EXTPROC_MAP_REQUEST_TRAILERS, "host", ROLE_FOREIGN},
        {EXTPROC_MAP_RESPONSE_TRAILERS, ":status", ROLE_FOREIGN},
        {EXTPROC_MAP_RESPONSE_TRAILERS, "grpc-status", ROLE_ORDINARY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(role_of(cases[i].map, extproc_str_of(cases[i].name)), cases[i].role,
                     "case %zu", i);
}

Test(role, an_ordinary_header_takes_any_value)
{
    cr_expect(role_takes(ROLE_ORDINARY, EXTPROC_S("")));
    cr_expect(role_takes(ROLE_ORDINARY, EXTPROC_S("a b")));
    cr_expect_not(role_takes(ROLE_METHOD, EXTPROC_S("")));
    cr_expect_not(role_takes(ROLE_SCHEME, EXTPROC_S("HTTP")));
    cr_expect_not(role_takes(ROLE_AUTHORITY, EXTPROC_S("a\0b")));
}
