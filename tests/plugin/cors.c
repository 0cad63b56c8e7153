/* cors: preflights, responses, and origins that look alike. */
#include "plugin.h"

#define APP                                                                                        \
    "origin = https://app.example\norigin = https://*.corp.example\norigin = http://localhost:*"
#define FULL APP "\nmethods = GET, PUT\nheaders = authorization\nexpose = x-id\nmax_age = 10m"

static struct extproc_str sent(const PbImmediateResponse *r, const char *name)
{
    for (size_t i = 0; r->headers && i < r->headers->n_set_headers; i++) {
        const PbHeaderValueOption *option = r->headers->set_headers[i];
        if (strcmp(option->header->key, name) == 0)
            return (struct extproc_str){(const char *)option->header->raw_value.data,
                                        option->header->raw_value.len};
    }
    return (struct extproc_str){NULL, 0};
}

static void expect_sent(struct kit_call *c, const char *name, const char *value)
{
    struct extproc_str is = sent(kit_answer(c)->immediate_response, name);
    cr_expect(value ? str_eq_c(is, value) : !is.ptr, "%s: %.*s, not %s", name, EXTPROC_ARG(is),
              value ? value : "absent");
}

static struct kit_call *preflight(struct kit *k, const char *origin)
{
    char headers[256];
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    snprintf(headers, sizeof headers,
             ":method: OPTIONS\n:path: /\norigin: %s\naccess-control-request-method: PUT", origin);
    kit_headers(c, LANE_REQUEST, headers, true);
    return c;
}

/* ---- preflights ------------------------------------------------------------------------------ */

Test(cors, a_preflight_is_answered)
{
    struct kit *k = PLUGIN_KIT("cors", FULL);
    struct kit_call *c = preflight(k, "https://app.example");
    kit_expect_immediate(c, 204, "", "p");
    expect_sent(c, "access-control-allow-origin", "https://app.example");
    expect_sent(c, "access-control-allow-methods", "GET, PUT");
    expect_sent(c, "access-control-allow-headers", "authorization");
    expect_sent(c, "access-control-max-age", "600");
    expect_sent(c, "access-control-allow-credentials", NULL);
    expect_sent(c, "vary", "origin, access-control-request-method, access-control-request-headers");
    kit_end(c);
    kit_free(k);
}

Test(cors, a_preflight_of_another_origin_gets_nothing)
{
    struct kit *k = PLUGIN_KIT("cors", FULL "\ncredentials = yes");
    struct kit_call *c = preflight(k, "https://evil.example");
    kit_expect_immediate(c, 403, NULL, "p");
    expect_sent(c, "access-control-allow-origin", NULL);
    expect_sent(c, "access-control-allow-credentials", NULL);
    kit_end(c);
    kit_free(k);
}

Test(cors, all_origins_without_credentials)
{
    struct kit *k = PLUGIN_KIT("cors", "origin = *");
    struct kit_call *c = preflight(k, "https://any.example");
    kit_expect_immediate(c, 204, "", "p");
    expect_sent(c, "access-control-allow-origin", "*");
    expect_sent(c, "access-control-allow-methods", "GET, HEAD, POST");
    expect_sent(c, "access-control-allow-headers", NULL);
    expect_sent(c, "access-control-max-age", NULL);
    kit_end(c);
    kit_free(k);
}

static void options(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: OPTIONS\n:path: /\norigin: https://app.example", NULL, NULL);
    kit_expect_going(c);
    kit_expect_unchanged(c);
}

Test(cors, options_without_a_method_is_an_ordinary_request)
{
    struct kit *k = PLUGIN_KIT("cors", APP);
    kit_every_way(k, 0, options, NULL);
    kit_free(k);
}

/* ---- origins --------------------------------------------------------------------------------- */

Test(cors, origins_that_look_alike_are_not_the_same)
{
    static const struct {
        const char *origin;
        bool allowed;
    } cases[] = {
        {"https://app.example", true},
        {"https://app.example:443", false},
        {"http://app.example", false},
        {"https://app.example.evil.test", false},
        {"https://evil-app.example", false},
        {"https://APP.example", false},
        {"https://app.examplE", false},
        {"https://a.corp.example", true},
        {"https://a.b.corp.example", true},
        {"https://corp.example", false},
        {"https://.corp.example", false},
        {"https://..corp.example", false},
        {"https://evil.test/.corp.example", false},
        {"https://evil.test#.corp.example", false},
        {"https://u@evil.test?.corp.example", false},
        {"https://a.corp.example.evil.test", false},
        {"http://localhost", true},
        {"http://localhost:3000", true},
        {"http://localhost:", false},
        {"http://localhost:x", false},
        {"http://localhost.evil.test", false},
        {"http://localhost.evil.test:80", false},
        {"http://localhost:80@evil.test", false},
        {"null", false},
        {"*", false},
    };
    struct kit *k = PLUGIN_KIT("cors", APP);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kit_call *c = preflight(k, cases[i].origin);
        unsigned status = kit_answer(c)->immediate_response->status->code;
        cr_expect_eq(status, cases[i].allowed ? 204 : 403, "%s", cases[i].origin);
        kit_end(c);
    }
    kit_free(k);
}

