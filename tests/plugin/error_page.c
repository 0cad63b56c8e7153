/* error_page: which page, what goes with it, and what stays as it is. */
#include "files.h"
#include "plugin.h"

static char ini[1024];

#define HTML "<h1>100% broken</h1>"
#define JSON "{\"error\":true}"

static const char *with_pages(const char *keys)
{
    file_with("html", HTML);
    file_with("json", JSON);
    snprintf(
        ini, sizeof ini,
        PLUGIN_INI("error_page", "status = 404\nstatus = 5xx\nhtml = %s/html\njson = %s/json\n%s"),
        files_folder, files_folder, keys);
    return ini;
}

static struct kit *pages(void)
{
    return kit_of_ini(with_pages(""));
}

/* ---- in every way ---------------------------------------------------------------------------- */

static void replaced(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\naccept: application/json", "abc", NULL);
    kit_response(
        c,
        ":status: 503\ncontent-type: text/html\ncontent-encoding: gzip\ncontent-length: 3\n"
        "etag: \"a\"\nlast-modified: x\ncontent-language: de\nrepr-digest: b\nx-keep: 1",
        "def", NULL);
    static const char *const gone[] = {"content-encoding", "etag",        "last-modified",
                                       "content-language", "repr-digest", "accept-ranges"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        kit_expect_header(c, EXTPROC_MAP_RESPONSE, gone[i], NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "503");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", "application/json");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "vary", "accept");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-keep", "1");
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, JSON);
}

static void empty(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 404", NULL, NULL);
    kit_expect_body(c, LANE_RESPONSE, HTML);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", "text/html; charset=utf-8");
}

static void head(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: HEAD\n:path: /", NULL, NULL);
    kit_response(c, ":status: 404\ncontent-type: text/plain\ncontent-length: 9", NULL, NULL);
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", "text/html; charset=utf-8");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-length", NULL);
}

static void fine(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 403\ncontent-type: text/plain", "def", NULL);
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", "text/plain");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "vary", NULL);
}

static void grpc(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /a.B/C\ncontent-type: application/grpc", "abc", NULL);
    kit_response(c, ":status: 503\ncontent-type: application/grpc+proto", "def", "grpc-status: 0");
    kit_expect_body(c, LANE_RESPONSE, "def");
}

Test(error_page, in_every_way)
{
    static kit_scenario *const scenarios[] = {replaced, empty, head, fine, grpc};
    struct kit *k = pages();
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        kit_every_way(k, 0, scenarios[i], NULL);
    kit_free(k);
    files_end();
}

/* ---- which page ------------------------------------------------------------------------------ */

Test(error_page, the_client_gets_what_it_prefers)
{
    static const struct {
        const char *accept, *body;
    } cases[] = {
        {"accept: text/html", HTML},
        {"accept: application/json", JSON},
        {"accept: */*", HTML},
        {"accept: application/*", JSON},
        {"accept: APPLICATION/JSON", JSON},
        {"accept: text/html;q=0.5, application/json", JSON},
        {"accept: text/html;q=0.5,application/json;q=0.49", HTML},
        {"accept: text/html;level=1; q=0.1, application/json;q=0.2", JSON},
        {"accept: text/html;q=0, */*", JSON},
        {"accept: */*;q=0.9, text/*;q=0.1", JSON},
        {"accept: text/html;q=0.8\naccept: application/json;q=0.9", JSON},
        {"accept: image/png", HTML},
        {"accept: text/html;q=0,application/json;q=0", HTML},
        {"accept: ,;,=,;q,/;q=", HTML},
        {"accept: application/json;q=9", JSON},
        {"accept: text/html;q=x, application/json;q=0.001", JSON},
        {"x-none: 1", HTML},
    };
    struct kit *k = pages();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[256];
        struct kit_call *c = kit_call(k, &(struct kit_how){0});
        snprintf(headers, sizeof headers, ":method: GET\n:path: /\n%s", cases[i].accept);
        kit_headers(c, LANE_REQUEST, headers, true);
        kit_headers(c, LANE_RESPONSE, ":status: 500", false);
        kit_expect_body(c, LANE_RESPONSE, cases[i].body);
        kit_end(c);
    }
    kit_free(k);
    files_end();
}

Test(error_page, one_page_does_not_vary)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("error_page", "status = 4xx\ntext = %s"),
             file_with("text", "broken"));
    struct kit *k = kit_of_ini(ini);
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /\naccept: text/html", true);
    kit_headers(c, LANE_RESPONSE, ":status: 499", false);
    kit_expect_body(c, LANE_RESPONSE, "broken");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "vary", NULL);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", "text/plain; charset=utf-8");
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(error_page, a_template_has_the_status_and_the_request)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("error_page", "status = 5xx\ntemplates = yes\ntext = %s"),
             file_with("text", "%STATUS% for %REQ(x-request-id)%, 100%%\n"));
    struct kit *k = kit_of_ini(ini);
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /\nx-request-id: me", true);
    kit_headers(c, LANE_RESPONSE, ":status: 502", false);
    kit_expect_body(c, LANE_RESPONSE, "502 for me, 100%\n");
    kit_end(c);
    kit_free(k);
    files_end();
}

/* ---- responses of the proxy itself, which may be all that comes ------------------------------ */

static void alone(struct kit_call *c, void *arg)
{
    bool passes = kit_how(c)->response == BODY_MODE_NONE;
    kit_response(c, ":status: 503\ncontent-type: text/plain\netag: \"a\"", "abcdef", NULL);
    kit_expect_going(c);
    kit_expect_body(c, LANE_RESPONSE, passes ? "abcdef" : HTML);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type",
                      may_be_seen(c) ? "text/html; charset=utf-8" : "text/plain");
}

Test(error_page, one_whose_request_was_not_shown_is_replaced_where_its_body_is)
{
    struct kit *k = pages();
    kit_every_way(k, 0, alone, NULL);
    kit_free(k);
    files_end();
}

Test(error_page, one_whose_method_an_attribute_shows_is_replaced)
{
    struct kit *k = pages();
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.method", "GET");
    kit_headers(c, LANE_RESPONSE, ":status: 503", false);
    kit_expect_body(c, LANE_RESPONSE, HTML);
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(error_page, one_without_a_body_stays_without)
{
    struct kit *k = pages();
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_STREAMED});
    kit_headers(c, LANE_RESPONSE, ":status: 503", true);
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "content-type", NULL);
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(error_page, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = pages();
    kit_every_failure(k, &(struct kit_how){0}, empty, NULL);
    kit_free(k);
    files_end();
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(error_page, takes_part_in_response_headers_only)
{
    cr_expect_eq(plugin_interest(with_pages("")), EXTPROC_PHASE_RESPONSE_HEADERS);
    files_end();
}

Test(error_page, what_it_does_not_take)
{
    PLUGIN_REFUSED("error_page", "status = 404", "test.ini:~ [plugin:p] html: missing~");
    PLUGIN_REFUSED_INI(with_pages("status = 200\nstatus = 6xx\nstatus = 40\nstatus = x04"),
                       "test.ini:7: [plugin:p] status: expected a status from 400 to 599~",
                       "test.ini:8: [plugin:p] status: expected~",
                       "test.ini:9: [plugin:p] status: expected~",
                       "test.ini:10: [plugin:p] status: expected~");
    PLUGIN_REFUSED_INI(with_pages("templates = yes"),
                       "test.ini:5: [plugin:p] html: at character 8: ~stray %~");
    PLUGIN_REFUSED("error_page", "status = 404\nhtml = /nowhere",
                   "test.ini:4: [plugin:p] html: cannot read ~");
    files_end();
}
