/* json: values found and edited in a body, held to what a library makes of it. */
#include "changes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD ":method: POST\n:path: /\ncontent-type: application/json"
enum { BUFFERED = 1 << BODY_MODE_BUFFERED };

static char ini[2048];

static struct kit *kit_for(const char *keys)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("json", "%s"), keys);
    return kit_of_ini(ini);
}

static struct kit_call *sent(struct kit *k, const char *body)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, HEAD "\nx-v: of the client", false);
    kit_body(c, LANE_REQUEST, body, true);
    return c;
}

/* ---- edits in every way ---------------------------------------------------------------------- */

#define IN_EVERY_WAY(...) CHANGES("json", BUFFERED, __VA_ARGS__)

Test(json, removes_what_a_path_names)
{
    IN_EVERY_WAY(
        {"remove = a", "{\"a\":1}", "{}"}, {"remove = a", "{\"a\":1,\"b\":2}", "{\"b\":2}"},
        {"remove = a", "{ \"b\" : 2 , \"a\" : 1 }", "{ \"b\" : 2 }"},
        {"remove = a.b", "{\"a\":{\"b\":{\"c\":[1,2]},\"d\":3}}", "{\"a\":{\"d\":3}}"},
        {"remove = a.1", "{\"a\":[1,2,3]}", "{\"a\":[1,3]}"},
        {"remove = a.*", "{\"a\":[1, 2, 3]}", "{\"a\":[]}"},
        {"remove = *.x", "[{\"x\":1,\"y\":2},{\"y\":3,\"x\":4},5]", "[{\"y\":2},{\"y\":3},5]"},
        {"remove = a\nremove = c", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2}"},
        {"remove = a", "{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2}"},
        {"remove = b", "{\"a\":1}", "{\"a\":1}"});
}

Test(json, sets_what_a_path_names_and_makes_what_is_missing)
{
    IN_EVERY_WAY(
        {"set = a: 2", "{\"a\":1}", "{\"a\":2}"},
        {"set = a: {\"b\": [1]}", "{\"a\" : null }", "{\"a\" : {\"b\": [1]} }"},
        {"set = b: \"x\"", "{\"a\":1}", "{\"a\":1,\"b\":\"x\"}"},
        {"set = a.b.c: 1", "{}", "{\"a\":{\"b\":{\"c\":1}}}"},
        {"set = a.b: 1\nset = a.c: 2", "{ }", "{ \"a\":{\"b\":1,\"c\":2}}"},
        {"set = a.b: 1\nset = a.c: 2", "{\"a\":{\"c\":0}}", "{\"a\":{\"c\":2,\"b\":1}}"},
        {"set = a.b: 1", "{\"a\":5}", "{\"a\":5}"}, {"set = a: 1", "[1]", "[1]"},
        {"set = *.x: 0", "{\"a\":{\"x\":1},\"b\":{}}", "{\"a\":{\"x\":0},\"b\":{\"x\":0}}"},
        {"set = a.*: 0", "{\"a\":[1,\"x\",{}]}", "{\"a\":[0,0,0]}"},
        {"set = a\\.b: 1", "{}", "{\"a.b\":1}"}, {"set = a\"b: 1", "{}", "{\"a\\u0022b\":1}"},
        {"set = a: 1\nremove = a", "{\"a\":0}", "{}"});
}

Test(json, masks_what_a_path_names)
{
    IN_EVERY_WAY({"mask = users.*.password",
                  "{\"users\":[{\"password\":\"a\\\"b\",\"n\":1},{\"password\":[1,{}]}]}",
                  "{\"users\":[{\"password\":\"***\",\"n\":1},{\"password\":\"***\"}]}"},
                 {"mask = a", "{\"a\":1,\"a\":2}", "{\"a\":\"***\",\"a\":\"***\"}"});
}

Test(json, all_other_bytes_stay)
{
#define REST                                                                                       \
    " 12345678901234567890123, -0.10e+05 ,1E400,\n\t\"\\u00e9\\/\\ud83d\\ude00\xc3\xa9\", "        \
    "true,null"
    IN_EVERY_WAY({"set = 0: 1", "[0," REST "]\r\n", "[1," REST "]\r\n"},
                 {"mask = b", "{\"z\":1.0,\"b\":2,\"a\":3}", "{\"z\":1.0,\"b\":\"***\",\"a\":3}"});
}

