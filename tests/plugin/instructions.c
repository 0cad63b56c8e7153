/* instructions: a message that says itself what becomes of it. */
#include "plugin.h"

#define POST ":method: POST\n:path: /\nx-bye: 1\ncontent-type: text/html\ncontent-length: 3\n"
#define OK   ":status: 200\nx-bye: 1\ncontent-type: text/html\ncontent-length: 3\n"

/* ---- in every way ---------------------------------------------------------------------------- */

#define EVERYTHING                                                                                 \
    "instructions: {\"addHeaders\": {\"x-a\": \"1\"}, \"removeHeaders\": [\"x-bye\"], "            \
    "\"setBody\": \"new\"}"

static void expect_everything(struct kit_call *c, enum lane lane, enum extproc_map map)
{
    kit_expect_header(c, map, "x-a", "1");
    kit_expect_header(c, map, "x-bye", NULL);
    kit_expect_header(c, map, "content-type", "text/plain");
    kit_expect_body(c, lane, "new");
}

static void everything(struct kit_call *c, void *arg)
{
    kit_request(c, POST EVERYTHING, "abc", NULL);
    kit_response(c, OK EVERYTHING, "def", NULL);
    kit_expect_going(c);
    expect_everything(c, LANE_REQUEST, EXTPROC_MAP_REQUEST);
    expect_everything(c, LANE_RESPONSE, EXTPROC_MAP_RESPONSE);
}

Test(instructions, both_directions_in_every_way)
{
    struct kit *k = PLUGIN_KIT("instructions", "");
    kit_every_way(k, 0, everything, NULL);
    kit_free(k);
}

#define TRAILERS "instructions: {\"setTrailers\": {\"x-t\": \"1\", \"x-end\": \"new\"}}"

static void trailers(struct kit_call *c, void *arg)
{
    kit_request(c, POST TRAILERS, "abc", "x-end: old");
    kit_response(c, OK TRAILERS, "def", "x-end: old");
    kit_expect_going(c);
    for (int response = 0; response < 2; response++) {
        enum extproc_map map =
            response ? EXTPROC_MAP_RESPONSE_TRAILERS : EXTPROC_MAP_REQUEST_TRAILERS;
        kit_expect_header(c, map, "x-t", "1");
        kit_expect_header(c, map, "x-end", "new");
    }
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
}

Test(instructions, trailers_in_every_way)
{
    struct kit *k = PLUGIN_KIT("instructions", "");
    kit_every_way(k, 0, trailers, NULL);
    kit_free(k);
}

static void any(struct kit_call *c, void *arg)
{
    kit_request(c, POST TRAILERS, "abc", "x-end: old");
    kit_response(c, OK EVERYTHING, "def", NULL);
}

Test(instructions, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = PLUGIN_KIT("instructions", "strip = yes");
    kit_every_failure(k, &(struct kit_how){0}, any, NULL);
    kit_free(k);
}

