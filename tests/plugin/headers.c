/* headers: five verbs in four places, in a fixed order, with templates. */
#include "plugin.h"

static void transaction(struct kit_call *c)
{
    kit_request(c, ":method: POST\n:path: /p\nx-there: old\nx-there: older\nx-bye: 1", "abc",
                "x-there: old\nx-there: older\nx-bye: 1");
    kit_response(c, ":status: 200\nx-there: old\nx-there: older\nx-bye: 1", "def",
                 "x-there: old\nx-there: older\nx-bye: 1");
}

/* ---- what each verb does --------------------------------------------------------------------- */

#define EVERY_VERB(place)                                                                          \
    place ".set = x-set: new\n" place ".append = x-there: last\n" place                            \
          ".add = x-there: not\n" place ".add = x-added: yes\n" place                              \
          ".replace = x-absent: not\n" place ".replace = "                                         \
          "x-replaced: 2\n" place ".remove = x-bye\n" place ".set = x-replaced: 1\n"

static void expect_every_verb(struct kit_call *c, enum extproc_map map)
{
    static const char *const there[] = {"old", "older", "last"};
    kit_expect_header(c, map, "x-set", "new");
    kit_expect_header(c, map, "x-added", "yes");
    kit_expect_header(c, map, "x-replaced", "2");
    kit_expect_header(c, map, "x-absent", NULL);
    kit_expect_header(c, map, "x-bye", NULL);
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        cr_expect(str_eq_c(kit_header(c, map, "x-there", i), there[i]), "value %zu", i);
    cr_expect(!kit_header(c, map, "x-there", 3).ptr);
}

static void any(struct kit_call *c, void *arg)
{
    transaction(c);
}

static void every_verb_everywhere(struct kit_call *c, void *arg)
{
    transaction(c);
    for (enum extproc_map map = EXTPROC_MAP_REQUEST; map <= EXTPROC_MAP_RESPONSE_TRAILERS; map++)
        expect_every_verb(c, map);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
}

#define EVERYWHERE                                                                                 \
    EVERY_VERB("request")                                                                          \
    EVERY_VERB("request_trailers") EVERY_VERB("response") EVERY_VERB("response_trailers")

Test(headers, every_verb_in_every_place_in_every_way)
{
    struct kit *k = PLUGIN_KIT("headers", EVERYWHERE);
    kit_every_way(k, 0, every_verb_everywhere, NULL);
    kit_free(k);
}

Test(headers, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = PLUGIN_KIT("headers", EVERYWHERE "request.set = x-t: %PATH%");
    kit_every_failure(k, &(struct kit_how){0}, any, NULL);
    kit_free(k);
}

/* ---- single cases ---------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

/* One transaction through an instance with these lines. */
static void run(const char *ini)
{
    k = kit_of_ini(ini);
    c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_ATTRIBUTES, NULL, "a.b", "att");
    kit_with(c, KIT_ATTRIBUTES, NULL, "lines", "one\ntwo");
    transaction(c);
}
static void done(void)
{
    kit_end(c);
    kit_free(k);
}
#define RUN(keys) run(PLUGIN_INI("headers", keys))

Test(headers, removes_before_it_sets_and_adds_before_it_appends)
{
    RUN("request.append = x-a: 3\nrequest.add = x-a: 2\n"
        "request.set = x-there: new\nrequest.remove = x-there");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-there", "new");
    cr_expect(str_eq_c(kit_header(c, EXTPROC_MAP_REQUEST, "x-a", 0), "2"));
    cr_expect(str_eq_c(kit_header(c, EXTPROC_MAP_REQUEST, "x-a", 1), "3"));
    done();
}

Test(headers, keys_of_one_kind_keep_their_order)
{
    RUN("request.set = x-a: 1\nrequest.set = X-A: 2");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "2");
    done();
}