Test(json, names_are_compared_as_they_are_meant)
{
    IN_EVERY_WAY({"remove = a", "{\"\\u0061\":1,\"A\":2}", "{\"A\":2}"},
                 {"remove = \xf0\x9f\x98\x80", "{\"\\ud83d\\ude00\":1}", "{}"},
                 {"remove = a", "{\"a\\u0000\":1}", "{\"a\\u0000\":1}"});
}

/* ---- fields that become headers -------------------------------------------------------------- */

static void expect_header(const char *path, const char *body, const char *value)
{
    char keys[256];
    snprintf(keys, sizeof keys, "request.field_to_header = %s -> x-v", path);
    struct kit *k = kit_for(keys);
    struct kit_call *c = sent(k, body);
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-v", value);
    kit_expect_body(c, LANE_REQUEST, body);
    kit_end(c);
    kit_free(k);
}

Test(json, a_field_becomes_a_header)
{
    expect_header("model", "{\"model\":\"gpt\"}", "gpt");
    expect_header("a.b.1", "{\"a\":{\"b\":[0,{\"c\":1},2]}}", NULL);
    expect_header("a.b.1.c", "{\"a\":{\"b\":[0,{\"c\":1},2]}}", "1");
    expect_header("a", "{\"a\":12345678901234567890.50}", "12345678901234567890.50");
    expect_header("a", "{\"a\":true}", "true");
    expect_header("a", "{\"a\":null}", "null");
    expect_header("a", "{\"a\":\"\\u0041\\/\\ud83d\\ude00\"}", "A/\xf0\x9f\x98\x80");
    expect_header("a", "{\"a\":\"\"}", "");
}

Test(json, without_a_field_there_is_no_header)
{
    static const char *const bodies[] = {"{}",
                                         "{\"b\":1}",
                                         "{\"a\":{}}",
                                         "{\"a\":[1]}",
                                         "[\"a\"]",
                                         "\"a\"",
                                         "",
                                         "{\"a\":",
                                         "{\"a\":\"x",
                                         "{\"a\":tru}",
                                         "{a:1}",
                                         "not json",
                                         "{\"b\":{\"a\":1}}",
                                         "{\"a\":\"x\\n\"}",
                                         "{\"a\":\"\\u0000\"}",
                                         "{\"a\":\"\\ud800\"}",
                                         "{\"a\":\" x\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        expect_header("a", bodies[i], NULL);
}

Test(json, the_first_of_a_name_counts_and_nothing_after_it_is_read)
{
    expect_header("a", "{\"a\":1,\"a\":2}", "1");
    expect_header("a", "{\"a\":1, and so on", "1");
}

Test(json, the_route_is_chosen_again)
{
    struct kit *k = kit_for("request.field_to_header = a -> x-v\nclear_route = yes");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, HEAD "\nx-v: of the client", false);
    cr_expect(kit_answer(c)->request_headers->response->clear_route_cache);
    kit_body(c, LANE_REQUEST, "{\"a\":1}", true);
    cr_expect(kit_answer(c)->request_body->response->clear_route_cache);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-v", "1");
    kit_end(c);
    kit_free(k);
}

Test(json, a_request_without_a_body_has_no_header_of_the_client)
{
    struct kit *k = kit_for("request.field_to_header = a -> x-v");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /\nx-v: of the client", true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-v", NULL);
    kit_end(c);
    kit_free(k);
}

/* ---- against a library ----------------------------------------------------------------------- */

static uint32_t seed = 20261128;

