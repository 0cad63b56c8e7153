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

static const struct {
    enum role role;
    const char *value;
} valid[] = {
    {ROLE_METHOD, "PROPFIND"},
    {ROLE_SCHEME, "http"},
    {ROLE_SCHEME, "https"},
    {ROLE_PATH, "/a/b?c=%20&d"},
    {ROLE_PATH, "*"},
    {ROLE_AUTHORITY, "a-b.example:8080"},
    {ROLE_STATUS, "404"},
    {ROLE_AUTHORITY, "[::1]:1"},
    {ROLE_ORDINARY, "a b\t\xc3\xa4"},
};

Test(role, every_part_of_a_valid_value_may_be_one)
{
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct extproc_str value = extproc_str_of(valid[i].value);
        cr_assert(role_takes(valid[i].role, value), "%s", valid[i].value);
        for (size_t from = 0; from <= value.len; from++) {
            for (size_t to = from; to <= value.len; to++) {
                struct extproc_str part = {value.ptr + from, to - from};
                cr_expect(role_takes_part(valid[i].role, part, from == 0), "%.*s of %s",
                          EXTPROC_ARG(part), valid[i].value);
            }
        }
    }
}

Test(role, what_no_valid_value_has_is_not_a_part_of_one)
{
    static const struct {
        enum role role;
        const char *part;
        bool begins;
    } cases[] = {
        {ROLE_PATH, "a", true},       {ROLE_PATH, "/a b", true},    {ROLE_PATH, "#", false},
        {ROLE_PATH, "\xc3", false},   {ROLE_METHOD, "G T", false},  {ROLE_SCHEME, "ttp", true},
        {ROLE_SCHEME, "x", false},    {ROLE_STATUS, "2a", false},   {ROLE_STATUS, "2000", false},
        {ROLE_AUTHORITY, "@", false}, {ROLE_AUTHORITY, "/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_not(
            role_takes_part(cases[i].role, extproc_str_of(cases[i].part), cases[i].begins),
            "case %zu", i);
}
