/* upper: ASCII letters of bodies, wherever a body is cut, with only the memory that a chunk
 * needs. */
#include "kit/alloc.h"
#include "plugin.h"

#include <stdlib.h>

#define UPPER(direction) PLUGIN_KIT("upper", "direction = " direction)

/* Letters, their neighbours in ASCII, and bytes that are not letters in it. */
#define MIXED    "az@[`{AZ09 \xc3\xa9 end"
#define CAPITALS "AZ@[`{AZ09 \xc3\xa9 END"

static void exchange(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\ncontent-length: 17", MIXED, NULL);
    kit_response(c, ":status: 200\ncontent-length: 17", MIXED, "x-end: 1");
    kit_expect_going(c);
}

static bool seen(const struct kit_call *c)
{
    return kit_how(c)->request != BODY_MODE_NONE;
}

static void expect_both(struct kit_call *c, void *arg)
{
    exchange(c, NULL);
    kit_expect_body(c, LANE_REQUEST, seen(c) ? CAPITALS : MIXED);
    kit_expect_body(c, LANE_RESPONSE, seen(c) ? CAPITALS : MIXED);
}

static void expect_response(struct kit_call *c, void *arg)
{
    exchange(c, NULL);
    kit_expect_body(c, LANE_REQUEST, MIXED);
    kit_expect_body(c, LANE_RESPONSE, seen(c) ? CAPITALS : MIXED);
}

static void expect_request(struct kit_call *c, void *arg)
{
    exchange(c, NULL);
    kit_expect_body(c, LANE_REQUEST, seen(c) ? CAPITALS : MIXED);
    kit_expect_body(c, LANE_RESPONSE, MIXED);
}

Test(upper, both_directions_in_every_way)
{
    struct kit *k = UPPER("both");
    kit_every_way(k, 0, expect_both, NULL);
    kit_free(k);
}

Test(upper, the_response_by_default)
{
    struct kit *k = PLUGIN_KIT("upper", "");
    kit_every_way(k, 0, expect_response, NULL);
    kit_free(k);
}

Test(upper, the_request_alone)
{
    struct kit *k = UPPER("request");
    kit_every_way(k, 0, expect_request, NULL);
    kit_free(k);
}

Test(upper, capitals_cost_no_mutation)
{
    struct kit *k = UPPER("request");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
    kit_body(c, LANE_REQUEST, "ABC 1", false);
    kit_expect_unchanged(c);
    kit_body(c, LANE_REQUEST, "", true);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
}

Test(upper, a_nul_is_a_byte_like_any_other)
{
    struct kit *k = UPPER("request");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
    kit_body_bytes(c, LANE_REQUEST, EXTPROC_S("a\0b"), true);
    cr_expect(extproc_eq(kit_body_so_far(c, LANE_REQUEST), EXTPROC_S("A\0B")));
    kit_end(c);
    kit_free(k);
}

Test(upper, a_body_that_another_plugin_has_set)
{
    struct kit *k = kit_of_ini("[chain:c]\nplugins = set, up\n"
                               "[plugin:set]\nfile = " PLUGIN_DIR "/body.so\n"
                               "request.replace = new\n"
                               "[plugin:up]\nfile = " PLUGIN_DIR "/upper.so\n"
                               "direction = request\n");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_request(c, ":method: POST\n:path: /", "abc", NULL);
    kit_expect_body(c, LANE_REQUEST, "NEW");
    kit_end(c);
    kit_free(k);
}

/* ---- bodies that are not text ---------------------------------------------------------------- */

#define POST      ":method: POST\n:path: /\n"
#define GZIP      "content-encoding: gzip\netag: \"v1\"\ncontent-digest: a\ncontent-length: 3"
#define RANGE     "content-range: bytes 0-2/9\netag: \"v1\"\ncontent-length: 3"
#define UNCHANGED "body not changed: it is "

static void leave_both(struct kit_call *c, void *arg)
{
    kit_request(c, POST GZIP, "abc", NULL);
    kit_expect_unchanged(c);
    kit_response(c, ":status: 206\n" RANGE, "def", "x-end: 1");
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-digest", "a");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "\"v1\"");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-range", "bytes 0-2/9");
}

