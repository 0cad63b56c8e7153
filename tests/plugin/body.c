/* body: what replaces a body, and what is added before and after it. */
#include "plugin.h"

/* What a scenario expects "abc" and "def" to be changed to. */
struct expected {
    const char *request, *response;
};

static void exchange(struct kit_call *c, const char *request_trailers,
                     const char *response_trailers)
{
    kit_request(c, ":method: POST\n:path: /p\ncontent-length: 3", "abc", request_trailers);
    kit_response(c, ":status: 200\ncontent-length: 3", "def", response_trailers);
}

static void expect(struct kit_call *c, void *arg)
{
    const struct expected *e = arg;
    exchange(c, NULL, NULL);
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, e->request);
    kit_expect_body(c, LANE_RESPONSE, e->response);
}

static void run(const char *ini, unsigned modes, const char *request, const char *response)
{
    struct kit *k = kit_of_ini(ini);
    kit_every_way(k, modes, expect, &(struct expected){request, response});
    kit_free(k);
}
#define RUN(keys, modes, request, response)                                                        \
    run(PLUGIN_INI("body", keys), (modes), (request), (response))
enum { NONE = 1 << BODY_MODE_NONE, SEEN = 1 << BODY_MODE_STREAMED | 1 << BODY_MODE_BUFFERED };

/* ---- in every way ---------------------------------------------------------------------------- */

Test(body, replaces_also_a_body_that_is_not_sent)
{
    RUN("request.replace = to %PATH%\nresponse.replace = of %STATUS%", NONE | SEEN, "to /p",
        "of 200");
}

Test(body, clears_also_a_body_that_is_not_sent)
{
    RUN("request.clear = yes\nresponse.clear = yes", NONE | SEEN, "", "");
}

Test(body, puts_texts_around_a_new_body)
{
    RUN("request.replace = new\nrequest.prepend = <\nrequest.append = >\n"
        "response.clear = yes\nresponse.prepend = <\nresponse.append = >",
        NONE | SEEN, "<new>", "<>");
}

Test(body, puts_texts_around_a_body_that_is_sent)
{
    RUN("request.prepend = %METHOD%:\nrequest.append = :%PATH%\n"
        "response.prepend = %STATUS%:\nresponse.append = :%REQ(x-no:-no)%",
        SEEN, "POST:abc:/p", "200:def:no");
}

Test(body, lets_pass_what_is_not_sent)
{
    RUN("request.prepend = <\nresponse.append = >", NONE, "abc", "def");
}

Test(body, one_end_alone)
{
    RUN("request.prepend = <\nresponse.append = >", SEEN, "<abc", "def>");
}

/* ---- what describes the old bytes ------------------------------------------------------------ */

#define GZIP                                                                                       \
    "content-encoding: gzip\ncontent-md5: a\nrepr-digest: b\netag: \"v1\"\n"                       \
    "accept-ranges: bytes\ncontent-length: 3"
#define RANGE "content-range: bytes 0-2/9\netag: \"v1\"\ncontent-length: 3"

/* Absent, each of them. */
static void expect_gone(struct kit_call *c, enum extproc_map map, const char *names)
{
    char name[32];
    for (int len; sscanf(names, " %31s%n", name, &len) == 1; names += len)
        kit_expect_header(c, map, name, NULL);
}

static void replaced_gzip(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\n" GZIP, "abc", NULL);
    kit_response(c, ":status: 502\n" GZIP, "def", NULL);
    kit_expect_body(c, LANE_REQUEST, "new");
    kit_expect_body(c, LANE_RESPONSE, "");
    expect_gone(c, EXTPROC_MAP_REQUEST, "content-encoding content-md5 repr-digest");
    expect_gone(c, EXTPROC_MAP_RESPONSE, "content-encoding content-md5 repr-digest accept-ranges");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "W/\"v1\"");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "502");
}

static void replaced_range(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: PUT\n:path: /\n" RANGE, "abc", NULL);
    kit_response(c, ":status: 206\n" RANGE, "def", NULL);
    kit_expect_body(c, LANE_REQUEST, "new");
    kit_expect_body(c, LANE_RESPONSE, "");
    expect_gone(c, EXTPROC_MAP_REQUEST, "content-range");
    expect_gone(c, EXTPROC_MAP_RESPONSE, "content-range");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "200");
}

static void replaced_head(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: HEAD\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\n" GZIP, NULL, NULL);
    expect_gone(c, EXTPROC_MAP_RESPONSE,
                "content-length content-encoding repr-digest accept-ranges");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "W/\"v1\"");
}