Test(headers, values_are_templates)
{
    RUN("request.set = x-t: %REQ(x-bye)% %ATTR(a.b)% %PATH% %REQ(x-no:-none)% 100%%\n"
        "response.set = x-t: %STATUS% to %METHOD%");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-t", "1 att /p none 100%");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-t", "200 to POST");
    done();
}

Test(headers, space_around_name_and_value_and_colons_in_values)
{
    RUN("request.set = x-a :\t v : w\nrequest.set = x-empty:");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "v : w");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-empty", "");
    done();
}

Test(headers, pseudo_headers_that_may_be_set)
{
    RUN("request.set = :path: /other\nresponse.set = :status: 201");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, ":path", "/other");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, ":status", "201");
    done();
}

/* The answer to request headers clears the route. */
static bool clears_route(const char *keys)
{
    k = kit_of_ini(keys);
    c = kit_call(k, &(struct kit_how){0});
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /", true);
    const PbCommonResponse *common = kit_answer(c)->request_headers->response;
    bool clears = common && common->clear_route_cache;
    done();
    return clears;
}

Test(headers, the_route_is_chosen_again_after_an_edit)
{
    cr_expect(clears_route(PLUGIN_INI("headers", "request.set = :path: /b\nclear_route = yes")));
    cr_expect_not(clears_route(PLUGIN_INI("headers", "request.set = :path: /b\nclear_route = no")));
    cr_expect_not(clears_route(PLUGIN_INI("headers", "request.set = :path: /b")));
    cr_expect_not(clears_route(PLUGIN_INI("headers", "request.add = :path: /b\nclear_route = yes")),
                  "nothing was edited");
}

Test(headers, a_route_depends_on_the_request_alone)
{
    PLUGIN_REFUSED("headers", "response.set = x-a: 1\nclear_route = yes",
                   "test.ini:4: [plugin:p] clear_route: ~no effect~request.set~");
    PLUGIN_REFUSED("headers", "request_trailers.set = x-a: 1\nclear_route = yes",
                   "test.ini:4: [plugin:p] clear_route: ~no effect~request.set~");
}

/* A host and an authority are one header: what one plugin writes the next one reads. */
Test(headers, routing_where_the_proxy_lets_it_be_edited)
{
    static const char ini[] =
        "[plugin:a]\nfile = headers.so\nrequest.set = host: one.test\n"
        "[plugin:b]\nfile = headers.so\nrequest.set = x-seen: %REQ(:authority)%\n"
        "request.replace = :authority: two.test\nrequest.set = :scheme: https\n"
        "request.set = :method: PUT\nrequest.set = x-envoy-retry-on: 5xx\n"
        "response.set = x-envoy-a: 1\n[chain:c]\nplugins = a, b\n";
    struct kit *kit = kit_new(&(struct kit_options){
        .ini = ini, .proxy = {.all_routing = true, .envoy = true}, .fail = kit_criterion_fail});
    struct kit_call *call = kit_call(kit, &(struct kit_how){0});
    kit_request(call, ":method: POST\n:path: /\n:scheme: http\n:authority: old.test", NULL, NULL);
    kit_expect_header(call, EXTPROC_MAP_REQUEST, ":authority", "two.test");
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "host", NULL);
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-seen", "one.test");
    kit_expect_header(call, EXTPROC_MAP_REQUEST, ":scheme", "https");
    kit_expect_header(call, EXTPROC_MAP_REQUEST, ":method", "PUT");
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-envoy-retry-on", "5xx");
    kit_response(call, ":status: 200", NULL, NULL);
    kit_expect_header(call, EXTPROC_MAP_RESPONSE, "x-envoy-a", "1");
    kit_end(call);
    kit_free(kit);
}

Test(headers, what_the_proxy_would_ignore_fails_and_is_reported)
{
    RUN("request.set = :method: PUT"); /* right only where the body has been replaced */
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "request_headers failed: request.set: extproc_header_set(\":method\"): ");
    done();
}

