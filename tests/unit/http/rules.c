#include "http/rules/rules.h"

#include "base/str.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_EDITS = 100, MAX_ENTRIES = 100, MAX_BYTES = 60 * 1024 };

/* A proxy that guards its routing, and the headers of its own. */
static const struct rules_name guarded[] = {
    {.name = EXTPROC_STR("host"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR(":authority"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR(":scheme"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR(":method"), .unless_replaced = true, .remedy = "unlock routing"},
    {.name = EXTPROC_STR("x-own-"), .prefix = true, .remedy = "unlock its own"},
};
static const struct extproc_str joined[] = {EXTPROC_STR("accept")};
static const struct rules strict = {.names = guarded,
                                    .n_names = sizeof guarded / sizeof *guarded,
                                    .joined = STR_LIST(joined),
                                    .max_edits = MAX_EDITS,
                                    .max_entries = MAX_ENTRIES,
                                    .max_bytes = MAX_BYTES};

static const struct rules_context in_request = {.map = EXTPROC_MAP_REQUEST};
static const struct rules_context in_replaced = {.replacing = true};
static const struct rules_context in_response = {.map = EXTPROC_MAP_RESPONSE};
static const struct rules_context in_trailers = {.map = EXTPROC_MAP_REQUEST_TRAILERS};
static const struct rules_context in_answer = {.map = EXTPROC_MAP_IMMEDIATE_RESPONSE};

static const struct extproc_header shown[] = {
    {EXTPROC_STR(":method"), EXTPROC_STR("GET")},
    {EXTPROC_STR(":path"), EXTPROC_STR("/")},
    {EXTPROC_STR("accept"), EXTPROC_STR("*/*")},
    {EXTPROC_STR("x-a"), EXTPROC_STR("1")},
};
enum { N_SHOWN = sizeof shown / sizeof *shown };

static struct arena arena;
static struct headers headers;
static struct headers_edit allowed; /* the edit that was asked for last */
static const struct rules *rules;

static void setup(void)
{
    arena_init(&arena, 16 * 1024);
    headers_init(&headers, shown, N_SHOWN);
    rules = &strict;
}

static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(rules, .init = setup, .fini = teardown);

static int ask(const struct rules_context *context, enum extproc_edit op, const char *name,
               const char *value)
{
    return rules_edit(rules, &headers, context, op, extproc_str_of(name), extproc_str_of(value),
                      &allowed);
}

static int set(const struct rules_context *context, const char *name, const char *value)
{
    return ask(context, EXTPROC_EDIT_SET, name, value);
}

/* ---- what is allowed where */

Test(rules, headers_can_be_edited_in_their_phase_in_every_mode)
{
    for (unsigned m = 0; m <= BODY_MODE_UNKNOWN; m++) {
        enum body_mode mode = (enum body_mode)m;
        unsigned both = MAY_EDIT_HEADERS | MAY_RESPOND;
        cr_assert_eq(rules_allow(PHASE_REQUEST_HEADERS, mode) & both, both);
        cr_assert_eq(rules_allow(PHASE_RESPONSE_HEADERS, mode) & both, both);
        cr_assert_eq(rules_allow(PHASE_REQUEST_TRAILERS, mode), MAY_EDIT_TRAILERS | MAY_RESPOND);
        cr_assert_eq(rules_allow(PHASE_RESPONSE_TRAILERS, mode), MAY_EDIT_TRAILERS);
    }
}

Test(rules, a_body_is_replaced_where_none_of_it_can_be_on_its_way)
{
    cr_assert(rules_allow(PHASE_REQUEST_HEADERS, BODY_MODE_NONE) & MAY_REPLACE_BODY);
    cr_assert(rules_allow(PHASE_RESPONSE_HEADERS, BODY_MODE_UNKNOWN) & MAY_REPLACE_BODY);
    cr_assert_not(rules_allow(PHASE_REQUEST_HEADERS, BODY_MODE_FULL_DUPLEX_STREAMED) &
                  MAY_REPLACE_BODY);
    cr_assert_not(rules_allow(PHASE_RESPONSE_HEADERS, BODY_MODE_GRPC) & MAY_REPLACE_BODY);
}

Test(rules, a_complete_body_comes_while_its_headers_are_held)
{
    cr_assert_eq(rules_allow(PHASE_REQUEST_BODY, BODY_MODE_BUFFERED),
                 MAY_EDIT_HEADERS | MAY_SET_BODY | MAY_RESPOND | MAY_CLEAR_ROUTE);
    cr_assert_eq(rules_allow(PHASE_RESPONSE_BODY, BODY_MODE_BUFFERED),
                 MAY_EDIT_HEADERS | MAY_SET_BODY | MAY_RESPOND);
}

Test(rules, after_the_first_part_of_a_body_comes_the_rest)
{
    cr_assert_not(rules_allow(PHASE_REQUEST_BODY, BODY_MODE_BUFFERED_PARTIAL) & MAY_SET_BODY);
    cr_assert_not(rules_allow(PHASE_RESPONSE_BODY, BODY_MODE_BUFFERED_PARTIAL) & MAY_SET_BODY);
}

Test(rules, chunks_come_after_their_headers_have_gone)
{
    static const enum body_mode streamed[] = {BODY_MODE_STREAMED, BODY_MODE_UNKNOWN,
                                              BODY_MODE_FULL_DUPLEX_STREAMED, BODY_MODE_GRPC};
    for (size_t i = 0; i < sizeof streamed / sizeof *streamed; i++) {
        cr_assert_eq(rules_allow(PHASE_REQUEST_BODY, streamed[i]), MAY_SET_BODY | MAY_RESPOND);
        cr_assert_eq(rules_allow(PHASE_RESPONSE_BODY, streamed[i]), MAY_SET_BODY);
    }
    cr_assert_eq(rules_allow(PHASE_REQUEST_BODY, BODY_MODE_NONE), 0);
}

/* ---- names and values */

Test(rules, names_are_tokens_with_a_colon_before_them_or_not)
{
    static const char *const good[] = {"x", "X-Upper", ":path", "!#$%&'*+-.^_`|~09"};
    static const char *const bad[] = {"",    ":",      "::x",      "a:b", "a b",
                                      "a\t", "a\r\nb", "\xc3\xa4", "(",   "a\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(rules_name_valid(extproc_str_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(rules_name_valid(extproc_str_of(bad[i])), "%s", bad[i]);
    cr_assert_not(rules_name_valid(EXTPROC_S("a\0b")));
    cr_assert_not(rules_name_valid(STR_ABSENT));
}

Test(rules, values_have_no_control_characters_but_tab)
{
    cr_assert(rules_value_valid(EXTPROC_S("")));
    cr_assert(rules_value_valid(EXTPROC_S("a\tb \xff\x80~")));
    cr_assert_not(rules_value_valid(EXTPROC_S(" a")), "blanks around a value are not of it");
    cr_assert_not(rules_value_valid(EXTPROC_S("a\t")));
    cr_assert_not(rules_value_valid(EXTPROC_S("\t")));
    cr_assert_not(rules_value_valid(EXTPROC_S("a\0")));
    cr_assert_not(rules_value_valid(EXTPROC_S("a\r\nx: y")));
    cr_assert_not(rules_value_valid(EXTPROC_S("\x1b")));
    cr_assert_not(rules_value_valid(EXTPROC_S("\x7f")));
    cr_assert_not(rules_value_valid(STR_ABSENT));
}

Test(rules, an_edit_that_is_not_http_is_invalid)
{
    cr_assert_eq(set(&in_request, "", "v"), -EINVAL);
    cr_assert_eq(set(&in_request, NULL, "v"), -EINVAL);
    cr_assert_eq(set(&in_request, "x-a", "a\nb"), -EINVAL);
    cr_assert_eq(set(&in_request, "x-a", NULL), -EINVAL);
    cr_assert_eq(ask(&in_request, (enum extproc_edit)77, "x-a", "v"), -EINVAL);
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_REMOVE, "x a", NULL), -EINVAL);
}

/* ---- who may edit what */

Test(rules, ordinary_headers_may_be_edited_whatever_their_case)
{
    cr_assert_eq(set(&in_request, "X-Any", "v"), 0);
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_APPEND, "cookie", "v"), 0);
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_REMOVE, "x-any", NULL), 0);
    cr_assert_eq(ask(&in_trailers, EXTPROC_EDIT_IF_ABSENT, "x-checksum", "v"), 0);
    cr_assert_eq(set(&in_request, "x-ownage", "v"), 0);
}