/* ---- one request ----------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

static void request(const char *ini, const char *headers)
{
    k = kit_of_ini(ini);
    c = kit_call(k, &(struct kit_how){0});
    kit_request(c, headers, "abc", NULL);
}
static void done(void)
{
    kit_end(c);
    kit_free(k);
}
#define REQUEST(json) request(PLUGIN_INI("instructions", ""), POST "instructions: " json)

static void expect_untouched(void)
{
    kit_expect_unchanged(c);
    kit_expect_body(c, LANE_REQUEST, "abc");
}

Test(instructions, without_the_header_nothing_happens)
{
    request(PLUGIN_INI("instructions", "strip = yes"), POST);
    expect_untouched();
    done();
}

Test(instructions, an_empty_header_says_nothing)
{
    REQUEST("");
    expect_untouched();
    done();
}

Test(instructions, keys_match_whatever_their_case_and_others_are_ignored)
{
    REQUEST(
        "{\"ADDheaders\": {\"x-a\": \"1\"}, \"addHeaderz\": 7, \"removeheaders\": [\"x-bye\"]}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-bye", NULL);
    done();
}

Test(instructions, of_several_headers_the_first_counts)
{
    REQUEST("{\"addHeaders\": {\"x-a\": \"1\"}}\ninstructions: {\"addHeaders\": {\"x-a\": \"2\"}}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    done();
}

Test(instructions, of_equal_keys_the_last_counts)
{
    REQUEST("{\"setBody\": \"one\", \"setBody\": \"two\"}");
    kit_expect_body(c, LANE_REQUEST, "two");
    done();
}

Test(instructions, removes_come_before_sets_and_sets_take_the_place_of_values)
{
    REQUEST("{\"addHeaders\": {\"x-bye\": \"new\"}, \"removeHeaders\": [\"X-Bye\", \"x-none\"]}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-bye", "new");
    done();
}

Test(instructions, a_new_body_may_have_another_type)
{
    REQUEST("{\"addHeaders\": {\"content-type\": \"a/b\"}, \"setBody\": \"new\"}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-type", "a/b");
    kit_expect_body(c, LANE_REQUEST, "new");
    done();
}

Test(instructions, an_empty_body_is_ignored)
{
    REQUEST("{\"setBody\": \"\"}");
    expect_untouched();
    done();
}

Test(instructions, a_body_where_there_was_none)
{
    k = PLUGIN_KIT("instructions", "");
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /\ninstructions: {\"setBody\": \"new\"}",
                true);
    kit_expect_body(c, LANE_REQUEST, "new");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-type", "text/plain");
    done();
}

Test(instructions, any_text_is_a_body)
{
    REQUEST("{\"setBody\": \"\\u00fc\\u0000\\n\xc3\xbc\"}");
    cr_expect(extproc_eq(kit_body_so_far(c, LANE_REQUEST), EXTPROC_S("\xc3\xbc\0\n\xc3\xbc")));
    done();
}

Test(instructions, a_large_body)
{
    enum { LEN = 50 * 1000 };
    char *headers = malloc(LEN + 200),
         *end = stpcpy(headers, POST "instructions: {\"setBody\": \"");
    memset(end, 'x', LEN);
    strcpy(end + LEN, "\"}");
    request(PLUGIN_INI("instructions", ""), headers);
    cr_expect_eq(kit_body_len(c, LANE_REQUEST), LEN);
    free(headers);
    done();
}

Test(instructions, header_values_beyond_ascii)
{
    REQUEST("{\"addHeaders\": {\"x-a\": \"\\u00fc\"}}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "\xc3\xbc");
    done();
}

Test(instructions, what_the_proxy_would_ignore_is_omitted_and_reported)
{
    REQUEST("{\"addHeaders\": {\"host\": \"x\", \"x-a\": \"1\"}, \"removeHeaders\": [\":path\"]}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "host", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, ":path", "/");
    kit_expect_log(
        c, "not changed: extproc_header_set(\"host\"): the proxy would ignore it (to allow it, set "
           "mutation_rules = all_routing in the listener's section");
    kit_expect_log(
        c, "not changed: extproc_header_remove(\":path\"): not allowed: it can be overwritten");
    done();
}

Test(instructions, what_exceeds_the_proxys_limits_is_omitted_and_reported)
{
    char headers[4096],
        *end = stpcpy(headers, POST "instructions: {\"addHeaders\": {\"x-0\": \"0\"");
    for (int i = 1; i < 101; i++)
        end += sprintf(end, ", \"x-%d\": \"0\"", i);
    strcpy(end, "}}");
    request(PLUGIN_INI("instructions", ""), headers);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-0", "0");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-100", NULL);
    kit_expect_log(c, "not changed: extproc_header_set(\"x-100\"): more than the proxy takes");
    done();
}

/* ---- keys ------------------------------------------------------------------------------------ */

Test(instructions, another_header)
{
    request(PLUGIN_INI("instructions", "header = X-Do"),
            POST "x-do: {\"addHeaders\": {\"x-a\": \"1\"}}\ninstructions: bad");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    done();
}

