/* respond: an immediate response, in both of its phases. */
#include "plugin.h"

static void expect_both_phases(struct kit_call *c, void *arg)
{
    bool on_response = *(const bool *)arg;
    kit_request(c, ":method: POST\n:path: /p\nx-user: me", "abc", "x-end: 1");
    if (on_response) {
        kit_expect_going(c);
        kit_response(c, ":status: 200", "def", "x-end: 2");
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-user", "me");
        kit_expect_body(c, LANE_REQUEST, "abc");
    }
    kit_expect_immediate(c, 503, "sorry, me: /p", "p");
}

Test(respond, to_the_request_in_every_way)
{
    struct kit *k =
        PLUGIN_KIT("respond", "status = 503\nbody = sorry, %REQ(x-user:-nobody)%: %PATH%");
    kit_every_way(k, 0, expect_both_phases, &(bool){false});
    kit_free(k);
}

Test(respond, in_place_of_the_response_in_every_way)
{
    struct kit *k = PLUGIN_KIT(
        "respond", "status = 503\nbody = sorry, %REQ(x-user)%: %PATH%\nphase = response");
    kit_every_way(k, 0, expect_both_phases, &(bool){true});
    kit_free(k);
}

/* ---- single cases ---------------------------------------------------------------------------- */

static struct kit *k;
static struct kit_call *c;

static const PbImmediateResponse *run(const char *ini)
{
    k = kit_of_ini(ini);
    c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_ATTRIBUTES, NULL, "lines", "one\ntwo");
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /p\nx-user: me", true);
    return kit_answer(c)->immediate_response;
}
static void done(void)
{
    kit_end(c);
    kit_free(k);
}
#define RUN(keys) run(PLUGIN_INI("respond", keys))

Test(respond, nothing_configured_is_an_empty_200)
{
    const PbImmediateResponse *r = RUN("");
    kit_expect_immediate(c, 200, "", "p");
    cr_expect(!r->headers);
    cr_expect(!r->grpc_status);
    done();
}

Test(respond, headers_are_added_with_their_templates)
{
    const PbImmediateResponse *r = RUN("header = x-a: 1\nheader = x-a: %REQ(x-user)%");
    cr_assert(r->headers);
    cr_assert_eq(r->headers->n_set_headers, 2);
    static const char *const values[] = {"1", "me"};
    for (size_t i = 0; i < 2; i++) {
        const PbHeaderValueOption *option = r->headers->set_headers[i];
        struct extproc_str value = {(const char *)option->header->raw_value.data,
                                    option->header->raw_value.len};
        cr_expect_str_eq(option->header->key, "x-a");
        cr_expect(str_eq_c(value, values[i]));
        cr_expect_eq(option->append && option->append->value, i > 0);
    }
    done();
}

Test(respond, a_grpc_client_gets_its_status)
{
    const PbImmediateResponse *r = RUN("status = 200\ngrpc_status = 0\ndetails = no_quota");
    kit_expect_immediate(c, 200, "", "no_quota");
    cr_assert(r->grpc_status);
    cr_expect_eq(r->grpc_status->status, 0);
    done();
}

/* ---- a body from a file ---------------------------------------------------------------------- */

static char path[] = "/tmp/extprocd-respond-XXXXXX";

/* An ini text that names a file with these bytes. */
static const char *with_file(const char *bytes, size_t len)
{
    static char ini[256];
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
    snprintf(ini, sizeof ini, PLUGIN_INI("respond", "body_file = %s"), path);
    return ini;
}

Test(respond, a_file_is_sent_as_it_stands)
{
    run(with_file("100 %PATH%\n\0\xff\n", 13));
    unlink(path);
    const PbImmediateResponse *r = kit_answer(c)->immediate_response;
    struct extproc_str body = {(const char *)r->body.data, r->body.len};
    cr_expect(extproc_eq(body, EXTPROC_S("100 %PATH%\n\0\xff")));
    done();
}

Test(respond, an_empty_file_is_an_empty_body)
{
    run(with_file("", 0));
    unlink(path);
    kit_expect_immediate(c, 200, "", "p");
    done();
}

Test(respond, a_large_file)
{
    enum { LEN = 300 * 1000 };
    char *bytes = malloc(LEN);
    cr_assert(bytes);
    memset(bytes, 'x', LEN);
    run(with_file(bytes, LEN));
    unlink(path);
    const PbImmediateResponse *r = kit_answer(c)->immediate_response;
    cr_expect_eq(r->body.len, LEN);
    cr_expect_eq(memcmp(r->body.data, bytes, LEN), 0);
    free(bytes);
    done();
}