Test(headers, what_a_template_made_invalid_fails_and_is_reported)
{
    RUN("request.set = x-t: %ATTR(lines)%");
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "extproc_header_set(\"x-t\"): invalid header value: contains a line break");
    done();
}

/* ---- interest -------------------------------------------------------------------------------- */

Test(headers, an_instance_takes_part_in_nothing_where_no_key_asks)
{
    generation_unref(
        PLUGIN_SAYS("headers", "", "test.ini:1: [plugin:p] warning: ~\"headers\"~no phase~"));
}

Test(headers, a_request_knows_nothing_of_its_response)
{
    generation_unref(PLUGIN_SAYS(
        "headers", "request.set = x-a: %STATUS%%REQ(x)%\nresponse.set = x-a: %STATUS%",
        "test.ini:3: [plugin:p] request.set: warning: x-a: ~%RESP()%~%STATUS%~absent~"));
}

Test(headers, an_instance_takes_part_where_its_keys_say)
{
    static const struct {
        const char *ini;
        uint32_t phases;
    } cases[] = {
        {PLUGIN_INI("headers", "request.set = a: b"), EXTPROC_PHASE_REQUEST_HEADERS},
        {PLUGIN_INI("headers", "request_trailers.add = a: b"), EXTPROC_PHASE_REQUEST_TRAILERS},
        {PLUGIN_INI("headers", "response.remove = a"), EXTPROC_PHASE_RESPONSE_HEADERS},
        {PLUGIN_INI("headers", "response_trailers.append = a: b"), EXTPROC_PHASE_RESPONSE_TRAILERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(plugin_interest(cases[i].ini), cases[i].phases, "case %zu", i);
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(headers, what_it_does_not_take)
{
    PLUGIN_REFUSED("headers", "request.rename = a: b",
                   "test.ini:3: [plugin:p] request.rename: unknown key~request.replace~");
    PLUGIN_REFUSED("headers",
                   "request.set = x-a\n"
                   "response.append = : v\n"
                   "response.add = x a: v\n"
                   "response_trailers.replace = x-a: %REQ(%\n"
                   "request_trailers.remove = x-a: v\n"
                   "request.remove =",
                   "test.ini:3: [plugin:p] request.set: ~NAME: VALUE~",
                   "test.ini:4: [plugin:p] response.append: ~NAME: VALUE~",
                   "test.ini:5: [plugin:p] response.add: ~invalid header name~",
                   "test.ini:6: [plugin:p] response_trailers.replace: at character 1: ~%REQ(~",
                   "test.ini:7: [plugin:p] request_trailers.remove: ~invalid header name~",
                   "test.ini:8: [plugin:p] request.remove: ~invalid header name~");
}

Test(headers, what_the_proxy_would_ignore_is_refused)
{
    PLUGIN_REFUSED("headers",
                   "request.set = host: elsewhere\n"
                   "request.append = X-Envoy-A: 1\n"
                   "response.add = content-length: 3\n"
                   "request.remove = :path\n"
                   "response_trailers.set = :status: 200",
                   "test.ini:3: [plugin:p] request.set: host: " PLUGIN_ROUTING,
                   "test.ini:4: [plugin:p] request.append: X-Envoy-A: " PLUGIN_ENVOYS,
                   "test.ini:5: [plugin:p] response.add: content-length: not allowed: ~",
                   "test.ini:6: [plugin:p] request.remove: :path: not allowed: ~not removed",
                   "test.ini:7: [plugin:p] response_trailers.set: :status: not allowed: ~");
}

Test(headers, a_line_break_from_a_file_is_refused)
{
    char path[] = "/tmp/extprocd-headers-XXXXXX", ini[256];
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, "one\ntwo", 7) == 7 && close(fd) == 0);
    snprintf(ini, sizeof ini, PLUGIN_INI("headers", "request.set = x-a: ${file:%s}"), path);
    PLUGIN_REFUSED_INI(
        ini, "test.ini:3: [plugin:p] request.set: \"x-a\": invalid header value: contains a "
             "line break");
    unlink(path);
}