Test(instructions, strip_removes_the_header_whatever_it_says)
{
    static const char *const values[] = {"", "{}", "bad", "{\"addHeaders\": {\"x-a\": \"1\"}}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        k = PLUGIN_KIT("instructions", "strip = yes\ninvalid = ignore");
        c = kit_call(k, &(struct kit_how){0});
        char headers[256];
        snprintf(headers, sizeof headers, POST "instructions: %s", values[i]);
        kit_request(c, headers, NULL, NULL);
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "instructions", NULL);
        done();
    }
}

Test(instructions, without_strip_the_header_goes_on)
{
    REQUEST("{}");
    expect_untouched();
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "instructions", "{}");
    done();
}

Test(instructions, what_it_does_not_take)
{
    PLUGIN_REFUSED("instructions", "header = a b",
                   "test.ini:3: [plugin:p] header: ~invalid header name~");
    PLUGIN_REFUSED("instructions", "invalid = no",
                   "test.ini:3: [plugin:p] invalid: ~\"no\"~respond, ignore");
}

/* ---- what is invalid ------------------------------------------------------------------------- */

#define BEFORE "\"addHeaders\": {\"x-a\": \"1\"}, \"setBody\": \"new\", "

static const struct {
    const char *json, *wrong;
} invalid[] = {
    {"hello", "invalid token near 'hello'"},
    {"{\"setBody\": \"new\"", "'}' expected near end of file"},
    {"{} {}", "end of file expected near '{'"},
    {"{\"setBody\": \"\xff\"}", "unable to decode byte 0xff near '\"'"},
    {"null", "not a JSON object"},
    {"[]", "not a JSON object"},
    {"{" BEFORE "\"removeHeaders\": {}}", "removeHeaders: not a list: [name]"},
    {"{" BEFORE "\"removeHeaders\": null}", "removeHeaders: not a list: [name]"},
    {"{" BEFORE "\"removeHeaders\": [\"x-bye\", 7]}", "removeHeaders: a name is not a string"},
    {"{" BEFORE "\"removeHeaders\": [\"x bye\"]}", "removeHeaders: a name is not valid in HTTP"},
    {"{" BEFORE "\"ADDHEADERS\": []}", "addHeaders: not an object: {name: value}"},
    {"{" BEFORE "\"AddHeaders\": {\"x-b\": 7}}", "addHeaders: a value is not a string"},
    {"{" BEFORE "\"AddHeaders\": {\"\": \"1\"}}",
     "addHeaders: a name or a value is not valid in HTTP"},
    {"{" BEFORE "\"setTrailers\": {\"x-b\": \"a\\nb\"}}",
     "setTrailers: a name or a value is not valid in HTTP"},
    {"{" BEFORE "\"setTrailers\": {\"x-b\": \"a\\u0000b\"}}",
     "setTrailers: a name or a value is not valid in HTTP"},
    {"{" BEFORE "\"setbody\": 7}", "setBody: not a string"},
};

/* A request, or a response, with the i-th of them. */
static void send_invalid(const char *ini, size_t i, enum lane lane)
{
    char headers[256], body[256];
    k = kit_of_ini(ini);
    c = kit_call(k, &(struct kit_how){0});
    snprintf(headers, sizeof headers, "%sinstructions: %s", lane == LANE_REQUEST ? POST : OK,
             invalid[i].json);
    kit_send_message(KIT_HERE(c), lane, headers, "abc", NULL);
    snprintf(body, sizeof body, "header instructions: %s", invalid[i].wrong);
    kit_expect_log(c, body);
}

Test(instructions, what_is_invalid_is_answered_with_400)
{
    char body[256];
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        send_invalid(PLUGIN_INI("instructions", ""), i, LANE_REQUEST);
        snprintf(body, sizeof body, "header instructions: %s\n", invalid[i].wrong);
        kit_expect_immediate(c, 400, body, "p");
        done();
        send_invalid(PLUGIN_INI("instructions", ""), i, LANE_RESPONSE);
        kit_expect_immediate(c, 400, body, "p");
        done();
    }
}