Test(body, a_replaced_body_has_headers_of_its_own_in_every_way)
{
    static kit_scenario *const scenarios[] = {replaced_gzip, replaced_range, replaced_head};
    struct kit *k = PLUGIN_KIT("body", "request.replace = new\nresponse.clear = yes");
    for (size_t i = 0; i < 3; i++)
        kit_every_way(k, 0, scenarios[i], NULL);
    kit_free(k);
}

#define EDGES PLUGIN_KIT("body", "request.append = >\nresponse.prepend = <")

static void left_gzip(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\n" GZIP, "abc", NULL);
    kit_expect_unchanged(c);
    kit_response(c, ":status: 200\n" GZIP, "def", NULL);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "repr-digest", "b");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "\"v1\"");
}

static void left_range(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: PUT\n:path: /\n" RANGE, "abc", NULL);
    kit_expect_unchanged(c);
    kit_response(c, ":status: 206\n" RANGE, "def", NULL);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-range", "bytes 0-2/9");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", "\"v1\"");
}

static void left_head(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: HEAD\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\n" GZIP, NULL, NULL);
    kit_expect_unchanged(c);
}

Test(body, nothing_is_added_to_what_is_not_text_in_any_way)
{
    static kit_scenario *const scenarios[] = {left_gzip, left_range, left_head};
    static const char *const logged[] = {"response body not changed: it is encoded",
                                         "response body not changed: it is partial", ""};
    for (size_t i = 0; i < 3; i++) {
        struct kit *k = EDGES;
        kit_every_way(k, 0, scenarios[i], NULL);
        cr_expect(strstr(kit_log(k), logged[i]));
        cr_expect(!strstr(kit_log(k), "nothing was appended"));
        kit_free(k);
    }
}

static void grown_head(struct kit_call *c, void *arg)
{
    bool seen = may_be_seen(c);
    kit_request(c, ":method: HEAD\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\netag: \"v1\"\ncontent-length: 3", NULL, NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-length", seen ? NULL : "3");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "etag", seen ? "W/\"v1\"" : "\"v1\"");
}

Test(body, head_has_the_headers_of_a_body_that_grows_in_every_way)
{
    struct kit *k = EDGES;
    kit_every_way(k, 0, grown_head, NULL);
    kit_free(k);
}

