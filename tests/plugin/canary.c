/* canary: the plugin in fresh/. New clients are divided, known ones stay where they were. */
#include "plugin.h"

#define CANARY_INI(keys) PLUGIN_INI_OF(FRESH_DIR "/canary.so", keys)
#define CANARY(keys)     kit_of_ini(CANARY_INI(keys))

static struct kit *k;

/* A transaction of a client at this address, whose request has these lines too. */
static struct kit_call *transaction(const char *address, const char *lines)
{
    char headers[256];
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    snprintf(headers, sizeof headers, ":method: GET\n:path: /\n%s", lines);
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", address);
    kit_request(c, headers, NULL, NULL);
    kit_response(c, ":status: 200\nset-cookie: other=1", NULL, NULL);
    return c;
}

static void expect_version(struct kit_call *c, const char *version)
{
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-version", version);
    kit_expect_metadata(c, "canary", "version", version);
}

static bool has_cookie(struct kit_call *c)
{
    cr_expect(str_eq_c(kit_header(c, EXTPROC_MAP_RESPONSE, "set-cookie", 0), "other=1"));
    return kit_header(c, EXTPROC_MAP_RESPONSE, "set-cookie", 1).ptr;
}

Test(canary, a_new_client_gets_a_version_and_a_cookie)
{
    k = CANARY("share = 100\ncookie = v");
    struct kit_call *c = transaction("192.0.2.1:1", "");
    expect_version(c, "canary");
    cr_assert(has_cookie(c));
    cr_expect(str_eq_c(kit_header(c, EXTPROC_MAP_RESPONSE, "set-cookie", 1),
                       "v=canary; Path=/; Max-Age=604800"));
    kit_end(c);
    kit_free(k);
}

Test(canary, the_route_is_looked_for_again)
{
    k = CANARY("share = 100");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    cr_assert(kit_answer(c)->request_headers->response);
    cr_expect(kit_answer(c)->request_headers->response->clear_route_cache);
    kit_end(c);
    kit_free(k);
}

Test(canary, a_known_client_stays_where_it_was)
{
    static const char *const lines[] = {"cookie: version=canary", "cookie: a=b; version=canary; c",
                                        "cookie: a=b\ncookie: version=canary"};
    k = CANARY("share = 0");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct kit_call *c = transaction("192.0.2.1:1", lines[i]);
        expect_version(c, "canary");
        cr_expect(!has_cookie(c));
        kit_end(c);
    }
    cr_expect_eq(kit_counter(k, "p", "canary"), 3);
    cr_expect_eq(kit_counter(k, "p", "stable"), 0);
    cr_expect_eq(kit_counter(k, "p", "new_clients"), 0);
    kit_free(k);
}

Test(canary, an_invalid_cookie_of_ours_does_not_count)
{
    static const char *const lines[] = {"cookie:",
                                        "cookie: version",
                                        "cookie: version=",
                                        "cookie: version=canaryy",
                                        "cookie: xversion=canary",
                                        "cookie: version=CANARY"};
    k = CANARY("share = 0");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct kit_call *c = transaction("192.0.2.1:1", lines[i]);
        expect_version(c, "stable");
        cr_expect(has_cookie(c));
        kit_end(c);
    }
    kit_free(k);
}

Test(canary, new_clients_are_divided_and_each_has_its_place)
{
    char address[32];
    k = CANARY("share = 30");
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "192.0.2.%d:1", i % 500);
        kit_end(transaction(address, ""));
    }
    uint64_t canary = kit_counter(k, "p", "canary"), stable = kit_counter(k, "p", "stable");
    cr_expect_eq(canary + stable, 1000);
    cr_expect_eq(canary % 2, 0, "each of the 500 came twice");
    cr_expect(canary > 200 && canary < 400, "%ju of 1000", (uintmax_t)canary);
    kit_free(k);
}

static void in_every_way(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\nuser-agent: me", "abc", "x-end: 1");
    kit_response(c, ":status: 200", "def", "x-end: 1");
    expect_version(c, "canary");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "set-cookie",
                      "version=canary; Path=/; Max-Age=604800");
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
}

Test(canary, whatever_the_bodies_do)
{
    k = CANARY("share = 100\nclient = %REQ(user-agent)%");
    kit_every_way(k, 0, in_every_way, NULL);
    kit_free(k);
}

Test(canary, a_response_without_its_request_passes)
{
    k = CANARY("share = 100");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
}

Test(canary, what_it_does_not_take)
{
    PLUGIN_REFUSED_INI(CANARY_INI(""), "test.ini:1: [plugin:p] share: ~missing required key~");
    PLUGIN_REFUSED_INI(CANARY_INI("share = 101"),
                       "test.ini:3: [plugin:p] share: invalid value \"101\": expected 0 to 100");
    PLUGIN_REFUSED_INI(CANARY_INI("share = 1\nclient = %REQ(x%"),
                       "test.ini:4: [plugin:p] client: at character 1: ~%REQ(~");
}