Test(upper, encoded_and_partial_bodies_are_left_in_every_way)
{
    struct kit *k = UPPER("both");
    kit_every_way(k, 0, leave_both, NULL);
    cr_expect(strstr(kit_log(k), "request " UNCHANGED "encoded (content-encoding)"));
    cr_expect(strstr(kit_log(k), "response " UNCHANGED "partial (content-range)"));
    kit_free(k);
}

static void change_headers(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\netag: \"v1\"\naccept-ranges: bytes\ncontent-length: 3", "abc",
                 NULL);
    kit_expect_body(c, LANE_RESPONSE, seen(c) ? "ABC" : "abc");
    bool changes = may_be_seen(c);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", changes ? "W/\"v1\"" : "\"v1\"");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "accept-ranges", changes ? NULL : "bytes");
}

Test(upper, headers_follow_the_change_in_every_way)
{
    struct kit *k = UPPER("response");
    kit_every_way(k, 0, change_headers, NULL);
    kit_free(k);
}

Test(upper, capitals_in_a_complete_body_keep_their_headers)
{
    struct kit *k = UPPER("response");
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\netag: \"v1\"", "ABC", NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "\"v1\"");
    kit_end(c);
    kit_free(k);
}

Test(upper, a_body_whose_headers_are_skipped_is_left)
{
    struct kit *k = UPPER("request");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_expect_unchanged(c);
    kit_body(c, LANE_REQUEST, "def", true);
    kit_expect_unchanged(c);
    kit_expect_log(c, "the proxy does not send the headers");
    kit_end(c);
    kit_free(k);
}

Test(upper, an_encoded_body_fails_where_a_key_says_so)
{
    struct kit *k = PLUGIN_KIT("upper", "encoded = fail");
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\n" GZIP, "abc", NULL);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "response " UNCHANGED "encoded");
    kit_end(c);
    kit_free(k);
}

/* The peak of memory in use while `n_chunks` chunks of 64 KiB pass. */
static size_t peak_of(struct kit *k, size_t n_chunks)
{
    enum { CHUNK_LEN = 64 * 1024 };
    char *chunk = malloc(CHUNK_LEN);
    cr_assert(chunk);
    memset(chunk, 'a', CHUNK_LEN);
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .forget_bodies = true});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
    size_t before = alloc_in_use();
    alloc_peak_reset();
    for (size_t i = 1; i <= n_chunks; i++)
        kit_body_bytes(c, LANE_REQUEST, ((struct extproc_str){chunk, CHUNK_LEN}), i == n_chunks);
    size_t peak = alloc_peak() - before;
    cr_expect_eq(kit_body_len(c, LANE_REQUEST), n_chunks * CHUNK_LEN);
    kit_end(c);
    free(chunk);
    return peak;
}

Test(upper, a_long_body_needs_the_memory_of_a_short_one)
{
    if (!alloc_available())
        return;
    struct kit *k = UPPER("request");
    size_t of_1_mib = peak_of(k, 16);
    size_t of_256_mib = peak_of(k, 4096);
    cr_expect_leq(of_256_mib, of_1_mib, "%zu bytes, and %zu for 1 MiB", of_256_mib, of_1_mib);
    kit_free(k);
}

Test(upper, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = UPPER("both");
    struct kit_how buffered = {.request = BODY_MODE_BUFFERED, .response = BODY_MODE_BUFFERED};
    kit_every_failure(k, &buffered, exchange, NULL);
    kit_free(k);
}

Test(upper, takes_part_in_its_direction_only)
{
    uint32_t request = EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY;
    uint32_t response = EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY;
    cr_expect_eq(plugin_interest(PLUGIN_INI("upper", "direction = request")), request);
    cr_expect_eq(plugin_interest(PLUGIN_INI("upper", "direction = both")), request | response);
    cr_expect_eq(plugin_interest(PLUGIN_INI("upper", "")), response);
}

Test(upper, what_it_does_not_take)
{
    PLUGIN_REFUSED("upper", "direction = up",
                   "test.ini:3: [plugin:p] direction: ~\"up\"~request, response, both");
}
