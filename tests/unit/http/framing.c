/* Which messages may have a body. */
#include "http/rules/framing.h"

#include "base/str.h"

#include <criterion/criterion.h>

#define N(array) (sizeof(array) / sizeof *(array))
#define H(name, value)                                                                             \
    {                                                                                              \
        EXTPROC_STR(name), EXTPROC_STR(value)                                                      \
    }

static struct request_kind kind_of(const struct extproc_header *list, size_t n)
{
    struct headers headers;
    headers_init(&headers, list, n);
    return request_kind_of(&headers);
}
#define KIND(...)                                                                                  \
    kind_of((const struct extproc_header[]){__VA_ARGS__},                                          \
            N(((const struct extproc_header[]){__VA_ARGS__})))

static const struct request_kind unknown;

/* ---- requests -------------------------------------------------------------------------------- */

Test(framing, a_request_has_a_body_unless_it_asks_for_a_tunnel)
{
    const struct {
        struct request_kind kind;
        enum framing framing;
    } cases[] = {
        {KIND(H(":method", "GET")), FRAMING_BODY},
        {KIND(H(":method", "HEAD")), FRAMING_BODY},
        {unknown, FRAMING_BODY},
        {KIND(H(":method", "CONNECT")), FRAMING_TUNNEL},
        {KIND(H(":method", "CONNECT"), H(":protocol", "websocket")), FRAMING_TUNNEL},
        {KIND(H(":method", "GET"), H("connection", "Upgrade"), H("upgrade", "websocket")),
         FRAMING_TUNNEL},
        {KIND(H(":method", "GET"), H("connection", "keep-alive , UPGRADE"), H("upgrade", "x")),
         FRAMING_TUNNEL},
        {KIND(H(":method", "GET"), H("connection", "close"), H("connection", "upgrade"),
              H("upgrade", "x")),
         FRAMING_TUNNEL},
        {KIND(H(":method", "GET"), H("upgrade", "x")), FRAMING_BODY},
        {KIND(H(":method", "GET"), H("connection", "upgrade")), FRAMING_BODY},
        {KIND(H(":method", "GET"), H("connection", "upgrade-insecure"), H("upgrade", "x")),
         FRAMING_BODY},
        {KIND(H(":method", "GET"), H("connection", ",, ,"), H("upgrade", "x")), FRAMING_BODY},
        {KIND(H(":method", "GET"), H("connection", "upgrade\0"), H("upgrade", "x")), FRAMING_BODY},
    };
    for (size_t i = 0; i < N(cases); i++)
        cr_expect_eq(framing_of_request(&cases[i].kind, 0), cases[i].framing, "case %zu", i);
    cr_expect_eq(framing_of_request(&(struct request_kind){0}, 200), FRAMING_BODY);
    cr_expect_eq(framing_of_request(&(struct request_kind){0}, 101), FRAMING_TUNNEL);
}

/* ---- responses ------------------------------------------------------------------------------- */