Test(rules, what_the_proxy_or_the_host_owns_is_refused_in_every_way)
{
    static const char *const owned[] = {"host",           "Host",           "x-own-retry",
                                        "X-Own-Anything", "content-length", "Transfer-Encoding"};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        for (unsigned op = 0; op <= EXTPROC_EDIT_REMOVE; op++) {
            cr_assert_eq(ask(&in_request, (enum extproc_edit)op, owned[i], "1"), -EPERM);
            cr_assert_eq(ask(&in_response, (enum extproc_edit)op, owned[i], "1"), -EPERM);
            cr_assert_eq(ask(&in_trailers, (enum extproc_edit)op, owned[i], "1"), -EPERM);
        }
    }
}

Test(rules, what_belongs_to_a_connection_may_only_go)
{
    static const char *const hop[] = {"Connection", "keep-alive", "proxy-connection", "upgrade"};
    for (size_t i = 0; i < sizeof hop / sizeof *hop; i++) {
        cr_assert_eq(set(&in_request, hop[i], "x"), -EPERM);
        cr_assert_eq(ask(&in_request, EXTPROC_EDIT_APPEND, hop[i], "x"), -EPERM);
        cr_assert_eq(ask(&in_request, EXTPROC_EDIT_REMOVE, hop[i], NULL), 0);
    }
}