Test(instructions, what_is_invalid_may_be_ignored_altogether)
{
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        send_invalid(PLUGIN_INI("instructions", "invalid = ignore"), i, LANE_REQUEST);
        expect_untouched();
        done();
    }
}

/* ---- bodies that are not text ---------------------------------------------------------------- */

#define GZIP "content-encoding: gzip\netag: \"v1\"\ncontent-length: 3\n"
#define SET  "instructions: {\"setBody\": \"new\", \"addHeaders\": {\"x-a\": \"1\"}}"

static void left(struct kit_call *call, void *arg)
{
    kit_request(call, ":method: POST\n:path: /\n" GZIP SET, "abc", NULL);
    kit_response(call, ":status: 206\n" GZIP SET, "def", NULL);
    kit_expect_body(call, LANE_REQUEST, "abc");
    kit_expect_body(call, LANE_RESPONSE, "def");
    for (int response = 0; response < 2; response++) {
        enum extproc_map map = response ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST;
        kit_expect_header(call, map, "x-a", "1");
        kit_expect_header(call, map, "content-type", NULL);
        kit_expect_header(call, map, "content-encoding", "gzip");
        kit_expect_header(call, map, "etag", "\"v1\"");
    }
}

Test(instructions, encoded_and_partial_bodies_are_left_in_every_way)
{
    k = PLUGIN_KIT("instructions", "");
    kit_every_way(k, 0, left, NULL);
    cr_expect(strstr(kit_log(k), "setBody: request body not changed: it is encoded"));
    cr_expect(strstr(kit_log(k), "setBody: response body not changed: it is partial"));
    kit_free(k);
}

Test(instructions, an_encoded_body_fails_where_a_key_says_so)
{
    request(PLUGIN_INI("instructions", "encoded = fail"), ":method: POST\n:path: /\n" GZIP SET);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "setBody: request body not changed");
    done();
}

Test(instructions, an_encoded_body_is_replaced_where_a_key_says_so)
{
    request(PLUGIN_INI("instructions", "encoded = replace"), ":method: POST\n:path: /\n" GZIP SET);
    kit_expect_body(c, LANE_REQUEST, "new");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-encoding", NULL);
    done();
}

Test(instructions, an_encoding_that_is_removed_does_not_count)
{
    request(PLUGIN_INI("instructions", ""),
            ":method: POST\n:path: /\n" GZIP "instructions: {\"removeHeaders\": "
            "[\"content-encoding\"], \"setBody\": \"new\"}");
    kit_expect_body(c, LANE_REQUEST, "new");
    done();
}

/* ---- trailers that do not come --------------------------------------------------------------- */

/* why NULL: nothing is said of them. */
static void expect_no_trailers(const char *why)
{
    kit_end(c);
    cr_expect_eq(strstr(kit_log(k), why ? why : "setTrailers") != NULL, why != NULL, "%s",
                 kit_log(k));
    kit_free(k);
}

#define NOT_SENT "setTrailers: not done: the proxy sent no request trailers"

Test(instructions, trailers_that_do_not_come_are_reported)
{
    REQUEST("{\"setTrailers\": {\"x-t\": \"1\"}}");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    expect_no_trailers(NOT_SENT);
}

Test(instructions, after_a_new_body_there_are_none)
{
    request(PLUGIN_INI("instructions", ""),
            POST "instructions: {\"setBody\": \"new\", \"setTrailers\": {\"x-t\": \"1\"}}");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_no_log(c, NOT_SENT);
    expect_no_trailers("setTrailers: not done: setBody replaced the request body");
}

Test(instructions, trailers_that_came_are_not_reported)
{
    k = PLUGIN_KIT("instructions", "");
    c = kit_call(k, &(struct kit_how){0});
    trailers(c, NULL);
    expect_no_trailers(NULL);
}