/* ---- failures and refusals ------------------------------------------------------------------- */

Test(respond, what_a_template_made_invalid_fails_and_is_reported)
{
    RUN("header = x-a: %ATTR(lines)%");
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "headers[0], x-a: invalid header value: contains");
    done();
}

static void any(struct kit_call *call, void *arg)
{
    kit_request(call, ":method: GET\n:path: /p", NULL, NULL);
}

Test(respond, exhausted_memory_ends_only_the_stream)
{
    struct kit *all = PLUGIN_KIT("respond", "body = %PATH%\nheader = a: %METHOD%\ndetails = d");
    kit_every_failure(all, &(struct kit_how){0}, any, NULL);
    kit_free(all);
}

Test(respond, what_it_does_not_take)
{
    PLUGIN_REFUSED("respond",
                   "details = \xff\nbody = %NO%\nheader = x-a\nheader = x y: z\n"
                   "header = content-length: 7\nheader = :status: 200",
                   "test.ini:3: [plugin:p] details: ~UTF-8~",
                   "test.ini:4: [plugin:p] body: at character 1: ~%NO~REQ RESP ATTR~",
                   "test.ini:5: [plugin:p] header: ~NAME: VALUE~",
                   "test.ini:6: [plugin:p] header: ~invalid header name~",
                   "test.ini:7: [plugin:p] header: content-length: not allowed: ~",
                   "test.ini:8: [plugin:p] header: :status: not allowed: ~");
    PLUGIN_REFUSED(
        "respond", "status = 199\ngrpc_status = -1",
        "test.ini:3: [plugin:p] status: ~\"199\"~200 to 599",
        "test.ini:4: [plugin:p] grpc_status: invalid value \"-1\": expected 0 to 2147483647");
    PLUGIN_REFUSED("respond", "status = 600\ngrpc_status = 2147483648",
                   "test.ini:3: [plugin:p] status: ~\"600\"~200 to 599",
                   "test.ini:4: [plugin:p] grpc_status: invalid value \"2147483648\": expected 0 "
                   "to 2147483647");
    PLUGIN_REFUSED("respond", "body = a\nbody_file = /dev/null",
                   "test.ini:4: [plugin:p] body_file: ~exclude each other~");
    PLUGIN_REFUSED("respond", "body_file = /nowhere/at/all",
                   "test.ini:3: [plugin:p] body_file: cannot read /nowhere/at/all: No such file or "
                   "directory");
    PLUGIN_REFUSED("respond", "body_file = /",
                   "test.ini:3: [plugin:p] body_file: cannot read /: is a directory, expected a "
                   "regular file");
    PLUGIN_REFUSED(
        "respond", "body_file = /dev/zero",
        "test.ini:3: [plugin:p] body_file: cannot read /dev/zero: is a character device, "
        "expected a regular file");
    PLUGIN_REFUSED("respond", "phase = both",
                   "test.ini:3: [plugin:p] phase: ~\"both\"~request, response");
}

Test(respond, a_status_without_a_body_allows_no_body)
{
    PLUGIN_REFUSED("respond", "status = 304\nbody = unchanged",
                   "test.ini:4: [plugin:p] body: ~status 304 has no body~");
    PLUGIN_REFUSED("respond", "body = ok\nstatus = 204\ngrpc_status = 0\nphase = response",
                   "test.ini:3: [plugin:p] body: ~status 204 has no body~");
    PLUGIN_REFUSED("respond", "status = 205\nbody = %PATH%",
                   "test.ini:4: [plugin:p] body: ~status 205 has no body~");
    PLUGIN_REFUSED("respond", "status = 204\nbody_file = /proc/self/stat",
                   "test.ini:4: [plugin:p] body_file: ~status 204 has no body~");
    cr_expect_eq(plugin_interest(PLUGIN_INI("respond", "status = 204\nbody_file = /dev/null")),
                 EXTPROC_PHASE_REQUEST_HEADERS);
}

Test(respond, takes_part_in_its_phase_only)
{
    cr_expect_eq(plugin_interest(PLUGIN_INI("respond", "")), EXTPROC_PHASE_REQUEST_HEADERS);
    cr_expect_eq(plugin_interest(PLUGIN_INI("respond", "phase = response")),
                 EXTPROC_PHASE_RESPONSE_HEADERS);
}