Test(rules, a_request_may_have_another_path)
{
    cr_assert_eq(set(&in_request, ":path", "/other?a=b"), 0);
    cr_assert_eq(set(&in_request, ":Path", "*"), 0);
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_IF_PRESENT, ":path", "/"), 0);
    cr_assert_eq(set(&in_request, ":path", ""), -EINVAL);
    cr_assert_eq(set(&in_request, ":path", "other"), -EINVAL);
    cr_assert_eq(set(&in_request, ":path", "/a HTTP/1.1"), -EINVAL);
    cr_assert_eq(set(&in_request, ":path", "/a\tb"), -EINVAL);
    cr_assert_eq(set(&in_response, ":path", "/"), -EPERM);
}

Test(rules, a_response_may_have_another_final_status)
{
    cr_assert_eq(set(&in_response, ":status", "200"), 0);
    cr_assert_eq(set(&in_response, ":status", "599"), 0);
    static const char *const bad[] = {"", "100", "600", "20", "2000", "2x0", "20x", "abc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(set(&in_response, ":status", bad[i]), -EINVAL, "%s", bad[i]);
    cr_assert_eq(set(&in_request, ":status", "200"), -EPERM);
}

Test(rules, the_method_may_change_with_the_body_only)
{
    cr_assert_eq(set(&in_request, ":method", "POST"), -EPERM);
    cr_assert_eq(set(&in_replaced, ":method", "POST"), 0);
    cr_assert_eq(set(&in_replaced, ":method", "PO ST"), -EINVAL);
    cr_assert_eq(ask(&in_replaced, EXTPROC_EDIT_APPEND, ":method", "POST"), -EPERM);
    cr_assert_eq(set(&in_response, ":method", "POST"), -EPERM);
}

Test(rules, a_pseudo_header_has_one_value_and_stays)
{
    static const char *const names[] = {":path", ":method", ":authority", "host", ":scheme"};
    rules = &rules_of_http;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(ask(&in_request, EXTPROC_EDIT_REMOVE, names[i], NULL), -EPERM);
        cr_assert_eq(ask(&in_request, EXTPROC_EDIT_APPEND, names[i], "/b"), -EPERM);
    }
    headers_init(&headers, NULL, 0); /* it may be hidden */
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_APPEND, ":path", "/b"), -EPERM);
    cr_assert_eq(ask(&in_request, EXTPROC_EDIT_IF_ABSENT, ":path", "/b"), 0);
}