Test(framing, a_response_has_a_body_by_method_and_status)
{
    const struct request_kind get = request_kind_of_method(EXTPROC_S("GET")),
                              head = request_kind_of_method(EXTPROC_S("HEAD")),
                              connect = request_kind_of_method(EXTPROC_S("CONNECT")),
                              upgrade = {.known = true, .upgrade = true};
    const struct {
        const struct request_kind *request;
        unsigned status;
        enum framing framing;
    } cases[] = {
        {&get, 200, FRAMING_BODY},       {&get, 500, FRAMING_BODY},
        {&get, 100, FRAMING_NONE},       {&get, 103, FRAMING_NONE},
        {&get, 204, FRAMING_NONE},       {&get, 304, FRAMING_NONE},
        {&get, 205, FRAMING_SEEN},       {&get, 0, FRAMING_SEEN},
        {&get, 101, FRAMING_TUNNEL},     {&head, 200, FRAMING_NONE},
        {&head, 404, FRAMING_NONE},      {&head, 0, FRAMING_NONE},
        {&unknown, 200, FRAMING_SEEN},   {&unknown, 0, FRAMING_SEEN},
        {&unknown, 204, FRAMING_NONE},   {&unknown, 304, FRAMING_NONE},
        {&unknown, 101, FRAMING_TUNNEL}, {&connect, 200, FRAMING_TUNNEL},
        {&connect, 299, FRAMING_TUNNEL}, {&connect, 300, FRAMING_BODY},
        {&connect, 407, FRAMING_BODY},   {&connect, 0, FRAMING_TUNNEL},
        {&upgrade, 101, FRAMING_TUNNEL}, {&upgrade, 200, FRAMING_BODY},
        {&upgrade, 426, FRAMING_BODY},   {&upgrade, 0, FRAMING_TUNNEL},
    };
    for (size_t i = 0; i < N(cases); i++)
        cr_expect_eq(framing_of_response(cases[i].request, cases[i].status), cases[i].framing,
                     "case %zu", i);
}

Test(framing, a_status_is_a_number_of_three_digits)
{
    cr_expect_eq(framing_status(EXTPROC_S("204")), 204);
    cr_expect_eq(framing_status(EXTPROC_S("20")), 0);
    cr_expect_eq(framing_status(EXTPROC_S("2000")), 0);
    cr_expect_eq(framing_status(EXTPROC_S("2x4")), 0);
    cr_expect_eq(framing_status(STR_ABSENT), 0);
}

/* ---- a response whose status is changed ------------------------------------------------------ */

Test(framing, a_status_changes_where_the_body_stays_what_it_is)
{
    const struct request_kind get = request_kind_of_method(EXTPROC_S("GET")),
                              head = request_kind_of_method(EXTPROC_S("HEAD")),
                              connect = request_kind_of_method(EXTPROC_S("CONNECT"));
    const struct {
        const struct request_kind *request;
        unsigned from, to;
        bool follows, announced, may;
    } cases[] = {
        {&get, 200, 404, true, true, true},       {&get, 200, 204, true, false, false},
        {&get, 200, 304, true, true, false},      {&get, 200, 205, true, true, false},
        {&get, 200, 204, false, false, true},     {&get, 204, 200, true, false, true},
        {&get, 304, 200, false, true, false},     {&get, 304, 204, false, true, true},
        {&get, 205, 200, true, true, true},       {&get, 101, 200, true, false, false},
        {&head, 200, 204, true, true, true},      {&head, 304, 200, false, true, true},
        {&connect, 200, 204, true, false, true},  {&connect, 200, 403, true, false, false},
        {&connect, 403, 200, true, true, false},  {&unknown, 200, 204, true, false, false},
        {&unknown, 200, 204, false, false, true}, {&get, 0, 200, true, true, true},
    };
    for (size_t i = 0; i < N(cases); i++)
        cr_expect_eq(framing_may_change(cases[i].request, cases[i].from, cases[i].to,
                                        cases[i].follows, cases[i].announced),
                     cases[i].may, "case %zu", i);
}

Test(framing, an_immediate_response_has_a_body_by_its_status)
{
    const struct request_kind get = request_kind_of_method(EXTPROC_S("GET")),
                              head = request_kind_of_method(EXTPROC_S("HEAD")),
                              connect = request_kind_of_method(EXTPROC_S("CONNECT"));
    cr_expect(framing_may_answer(&get, 200));
    cr_expect(framing_may_answer(&head, 403));
    cr_expect(framing_may_answer(&unknown, 500));
    cr_expect(framing_may_answer(&connect, 403));
    cr_expect_not(framing_may_answer(&connect, 200));
    cr_expect_not(framing_may_answer(&get, 204));
    cr_expect_not(framing_may_answer(&get, 205));
    cr_expect_not(framing_may_answer(&unknown, 304));
}
