/* log: what its one line contains of a transaction. The tests look for a part of the text. */
#include "plugin.h"

#include <fcntl.h>

/* ---- a log in a file ------------------------------------------------------------------------- */

static struct kit *k;
static char path[] = "/tmp/extprocd-log-XXXXXX";

static void begin(const char *keys)
{
    char ini[512];
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && close(fd) == 0);
    snprintf(ini, sizeof ini, PLUGIN_INI("log", "to = %s\n%s"), path, keys);
    k = kit_of_ini(ini);
}

static struct kit_call *call(enum body_mode mode)
{
    return kit_call(k, &(struct kit_how){.request = mode, .response = mode});
}

/* All that was written so far. */
static const char *text(void)
{
    static char bytes[64 * 1024];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes - 1) : -1;
    cr_assert(n >= 0);
    bytes[n] = '\0';
    close(fd);
    return bytes;
}

#define expect(piece)    cr_expect(strstr(text(), (piece)), "no %s in %s", (piece), text())
#define expect_no(piece) cr_expect(!strstr(text(), (piece)), "%s in %s", (piece), text())

static void expect_lines(size_t n)
{
    for (const char *at = text(); n > 0; n--) {
        at = strchr(at, '\n');
        cr_assert(at, "%zu lines too few in %s", n, text());
        at++;
        cr_expect(n > 1 || !*at, "more lines: %s", at);
    }
}

static void done(void)
{
    kit_free(k);
    unlink(path);
}

#define REQUEST  ":method: POST\n:path: /p?q=1\nx-request-id: id-1\nuser-agent: me\nx-key: secret"
#define RESPONSE ":status: 200\ncontent-type: text/plain\nset-cookie: a\nset-cookie: b"

static void exchange(struct kit_call *c, void *arg)
{
    kit_request(c, REQUEST, "abc", "x-end: 1");
    kit_expect_unchanged(c);
    kit_response(c, RESPONSE, "defg", "x-end: 2");
    kit_expect_unchanged(c);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "defg");
}

/* ---- in every way ---------------------------------------------------------------------------- */

/* Leaves the file empty, for the line that comes when the call ends. */
static void exchange_alone(struct kit_call *c, void *arg)
{
    exchange(c, NULL);
    cr_assert_eq(truncate(path, 0), 0);
}

Test(log, changes_nothing_in_any_way)
{
    begin("body_limit = 1k");
    kit_every_way(k, 0, exchange_alone, NULL);
    expect_lines(1); /* of the last way: BUFFERED */
    expect("\"method\":\"POST\",\"path\":\"/p?q=1\",\"status\":\"200\",\"end\":\"done\"");
    expect("\"request\":{\"body\":\"abc\",\"body_bytes\":3}");
    expect("\"response\":{\"body\":\"defg\",\"body_bytes\":4}}\n");
    done();
}

Test(log, bodies_cut_at_every_byte_are_logged_complete)
{
    begin("body_limit = 1k");
    for (size_t split = 0; split < sizeof "defg"; split++) {
        struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED,
                                                           .response = BODY_MODE_STREAMED,
                                                           .split = split});
        exchange_alone(c, NULL);
        kit_end(c);
        expect("\"request\":{\"body\":\"abc\",\"body_bytes\":3},"
               "\"response\":{\"body\":\"defg\",\"body_bytes\":4}}\n");
    }
    done();
}

Test(log, without_body_limit_no_bodies_are_logged)
{
    begin("");
    struct kit_call *c = call(BODY_MODE_BUFFERED);
    exchange(c, NULL);
    kit_end(c);
    expect("\"request\":{},\"response\":{}}\n");
    done();
}

Test(log, exhausted_memory_ends_only_the_stream)
{
    begin("body_limit = 1k\nrequest.header = user-agent\nresponse.header = set-cookie");
    struct kit_how streamed = {.request = BODY_MODE_STREAMED, .response = BODY_MODE_STREAMED};
    kit_every_failure(k, &streamed, exchange_alone, NULL);
    done();
}

/* ---- headers --------------------------------------------------------------------------------- */

/* The line of one transaction. */
static void run(const char *keys)
{
    begin(keys);
    struct kit_call *c = call(BODY_MODE_NONE);
    exchange(c, NULL);
    kit_end(c);
}

Test(log, reports_time_id_and_duration)
{
    run("");
    expect("{\"time\":\"20");
    expect("Z\",\"request_id\":\"id-1\"");
    expect("\"duration_ms\":");
    done();
}

Test(log, reports_the_id_of_a_request_that_is_not_shown)
{
    begin("");
    struct kit_call *c = call(BODY_MODE_NONE);
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.id", "id-2");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_end(c);
    expect("\"request_id\":\"id-2\"");
    done();
}