Test(rules, other_pseudo_headers_are_not_for_plugins)
{
    static const char *const other[] = {":protocol", ":x", ":status"};
    rules = &rules_of_http;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        cr_assert_eq(set(&in_replaced, other[i], "200"), -EPERM);
    static const char *const requests[] = {":authority", ":scheme", ":method", ":path"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        cr_assert_eq(set(&in_response, requests[i], "x"), -EPERM);
}

/* ---- what the proxy allows */

Test(rules, routing_may_change_where_the_proxy_lets_it)
{
    static const struct {
        const char *name, *value;
        int r;
    } cases[] = {
        {"host", "new.test", 0},
        {"Host", "new.test:8080", 0},
        {":authority", "[2001:db8::1]:443", 0},
        {":authority", "192.0.2.1", 0},
        {":authority", "", -EINVAL},
        {"host", "a b", -EINVAL},
        {"host", "a/b", -EINVAL},
        {"host", "user@a.test", -EINVAL},
        {"host", ":80", -EINVAL},
        {"host", "a.test:", -EINVAL},
        {"host", "a.test:http", -EINVAL},
        {"host", "[::1", -EINVAL},
        {"host", "[::1]x", -EINVAL},
        {"host", "\xc3\xa4.test", -EINVAL},
        {":scheme", "https", 0},
        {":scheme", "ftp", -EINVAL},
        {":method", "PUT", 0},
        {":method", "P T", -EINVAL},
        {"x-own-any", "1", 0},
    };
    rules = &rules_of_http;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(set(&in_request, cases[i].name, cases[i].value), cases[i].r, "%s: %s",
                     cases[i].name, cases[i].value);
}

Test(rules, a_method_does_not_change_how_the_response_is_framed)
{
    static const struct {
        const char *from, *to;
        int r;
    } cases[] = {
        {"GET", "POST", 0},       {"POST", "GET", 0},          {"GET", "HEAD", -EPROTO},
        {"HEAD", "GET", -EPROTO}, {"GET", "CONNECT", -EPROTO}, {"HEAD", "HEAD", 0},
    };
    rules = &rules_of_http;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct rules_context context = {
            .request = request_kind_of_method(extproc_str_of(cases[i].from))};
        cr_expect_eq(set(&context, ":method", cases[i].to), cases[i].r, "%s to %s", cases[i].from,
                     cases[i].to);
    }
}

Test(rules, outside_a_request_host_is_an_ordinary_header)
{
    rules = &rules_of_http;
    cr_assert_eq(set(&in_response, "host", "any thing"), 0);
    cr_assert_eq(ask(&in_response, EXTPROC_EDIT_APPEND, "host", "x"), 0);
    cr_assert_eq(ask(&in_response, EXTPROC_EDIT_REMOVE, "host", NULL), -EPERM);
    cr_assert_eq(set(&in_trailers, "host", "x"), -EPERM, "RFC 9110, 6.5.1");
}

static void expect_refusal(const struct rules_context *context, enum extproc_edit op,
                           const char *name, const char *why, bool remedied)
{
    struct rules_refusal r = rules_refusal(rules, context, op, extproc_str_of(name));
    cr_expect(lines_match(r.why ? r.why : "", why), "%s: %s", name, r.why);
    cr_expect_eq(r.remedied, remedied, "%s", name);
}