Test(cors, null_is_allowed_by_name)
{
    struct kit *k = PLUGIN_KIT("cors", "origin = null");
    struct kit_call *c = preflight(k, "null");
    kit_expect_immediate(c, 204, "", "p");
    kit_end(c);
    kit_free(k);
}

Test(cors, two_origins_are_none)
{
    struct kit *k = PLUGIN_KIT("cors", APP);
    struct kit_call *c = preflight(k, "https://app.example\norigin: https://app.example");
    kit_expect_going(c);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void expect_response(struct kit_call *c, const char *allow, const char *credentials,
                            const char *expose, const char *vary)
{
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "access-control-allow-origin", allow);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "access-control-allow-credentials", credentials);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "access-control-expose-headers", expose);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "vary", vary);
}

static void of_the_app(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\norigin: https://app.example", "abc", NULL);
    kit_response(c, ":status: 200\naccess-control-allow-origin: *", "def", NULL);
    expect_response(c, "https://app.example", "true", "x-id", "origin");
    kit_expect_body(c, LANE_RESPONSE, "def");
}

static void of_another(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /\norigin: https://evil.example", NULL, NULL);
    kit_response(c,
                 ":status: 200\naccess-control-allow-origin: *\n"
                 "access-control-allow-credentials: true\naccess-control-expose-headers: a",
                 NULL, NULL);
    expect_response(c, NULL, NULL, NULL, "origin");
}

static void of_none(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\nvary: accept, Origin", NULL, NULL);
    expect_response(c, NULL, NULL, NULL, "accept, Origin");
}

Test(cors, responses_say_what_the_section_says_in_every_way)
{
    static kit_scenario *const scenarios[] = {of_the_app, of_another, of_none};
    struct kit *k = PLUGIN_KIT("cors", FULL "\ncredentials = yes");
    for (size_t i = 0; i < 3; i++)
        kit_every_way(k, 0, scenarios[i], NULL);
    kit_free(k);
}

static void open_to_all(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200", NULL, NULL);
    expect_response(c, "*", NULL, "x-a", NULL);
}

Test(cors, what_is_open_to_all_does_not_vary)
{
    struct kit *k = PLUGIN_KIT("cors", "origin = *\nexpose = x-a");
    kit_every_way(k, 0, open_to_all, NULL);
    kit_free(k);
}

Test(cors, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = PLUGIN_KIT("cors", FULL "\ncredentials = yes");
    kit_every_failure(k, &(struct kit_how){0}, of_the_app, NULL);
    kit_free(k);
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(cors, what_it_does_not_take)
{
    PLUGIN_REFUSED("cors", "credentials = yes\norigin = *",
                   "test.ini:4: [plugin:p] origin: every page could act~");
    PLUGIN_REFUSED("cors", "origin = *\norigin = https://a.test",
                   "test.ini:3: [plugin:p] origin: * allows all~");
    PLUGIN_REFUSED("cors", "origin = https://a.test\ncredentials = yes\nheaders = a, *",
                   "test.ini:5: [plugin:p] headers: * has no effect with credentials~");
    PLUGIN_REFUSED("cors", "origin = https://a.test\nmethods = GET,,PUT",
                   "test.ini:4: [plugin:p] methods: invalid name \"\"");
    PLUGIN_REFUSED("cors", "methods = GET", "test.ini:1: [plugin:p] origin: ~");
    static const char *const origins[] = {"a.test",      "https://",    "https://A.test",
                                          "https://*",   "https://*.",  "https://a*.test",
                                          "https://a.*", "https://a/b", "https://a.test:x",
                                          "://a.test",   "https://.a"};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, PLUGIN_INI("cors", "origin = %s"), origins[i]);
        PLUGIN_REFUSED_INI(ini, "test.ini:3: [plugin:p] origin: ~");
    }
}