Test(log, reports_the_headers_it_is_asked_for)
{
    run("request.header = User-Agent\nrequest.header = x-absent\nresponse.header = content-type");
    expect("\"request\":{\"headers\":{\"User-Agent\":\"me\"}}");
    expect("\"response\":{\"headers\":{\"content-type\":\"text/plain\"}}");
    expect_no("secret");
    done();
}

Test(log, redacts_what_is_secret)
{
    run("request.header = x-key\nresponse.header = set-cookie\nredact = X-Key");
    expect("\"x-key\":\"[redacted]\"");
    expect("\"set-cookie\":[\"[redacted]\",\"[redacted]\"]");
    expect_no("secret");
    done();
}

/* The path of a request, as it is logged. */
static void expect_path(const char *sent, const char *said)
{
    char head[512], wanted[512];
    struct kit_call *c = call(BODY_MODE_NONE);
    cr_assert_eq(truncate(path, 0), 0);
    snprintf(head, sizeof head, ":method: GET\n:path: %s\nreferer: https://a.test%s", sent, sent);
    kit_headers(c, LANE_REQUEST, head, true);
    kit_end(c);
    snprintf(wanted, sizeof wanted, "\"path\":\"%s\"", said);
    expect(wanted);
    snprintf(wanted, sizeof wanted, "\"referer\":\"https://a.test%s\"", said);
    expect(wanted);
}

Test(log, redacts_parameters_of_urls)
{
    begin("request.header = referer\nredact.query = ticket");
    expect_path("/a", "/a");
    expect_path("/a?", "/a?");
    expect_path("/token=1", "/token=1");
    expect_path("/a?q=1&ticket=2&x", "/a?q=1&ticket=[redacted]&x");
    expect_path("/a?Ticket=2&ticket=3", "/a?Ticket=[redacted]&ticket=[redacted]");
    expect_path("/a?ticket", "/a?ticket");
    expect_path("/a?ticket=", "/a?ticket=[redacted]");
    expect_path("/a?%74icket=2", "/a?%74icket=[redacted]");
    expect_path("/a?x;ticket=1;2?3&y=4", "/a?x;ticket=[redacted]&y=4");
    expect_path("/a?ticket=a=b", "/a?ticket=[redacted]");
    expect_path("/a#access_token=1&b=2", "/a#access_token=[redacted]&b=2");
    expect_path("/a?b=c?ticket=1", "/a?b=c?ticket=[redacted]");
    expect_path("/a?tickets=1&%7=2&%zz=3", "/a?tickets=1&%7=2&%zz=3");
    done();
}

Test(log, redacts_parameters_with_long_names)
{
    char name[101], text[160], sent[160], logged[160];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "request.header = referer\nredact.query = %s", name);
    begin(text);
    snprintf(sent, sizeof sent, "/a?%s=1", name);
    snprintf(logged, sizeof logged, "/a?%s=[redacted]", name);
    expect_path(sent, logged);
    done();
}

Test(log, redacts_parameters_that_are_secret_everywhere)
{
    begin("request.header = referer");
    expect_path("/a?token=1&password=2&X-Amz-Signature=3&q=4",
                "/a?token=[redacted]&password=[redacted]&X-Amz-Signature=[redacted]&q=4");
    done();
}