/* ---- single cases ---------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

static void begin(const char *ini, enum body_mode mode)
{
    k = kit_of_ini(ini);
    c = kit_call(k, &(struct kit_how){.request = mode, .response = mode});
}
static void done(void)
{
    kit_end(c);
    kit_free(k);
}

#define AROUND PLUGIN_INI("body", "request.prepend = <\nrequest.append = >")
#define HEAD   ":method: POST\n:path: /"

Test(body, a_message_without_a_body_stays_without_one)
{
    begin(PLUGIN_INI("body", "request.replace = new\nresponse.clear = yes\nresponse.append = x"),
          BODY_MODE_BUFFERED);
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_expect_unchanged(c);
    kit_response(c, ":status: 204", NULL, NULL);
    kit_expect_unchanged(c);
    done();
}

Test(body, an_empty_body_is_a_body)
{
    begin(AROUND, BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "", true);
    kit_expect_body(c, LANE_REQUEST, "<>");
    done();
}

Test(body, empty_chunks_are_chunks)
{
    begin(AROUND, BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "", false);
    kit_expect_body(c, LANE_REQUEST, "<");
    kit_body(c, LANE_REQUEST, "a", false);
    kit_expect_unchanged(c);
    kit_body(c, LANE_REQUEST, "", false);
    kit_expect_unchanged(c);
    kit_body(c, LANE_REQUEST, "", true);
    kit_expect_body(c, LANE_REQUEST, "<a>");
    done();
}

Test(body, a_complete_body_with_trailers_has_its_end)
{
    begin(AROUND, BODY_MODE_BUFFERED);
    exchange(c, "x-end: 1", "x-end: 2");
    kit_expect_body(c, LANE_REQUEST, "<abc>");
    kit_end(c);
    cr_expect(!strstr(kit_log(k), "nothing was appended"));
    kit_free(k);
}

Test(body, a_replaced_request_has_the_length_that_the_old_one_had)
{
    begin(PLUGIN_INI("body", "request.replace = a new body"), BODY_MODE_BUFFERED);
    kit_request(c, HEAD "\ncontent-length: 3", "abc", "x-end: 1");
    kit_expect_body(c, LANE_REQUEST, "a new body");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-length", "10");
    kit_expect_header(c, EXTPROC_MAP_REQUEST_TRAILERS, "x-end", "1");
    kit_response(c, ":status: 200", NULL, NULL);
    kit_expect_going(c);
    done();
}

Test(body, a_client_that_leaves_before_its_body_is_there)
{
    begin(PLUGIN_INI("body", "request.replace = new"), BODY_MODE_BUFFERED);
    kit_headers(c, LANE_REQUEST, HEAD "\ncontent-length: 3", false);
    kit_expect_unchanged(c);
    kit_reset(c);
    kit_free(k);
}

Test(body, a_streamed_body_with_trailers_has_none_and_the_log_says_so)
{
    begin(AROUND, BODY_MODE_STREAMED);
    exchange(c, "x-end: 1", "x-end: 2");
    kit_expect_body(c, LANE_REQUEST, "<abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_end(c);
    cr_expect(lines_have(kit_log(k), "nothing was appended~request"), "%s", kit_log(k));
    cr_expect(!strstr(kit_log(k), "response body"));
    kit_free(k);
}

Test(body, a_client_that_leaves_is_not_reported)
{
    begin(AROUND, BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "a", false);
    kit_reset(c);
    cr_expect(!strstr(kit_log(k), "nothing was appended"));
    kit_free(k);
}

Test(body, where_the_headers_are_skipped_the_log_says_what_may_be_wrong)
{
    begin(PLUGIN_INI("body", "response.replace = new\nrequest.append = >"), BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_unchanged(c);
    kit_expect_log(c, "request body not changed: ~encoded");
    kit_body(c, LANE_RESPONSE, "abc", true);
    kit_expect_body(c, LANE_RESPONSE, "new");
    kit_expect_log(c, "set response_header_mode: SEND");
    done();
}

Test(body, an_encoded_body_fails_where_a_key_says_so)
{
    begin(PLUGIN_INI("body", "encoded = fail\nresponse.append = >"), BODY_MODE_STREAMED);
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\n" GZIP, "abc", NULL);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    done();
}

static void any(struct kit_call *call, void *arg)
{
    exchange(call, NULL, NULL);
}

Test(body, exhausted_memory_ends_only_the_stream)
{
    struct kit_how buffered = {.request = BODY_MODE_BUFFERED, .response = BODY_MODE_BUFFERED};
    struct kit *all =
        PLUGIN_KIT("body", "request.replace = %PATH%\nresponse.prepend = <\nresponse.append = >");
    kit_every_failure(all, &buffered, any, NULL);
    kit_free(all);
}

/* ---- interest and refusals ------------------------------------------------------------------- */

Test(body, takes_part_in_nothing_where_no_key_asks)
{
    generation_unref(PLUGIN_SAYS("body", "request.clear = no",
                                 "test.ini:1: [plugin:p] warning: ~\"body\"~no phase~"));
}

Test(body, takes_part_where_its_keys_say)
{
    static const struct {
        const char *ini;
        uint32_t phases;
    } cases[] = {
        {PLUGIN_INI("body", "request.clear = yes"), EXTPROC_PHASE_REQUEST_HEADERS},
        {PLUGIN_INI("body", "request.replace = a\nrequest.append = b"),
         EXTPROC_PHASE_REQUEST_HEADERS},
        {PLUGIN_INI("body", "request.prepend = a\nresponse.replace = b"),
         EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY |
             EXTPROC_PHASE_RESPONSE_HEADERS},
        {PLUGIN_INI("body", "response.append = a"),
         EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(plugin_interest(cases[i].ini), cases[i].phases, "case %zu", i);
}

Test(body, what_it_does_not_take)
{
    PLUGIN_REFUSED("body",
                   "request.replace = a\nrequest.clear = yes\n"
                   "response.replace = a\nresponse.clear = yes\n",
                   "test.ini:4: [plugin:p] request.clear: ~request.replace exclude~",
                   "test.ini:6: [plugin:p] response.clear: ~response.replace exclude~");
    PLUGIN_REFUSED("body",
                   "request.replace = %RESP%\nrequest.append = %REQ()%\nresponse.prepend = 100%",
                   "test.ini:3: [plugin:p] request.replace: at character 1: ~missing name~%RESP%~",
                   "test.ini:4: [plugin:p] request.append: at character 1: ~missing name~%REQ()%~",
                   "test.ini:5: [plugin:p] response.prepend: at character 4: ~stray %~");
}