static unsigned any(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static char *put(char *to, const char *text)
{
    return strcpy(to, text) + strlen(text);
}

static char *blank(char *to)
{
    return any(6) ? to : put(to, (const char *const[]){" ", "\n", "\t \r"}[any(3)]);
}

/* A random value; *to grows by it. Names of an object differ. */
static char *value(char *to, int depth)
{
    static const char *const scalars[] = {"0",    "-1.5",        "12e2",  "true",
                                          "null", "false",       "\"\"",  "\"a\\nb\"",
                                          "7",    "\"\\u00e9\"", "\"x\"", "[]"};
    static const char *const names[] = {"a", "b", "c", "d"};
    unsigned kind = depth > 3 ? 0 : any(3), n = any(4), first = any(4);
    if (kind == 0)
        return put(to, scalars[any(12)]);
    to = put(to, kind == 1 ? "[" : "{");
    for (unsigned i = 0; i < n; i++) {
        to = blank(i ? put(to, ",") : to);
        if (kind == 2)
            to += sprintf(to, "\"%s\"%s:", names[(first + i) % 4], any(2) ? " " : "");
        to = blank(value(blank(to), depth + 1));
    }
    return put(to, kind == 1 ? "]" : "}");
}

static char *document(char *text)
{
    *blank(value(blank(text), 0)) = '\0';
    return text;
}

/* A few bytes more, fewer, or others. */
static void damage(char *text)
{
    for (unsigned i = any(3); i-- > 0 && *text;) {
        size_t at = any((unsigned)strlen(text));
        if (any(2))
            text[at] = "{}[]\",:\\0e.-u t\x01\xc3"[any(17)];
        else
            memmove(text + at, text + at + 1, strlen(text + at));
    }
}

static bool library_takes(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    json_decref(root);
    return root || json_error_code(&error) == json_error_numeric_overflow;
}

Test(json, takes_for_json_what_the_library_takes)
{
    enum { ROUNDS = 4000 };
    struct kit *k = kit_for("request.mask = nowhere\ninvalid = fail");
    static char text[8192];
    int n_valid = 0;
    for (int i = 0; i < ROUNDS; i++) {
        damage(document(text));
        struct kit_call *c = sent(k, text);
        bool taken = !kit_is_over(c), valid = library_takes(text);
        n_valid += valid;
        cr_assert_eq(taken, valid, "%s", text);
        kit_end(c);
    }
    cr_expect(n_valid > ROUNDS / 4 && n_valid < ROUNDS * 3 / 4, "%d", n_valid);
    kit_free(k);
}

/* What the rules below make of a tree. */
static void edit(json_t *root)
{
    const char *name;
    json_t *member;
    void *next;
    size_t i;
    if (json_is_object(root)) {
        json_object_foreach_safe(root, next, name, member)
        {
            if (json_is_object(member) && json_object_get(member, "d"))
                json_object_set_new(member, "d", json_string("***"));
        }
        json_t *c = json_object_get(root, "c"), *a;
        json_object_del(c, "0");
        if (json_is_array(c))
            json_array_remove(c, 0);
        if (!json_object_get(root, "a"))
            json_object_set_new(root, "a", json_object());
        a = json_object_get(root, "a");
        if (json_is_object(a))
            json_object_set_new(a, "b", json_integer(77));
    } else if (json_is_array(root)) {
        json_array_foreach(root, i, member)
        {
            if (json_is_object(member) && json_object_get(member, "d"))
                json_object_set_new(member, "d", json_string("***"));
        }
    }
}

static char *dumped(json_t *root)
{
    return json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
}

Test(json, makes_of_a_body_what_the_library_makes_of_it)
{
    struct kit *k = kit_for("request.set = a.b: 77\nrequest.remove = c.0\nrequest.mask = *.d\n"
                            "request.field_to_header = b.a -> x-v");
    static char text[8192];
    for (int i = 0; i < 3000; i++) {
        struct kit_call *c = sent(k, document(text));
        json_t *root = json_loads(text, JSON_DECODE_ANY, NULL);
        json_t *found = json_object_get(json_object_get(root, "b"), "a");
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-v",
                          json_is_string(found) && !strchr(json_string_value(found), '\n')
                              ? json_string_value(found)
                          : json_is_integer(found) ? json_integer_value(found) ? "7" : "0"
                          : json_is_true(found)    ? "true"
                          : json_is_false(found)   ? "false"
                          : json_is_null(found)    ? "null"
                          : json_is_real(found)    ? (json_real_value(found) < 0 ? "-1.5" : "12e2")
                                                   : NULL);
        edit(root);
        struct extproc_str body = kit_body_so_far(c, LANE_REQUEST);
        json_t *made =
            json_loadb(body.ptr, body.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        char *expected = dumped(root), *is = made ? dumped(made) : strdup("not JSON");
        cr_assert_str_eq(is, expected, "of %s", text);
        free(expected);
        free(is);
        json_decref(made);
        json_decref(root);
        kit_end(c);
    }
    kit_free(k);
}

/* ---- hostile bodies -------------------------------------------------------------------------- */

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

Test(json, a_body_that_is_nested_too_deep_is_left_alone)
{
    struct kit *k = kit_for("request.mask = *.*.*");
    for (size_t depth = 255; depth <= 257; depth++) {
        char *text = nested(depth);
        struct kit_call *c = sent(k, text);
        kit_expect_going(c);
        bool changed = kit_body_len(c, LANE_REQUEST) != 2 * depth;
        cr_expect_eq(changed, depth < 257, "%zu", depth);
        kit_end(c);
        free(text);
    }
    char *deepest = nested(1000 * 1000);
    struct kit_call *c = sent(k, deepest);
    kit_expect_going(c);
    kit_expect_log(c, "request body not changed: not JSON, at byte 25");
    kit_end(c);
    free(deepest);
    kit_free(k);
}

Test(json, what_is_not_json_is_left_alone_or_fails)
{
    struct kit *k = kit_for("request.mask = a");
    struct kit_call *c = sent(k, "{\"a\":1");
    kit_expect_unchanged(c);
    kit_expect_log(c, "request body not changed: not JSON, at byte 7");
    kit_end(c);
    c = sent(k, "{\"a\":\"\xff\"}");
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
    k = kit_for("request.mask = a\ninvalid = fail");
    c = sent(k, "{\"a\":1}}");
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "request_body failed: not JSON, at byte 8");
    kit_end(c);
    kit_free(k);
}