Test(rules, a_refusal_says_why_and_what_would_change_it)
{
    expect_refusal(&in_request, EXTPROC_EDIT_SET, "Host", "unlock routing", true);
    expect_refusal(&in_request, EXTPROC_EDIT_SET, "x-own-a", "unlock its own", true);
    expect_refusal(&in_replaced, EXTPROC_EDIT_SET, ":method", "", false);
    expect_refusal(&in_request, EXTPROC_EDIT_SET, "x-a", "", false);
    expect_refusal(&in_request, EXTPROC_EDIT_SET, "content-length", "~length of the body", false);
    expect_refusal(&in_request, EXTPROC_EDIT_SET, "upgrade", "~connection", false);
    expect_refusal(&in_request, EXTPROC_EDIT_REMOVE, "host", "~not removed", false);
    expect_refusal(&in_trailers, EXTPROC_EDIT_SET, ":path", "not a header~", false);
}

Test(rules, trailers_have_no_pseudo_headers)
{
    struct rules_context of_response = {.map = EXTPROC_MAP_RESPONSE_TRAILERS};
    cr_assert_eq(set(&in_trailers, ":path", "/"), -EPERM);
    cr_assert_eq(set(&of_response, ":status", "200"), -EPERM);
    cr_assert_eq(set(&of_response, "grpc-status", "5"), 0);
}