Test(log, reports_several_values_as_a_list)
{
    begin("request.header = x-a");
    struct kit_call *c = call(BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /\nx-a: 1\nx-a: 2", true);
    kit_end(c);
    expect("\"x-a\":[\"1\",\"2\"]");
    done();
}

/* ---- bodies ---------------------------------------------------------------------------------- */

Test(log, reports_the_first_bytes_of_a_body_and_its_length)
{
    begin("body_limit = 4");
    struct kit_call *c = call(BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_body(c, LANE_REQUEST, "", false);
    kit_body(c, LANE_REQUEST, "def", false);
    kit_body(c, LANE_REQUEST, "ghi", true);
    kit_end(c);
    expect("\"body\":\"abcd\",\"body_bytes\":9");
    done();
}

Test(log, reports_an_empty_body)
{
    begin("body_limit = 4");
    struct kit_call *c = call(BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_body(c, LANE_REQUEST, "", true);
    kit_end(c);
    expect("\"body\":\"\",\"body_bytes\":0");
    done();
}

/* How a body of these bytes is logged. */
static void expect_body(struct extproc_str bytes, const char *said)
{
    struct kit_call *c = call(BODY_MODE_BUFFERED);
    cr_assert_eq(truncate(path, 0), 0);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_body_bytes(c, LANE_REQUEST, bytes, true);
    kit_end(c);
    expect(said);
}

Test(log, what_is_not_utf8_is_logged_with_replacement_characters)
{
#define NO_CHAR "\xef\xbf\xbd"
    begin("body_limit = 1k");
    expect_body(EXTPROC_S("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z"),
                "\"a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z\"");
    expect_body(EXTPROC_S("\xc3\xbc\xff\xc3"), "\"\xc3\xbc" NO_CHAR NO_CHAR "\"");
    expect_body(EXTPROC_S("\xc0\x80"), "\"" NO_CHAR NO_CHAR "\"");             /* overlong */
    expect_body(EXTPROC_S("\xe0\x80\x80"), "\"" NO_CHAR NO_CHAR NO_CHAR "\""); /* overlong */
    expect_body(EXTPROC_S("\xed\xa0\x80"), "\"" NO_CHAR NO_CHAR NO_CHAR "\""); /* surrogate */
    expect_body(EXTPROC_S("\xf4\x90\x80\x80"), "\"" NO_CHAR NO_CHAR NO_CHAR NO_CHAR "\"");
    expect_body(EXTPROC_S("\xf0\x8f\xbf\xbf"), "\"" NO_CHAR NO_CHAR NO_CHAR NO_CHAR "\"");
    expect_body(EXTPROC_S("\xe2\x82z"), "\"" NO_CHAR NO_CHAR "z\"");
    expect_body(EXTPROC_S("a\0\n\"b"), "\"a\\u0000\\n\\\"b\"");
    done();
}

Test(log, what_acts_on_a_terminal_is_escaped)
{
    begin("body_limit = 1k");
    expect_body(EXTPROC_S("\x1b\x7f\xc2\x85\xc2\x9b"
                          "2J"),
                "\"\\u001B\\u007f\\u0085\\u009b2J\"");
    expect_body(EXTPROC_S("\xe2\x80\xa8\xe2\x80\xae\xf3\xa0\x81\x81\xc3\xbc"),
                "\"\\u2028\\u202e\\udb40\\udc41\xc3\xbc\"");
    done();
}

/* ---- ends ------------------------------------------------------------------------------------ */

Test(log, reports_how_a_transaction_ended)
{
    begin("");
    struct kit_call *c = call(BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_reset(c);
    expect("\"path\":\"/p?q=1\",\"end\":\"disconnected\"");
    c = call(BODY_MODE_NONE);
    kit_headers(c, LANE_RESPONSE, RESPONSE, true);
    kit_stop(c);
    expect("\"status\":\"200\",\"end\":\"drained\"");
    c = call(BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_reset(c);
    expect("\"end\":\"failed\"");
    expect_lines(3);
    done();
}

Test(log, transactions_that_interleave_have_a_line_each)
{
    begin("request.header = x-n\nbody_limit = 1k");
    struct kit_call *one = call(BODY_MODE_STREAMED), *two = call(BODY_MODE_STREAMED);
    kit_headers(one, LANE_REQUEST, ":method: POST\n:path: /1\nx-n: 1", false);
    kit_headers(two, LANE_REQUEST, ":method: POST\n:path: /2\nx-n: 2", false);
    kit_body(one, LANE_REQUEST, "a", false);
    kit_body(two, LANE_REQUEST, "A", false);
    kit_body(one, LANE_REQUEST, "b", true);
    kit_body(two, LANE_REQUEST, "B", true);
    kit_end(two);
    kit_end(one);
    expect_lines(2);
    expect("\"path\":\"/1\"");
    expect("\"request\":{\"headers\":{\"x-n\":\"1\"},\"body\":\"ab\",\"body_bytes\":2}");
    expect("\"request\":{\"headers\":{\"x-n\":\"2\"},\"body\":\"AB\",\"body_bytes\":2}");
    done();
}

Test(log, a_disk_that_is_full_does_no_harm)
{
    k = PLUGIN_KIT("log", "to = /dev/full");
    for (int i = 0; i < 2; i++) {
        struct kit_call *c = call(BODY_MODE_BUFFERED);
        exchange(c, NULL);
        kit_end(c);
    }
    cr_expect(strstr(kit_log(k), "cannot write to /dev/full: No space left on device"));
    kit_free(k);
}

/* ---- configuration --------------------------------------------------------------------------- */

Test(log, asks_for_bodies_only_where_it_logs_them)
{
    uint32_t headers = EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS;
    uint32_t bodies = EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY;
    cr_expect_eq(plugin_interest(PLUGIN_INI("log", "")), headers);
    cr_expect_eq(plugin_interest(PLUGIN_INI("log", "to = stderr\nbody_limit = 1")),
                 headers | bodies);
}

Test(log, a_test_of_the_configuration_makes_no_file)
{
    char dir[] = "/tmp/extprocd-log-XXXXXX", ini[256], file[64];
    cr_assert(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/access.json", dir);
    snprintf(ini, sizeof ini, PLUGIN_INI("log", "to = %s"), file);
    cr_expect_neq(plugin_interest(ini), 0);
    cr_expect_neq(access(file, F_OK), 0);
    cr_expect_neq(plugin_interest(PLUGIN_INI("log", "to = not-there.json")), 0);
    rmdir(dir);
}

Test(log, what_it_does_not_take)
{
    PLUGIN_REFUSED(
        "log", "to = /nowhere/at/all",
        "test.ini:3: [plugin:p] to: cannot open /nowhere/at/all: No such file or directory");
    PLUGIN_REFUSED("log", "to = /", "test.ini:3: [plugin:p] to: ~/: is a directory~");
    PLUGIN_REFUSED("log",
                   "request.header = a b\nresponse.header = c:\nredact = ;none\nto = /nowhere/at",
                   "test.ini:3: [plugin:p] request.header: ~invalid header name~",
                   "test.ini:4: [plugin:p] response.header: ~invalid header name~",
                   "test.ini:5: [plugin:p] redact: ~invalid header name~",
                   "test.ini:6: [plugin:p] to: cannot open /nowhere/at: No such file or directory");
}

/* ---- attributes ------------------------------------------------------------------------------ */

Test(log, attributes_have_their_types_and_no_secrets)
{
    begin("attribute = source.address\nattribute = request.path\nattribute = request.query\n"
          "attribute = absent");
    struct kit_call *c = call(BODY_MODE_NONE);
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "192.0.2.1:1\x1b");
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.path", "/a?token=1&b=2");
    kit_with(c, KIT_ATTRIBUTES, NULL, "request.query", "token=1&b=2");
    exchange(c, NULL);
    kit_end(c);
    expect("\"attributes\":{\"source.address\":\"192.0.2.1:1\\u001B\","
           "\"request.path\":\"/a?token=[redacted]&b=2\","
           "\"request.query\":\"token=[redacted]&b=2\"}");
    done();
}

Test(log, an_attribute_of_the_response_is_logged)
{
    begin("attribute = xds.cluster_name");
    struct kit_call *c = call(BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_with(c, KIT_ATTRIBUTES, NULL, "xds.cluster_name", "one");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_end(c);
    expect("\"attributes\":{\"xds.cluster_name\":\"one\"}");
    expect("\"response_ms\":");
    done();
}

Test(log, without_a_response_it_has_no_time)
{
    begin("");
    struct kit_call *c = call(BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_end(c);
    expect_no("response_ms");
    expect_no("attributes");
    done();
}

/* ---- samples --------------------------------------------------------------------------------- */

static void exchange_of(unsigned id, const char *status)
{
    char head[128];
    struct kit_call *c = call(BODY_MODE_NONE);
    snprintf(head, sizeof head, ":method: GET\n:path: /\nx-request-id: id-%u", id);
    kit_headers(c, LANE_REQUEST, head, true);
    snprintf(head, sizeof head, ":status: %s", status);
    kit_headers(c, LANE_RESPONSE, head, true);
    kit_end(c);
}

static size_t n_lines(void)
{
    size_t n = 0;
    for (const char *at = text(); (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

Test(log, a_sample_is_a_share_and_always_the_same)
{
    begin("sample = 0.25");
    for (unsigned id = 0; id < 200; id++)
        exchange_of(id, "200");
    size_t n = n_lines();
    cr_expect(n > 200 / 8 && n < 200 / 2, "%zu", n);
    expect("\"sample\":0.25");
    for (unsigned id = 0; id < 200; id++)
        exchange_of(id, "404");
    cr_expect_eq(n_lines(), 2 * n);
    done();
}

Test(log, what_went_wrong_is_logged_all_the_same)
{
    begin("sample = 0");
    exchange_of(1, "200");
    expect_lines(0);
    exchange_of(2, "503");
    struct kit_call *c = call(BODY_MODE_STREAMED);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_reset(c);
    expect("\"status\":\"503\"");
    expect("\"end\":\"disconnected\"");
    expect_no("\"sample\"");
    expect_lines(2);
    done();
}

Test(log, unless_the_operator_says_no)
{
    begin("sample = 0\nsample.errors = no");
    exchange_of(1, "503");
    expect_lines(0);
    done();
}

Test(log, a_share_is_one)
{
    PLUGIN_REFUSED("log", "sample = 1.5", "test.ini:3: [plugin:p] sample: ~");
}