Test(json, what_is_not_text_is_left_alone)
{
    struct kit *k = kit_for("request.mask = a\nrequest.field_to_header = a -> x-v");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, HEAD "\ncontent-encoding: gzip\nx-v: of the client", false);
    kit_body(c, LANE_REQUEST, "{\"a\":1}", true);
    kit_expect_unchanged(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-v", NULL);
    kit_end(c);
    kit_free(k);
}

Test(json, trailers_may_follow)
{
    struct kit *k = kit_for("request.mask = a");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_request(c, HEAD, "{\"a\":1}", "x-end: 1");
    kit_expect_body(c, LANE_REQUEST, "{\"a\":\"***\"}");
    kit_expect_header(c, EXTPROC_MAP_REQUEST_TRAILERS, "x-end", "1");
    kit_end(c);
    kit_free(k);
}

Test(json, a_body_in_pieces_fails)
{
    struct kit *k = kit_for("request.mask = a");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "{\"a\":", false);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "the plugin needs the request body before its headers go on");
    kit_end(c);
    kit_free(k);
}

static void edited(struct kit_call *c, void *arg)
{
    kit_request(c, HEAD, "{\"a\":{\"b\":\"x\"},\"c\":[1]}", NULL);
}

Test(json, exhausted_memory_ends_only_the_stream)
{
    struct kit_how how = {.request = BODY_MODE_BUFFERED};
    struct kit *k = kit_for("request.set = a.c: 1\nrequest.field_to_header = a.b -> x-v");
    kit_every_failure(k, &how, edited, NULL);
    kit_free(k);
}

/* ---- interest and refusals ------------------------------------------------------------------- */

Test(json, takes_part_where_its_keys_say)
{
    cr_expect_eq(plugin_interest(PLUGIN_INI("json", "response.mask = a")),
                 EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY);
}

Test(json, what_it_does_not_take)
{
    PLUGIN_REFUSED(
        "json",
        "request.field_to_header = a\nrequest.field_to_header = a -> x y\n"
        "request.set = a\nrequest.set = a: b\nrequest.set = a: {\"b\":1}}\n"
        "request.remove = a..b\nrequest.mask = .a\nrequest.mask = "
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q\nresponse.field_to_header = a -> content-length",
        "test.ini:3: [plugin:p] request.field_to_header: expected PATH -> HEADER",
        "test.ini:4: [plugin:p] request.field_to_header: ~space~",
        "test.ini:5: [plugin:p] request.set: expected PATH: JSON",
        "test.ini:6: [plugin:p] request.set: not JSON: b",
        "test.ini:7: [plugin:p] request.set: not JSON: {\"b\":1}}",
        "test.ini:8: [plugin:p] request.remove: invalid path \"a..b\"~",
        "test.ini:9: [plugin:p] request.mask: invalid path \".a\"~",
        "test.ini:10: [plugin:p] request.mask: invalid path ~1 to 16 names~",
        "test.ini:11: [plugin:p] response.field_to_header: ~content-length~");
    PLUGIN_REFUSED("json", "request.mask = a\nclear_route = yes",
                   "test.ini:4: [plugin:p] clear_route: has no effect without~");
}