Test(rules, an_edit_to_come_is_judged_without_a_map)
{
    static const struct {
        const struct rules_context *context;
        enum extproc_edit op;
        const char *name, *value;
        int r;
    } cases[] = {
        {&in_request, EXTPROC_EDIT_SET, "x-a", NULL, 0},
        {&in_request, EXTPROC_EDIT_SET, ":path", NULL, 0},
        {&in_request, EXTPROC_EDIT_SET, ":path", "/a?b", 0},
        {&in_request, EXTPROC_EDIT_SET, ":path", "a", -EINVAL},
        {&in_request, EXTPROC_EDIT_SET, ":path", "/a b", -EINVAL},
        {&in_response, EXTPROC_EDIT_SET, ":status", "99", -EINVAL},
        {&in_request, EXTPROC_EDIT_SET, ":method", NULL, -EPERM},
        {&in_replaced, EXTPROC_EDIT_SET, ":method", NULL, 0},
        {&in_request, EXTPROC_EDIT_REMOVE, ":path", NULL, -EPERM},
        {&in_request, EXTPROC_EDIT_SET, ":status", NULL, -EPERM},
        {&in_response, EXTPROC_EDIT_SET, ":status", NULL, 0},
        {&in_trailers, EXTPROC_EDIT_SET, ":path", NULL, -EPERM},
        {&in_request, EXTPROC_EDIT_REMOVE, "host", NULL, -EPERM},
        {&in_request, EXTPROC_EDIT_APPEND, "upgrade", NULL, -EPERM},
        {&in_request, EXTPROC_EDIT_REMOVE, "upgrade", "a\nb", 0},
        {&in_request, EXTPROC_EDIT_SET, "x a", NULL, -EINVAL},
        {&in_request, EXTPROC_EDIT_SET, "x-a", "a\nb", -EINVAL},
        {&in_request, (enum extproc_edit)99, "x-a", NULL, -EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(rules_could_edit(rules, cases[i].context, cases[i].op,
                                      extproc_str_of(cases[i].name),
                                      extproc_str_of(cases[i].value)),
                     cases[i].r, "case %zu", i);
}

/* ---- an edit to come, and the edit ----------------------------------------------------------- */

static const char *const names_to_come[] = {
    "x-a",        "x-own-b", "host",    ":authority", ":scheme",        ":method",
    ":path",      ":other",  ":status", "accept",     "content-length", "transfer-encoding",
    "connection", "upgrade", "x a",     "",
};
static char long_value[MAX_BYTES + 1];
static const char *const values_to_come[] = {
    "",      "a",     "/",   "/p?q=%20", "/a b",    "/a#b", "/\xc3\xa4",
    "*",     "GET",   "PUT", "HEAD",     "CONNECT", "G T",  "http",
    "https", "HTTP",  "200", "204",      "304",     "100",  "600",
    "2000",  "a.b:1", "u@a", "[::1]:80", " a",      "a\n",  long_value,
};
enum {
    N_NAMES_TO_COME = sizeof names_to_come / sizeof *names_to_come,
    N_VALUES_TO_COME = sizeof values_to_come / sizeof *values_to_come
};

/* A message that has this header, or one that has not; the edit must change it. */
static bool can_edit_message(const struct rules_context *context, enum extproc_edit op,
                             struct extproc_str name, struct extproc_str value, bool has_it)
{
    struct request_kind kind = request_kind_of_method(value);
    if ((kind.head && context->request.head) || (kind.connect && context->request.connect))
        return false;
    struct extproc_header there[] = {{EXTPROC_S("x-b"), EXTPROC_S("1")}, {name, EXTPROC_S("200")}};
    if ((op == EXTPROC_EDIT_IF_ABSENT && has_it) || (op == EXTPROC_EDIT_IF_PRESENT && !has_it))
        return false;
    headers_init(&headers, there, has_it ? 2 : 1);
    return rules_edit(rules, &headers, context, op, name, value, &allowed) == 0;
}

/* In whatever message of this map. */
static bool can_edit(enum extproc_map map, enum extproc_edit op, struct extproc_str name,
                     struct extproc_str value)
{
    static const struct request_kind requests[] = {
        {.known = true}, {.known = true, .head = true}, {.known = true, .connect = true}};
    bool can = false;
    for (unsigned bits = 0; bits < 24; bits++) {
        const struct rules_context context = {.map = map,
                                              .replacing = bits & 1,
                                              .body_follows = bits & 2,
                                              .request = requests[bits >> 3]};
        can = can || can_edit_message(&context, op, name, value, bits & 4);
    }
    return can;
}

static void expect_judged_as_made(enum extproc_map map, enum extproc_edit op, const char *text)
{
    const struct rules_context context = {.map = map, .replacing = true};
    struct extproc_str name = extproc_str_of(text);
    bool removes = op == EXTPROC_EDIT_REMOVE, any = false;
    for (size_t i = 0; i < N_VALUES_TO_COME; i++) {
        struct extproc_str value = removes ? STR_ABSENT : extproc_str_of(values_to_come[i]);
        bool can = can_edit(map, op, name, value);
        cr_expect_eq(rules_could_edit(rules, &context, op, name, value) == 0, can,
                     "map %d, edit %d, \"%s\": \"%.20s\" can%s", map, op, text, values_to_come[i],
                     can ? "" : "not");
        any = any || can;
    }
    cr_expect_eq(rules_could_edit(rules, &context, op, name, STR_ABSENT) == 0, any,
                 "map %d, edit %d, \"%s\", a value to come", map, op, text);
}

Test(rules, an_edit_to_come_is_accepted_exactly_if_some_message_takes_it)
{
    const struct rules *both[] = {&strict, &rules_of_http};
    memset(long_value, 'v', sizeof long_value - 1);
    for (size_t r = 0; r < 2; r++) {
        rules = both[r];
        for (enum extproc_map map = 0; map < EXTPROC_MAP_IMMEDIATE_RESPONSE; map++) {
            for (enum extproc_edit op = 0; op <= EXTPROC_EDIT_REMOVE; op++) {
                for (size_t i = 0; i < N_NAMES_TO_COME; i++)
                    expect_judged_as_made(map, op, names_to_come[i]);
            }
        }
    }
}

static int answer(struct extproc_str name, struct extproc_str value)
{
    return rules_could_edit(rules, &in_answer, EXTPROC_EDIT_APPEND, name, value);
}

Test(rules, an_answer_of_our_own_has_ordinary_headers)
{
    cr_assert_eq(answer(EXTPROC_S("Set-Cookie"), EXTPROC_S("a=1")), 0);
    cr_assert_eq(answer(EXTPROC_S("location"), EXTPROC_S("")), 0);
    cr_assert_eq(answer(EXTPROC_S("location"), STR_ABSENT), 0);
    cr_assert_eq(answer(EXTPROC_S(":status"), EXTPROC_S("200")), -EPERM);
    cr_assert_eq(answer(EXTPROC_S("content-length"), EXTPROC_S("3")), -EPERM);
    cr_assert_eq(answer(EXTPROC_S("connection"), EXTPROC_S("close")), -EPERM);
    cr_assert_eq(answer(EXTPROC_S("x-own-y"), EXTPROC_S("z")), -EPERM);
    cr_assert_eq(answer(EXTPROC_S(""), EXTPROC_S("z")), -EINVAL);
    cr_assert_eq(answer(EXTPROC_S("x"), EXTPROC_S("a\rb")), -EINVAL);
    memset(long_value, 'v', sizeof long_value - 1);
    cr_assert_eq(answer(EXTPROC_S("x"), extproc_str_of(long_value)), -ENOSPC);
}

/* ---- limits */

/* Asks, and edits where there is no objection. */
static int edit(enum extproc_edit op, const char *name, const char *value)
{
    int r = ask(&in_request, op, name, value);
    if (r == 0)
        cr_assert_eq(headers_apply(&headers, &arena, &allowed), 0);
    return r;
}

/* How many of x-0, x-1, ... go through. */
static int edit_many(enum extproc_edit op)
{
    char name[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "x-%d", i);
        if (edit(op, name, "v") != 0)
            return i;
    }
    return 1000;
}

Test(rules, an_answer_has_a_hundred_removes)
{
    cr_assert_eq(edit_many(EXTPROC_EDIT_REMOVE), MAX_EDITS);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x-more", NULL), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x-7", NULL), 0, "removed before");
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "x-7", "v"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x-more", NULL), 0, "x-7 is no remove any more");
}

Test(rules, an_answer_has_a_hundred_sets)
{
    for (int i = 0; i < MAX_EDITS; i++)
        cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "v"), 0, "joined: no entry more");
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "v"), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-a", "v"), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "accept", "v"), 0, "a hundred become one");
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-a", "v"), 0);
}

Test(rules, a_map_has_a_hundred_entries)
{
    cr_assert_eq(edit_many(EXTPROC_EDIT_SET), MAX_ENTRIES - N_SHOWN);
    cr_assert_eq(edit(EXTPROC_EDIT_IF_ABSENT, "x-more", "v"), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_IF_ABSENT, "x-a", "v"), 0, "does nothing");
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-a", "v"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x-a", NULL), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-more", "v"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-more-yet", "v"), -ENOSPC);
}

Test(rules, a_map_has_sixty_kib)
{
    static char big[MAX_BYTES];
    struct headers_sum sum;
    headers_sum(&headers, &sum);
    size_t room = MAX_BYTES - sum.bytes - headers_entry_bytes(strlen("x-big"), 0);
    memset(big, 'v', sizeof big);
    big[room + 1] = 0;
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-big", big), -ENOSPC);
    big[room] = 0;
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-big", big), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "v"), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", ""), 0, "joins without a comma");
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-big", "v"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "v"), 0);
}

Test(rules, a_proxy_with_larger_limits_is_not_made_worse)
{
    static struct extproc_header many[MAX_ENTRIES + 20];
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = (struct extproc_header){EXTPROC_STR("x-many"), EXTPROC_STR("v")};
    many[0].name = EXTPROC_S("x-one");
    headers_init(&headers, many, sizeof many / sizeof *many);

    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-one", "other"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-two", "v"), -ENOSPC);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x-one", NULL), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-two", "v"), -ENOSPC, "it is above the limit still");
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-many", "v"), 0);
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "x-two", "v"), 0);
}
