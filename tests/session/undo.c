/* Plugins in real files, some of them failing: which of their changes the proxy gets, and which the
 * other plugins see. The plugin does what its section says (tests/e2e/plugins/probe.c).
 */
#include "kit/criterion.h"

#define CHAIN       "[chain:web]\nplugins = first\nplugins = bad\nplugins = last\n"
#define PROBE(name) "[plugin:" name "]\nfile = " PROBE_DIR "/probe.so\n"

static const char observed[] =
    CHAIN PROBE("first") "do = request_headers: set x-first 1\n"
                         "do = request_headers: metadata ns/first 1\n"
                         "do = request_body: body first\n" PROBE(
                             "bad") "do = request_headers: set x-bad 1\n"
                                    "do = request_headers: metadata ns/first 2\n"
                                    "do = request_headers: metadata ns/bad 1\n"
                                    "do = request_body: body twice as long\n"
                                    "do = request_body: fail\n"
                                    "do = request_trailers: log called again\n" PROBE(
                                        "last") "do = request_headers: log headers "
                                                "first=%REQ(x-first)% bad=%REQ(x-bad)%\n"
                                                "do = request_body: log body is "
                                                "%METADATA(ns:first)%%METADATA(ns:bad)%\n"
                                                "do = request_trailers: log trailers\n";

/* The proxy goes on without the plugin, with what it did in phases before. */
Test(undo, a_body_of_a_plugin_that_fails_is_not_seen)
{
    struct kit *k = kit_of_ini(observed);
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .observing = true});
    kit_request(c, ":method: POST\n:path: /", "abc", "x-end: 1");
    kit_expect_log(c, "headers first=1 bad=1 mode=STREAMED len=0");
    kit_expect_log(c, "body is 21 mode=STREAMED len=5");
    kit_expect_log(c, "trailers mode=STREAMED len=0");
    kit_expect_no_log(c, "called again");
    kit_end(c);
    kit_free(k);
}

Test(undo, a_500_has_the_metadata_of_those_before_only)
{
    struct kit *k =
        kit_of_ini(CHAIN PROBE("first") "do = request_headers: metadata ns/first 1\n" PROBE(
            "bad") "do = request_headers: metadata ns/first 2\n"
                   "do = request_headers: metadata ns/bad 1\n"
                   "do = request_headers: fail\n" PROBE(
                       "last") "do = request_headers: log called\n");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_expect_immediate(c, 500, NULL, "extprocd.bad.error");
    kit_expect_metadata(c, "ns", "first", "1");
    kit_expect_metadata(c, "ns", "bad", NULL);
    kit_expect_no_log(c, "called");
    kit_end(c);
    kit_free(k);
}

/* From plugin to plugin and from phase to phase, the proxy's own beneath. */
Test(undo, metadata_is_seen_by_those_after)
{
    struct kit *k = kit_of_ini(
        CHAIN PROBE("first") "do = request_headers: metadata ns/a 1\n"
                             "do = response_headers: log first "
                             "%METADATA(ns:a)%%METADATA(ns:p)%\n" PROBE(
                                 "bad") "do = request_headers: metadata ns/b "
                                        "%METADATA(ns:a)%2\n" PROBE("last") "do = request_headers: "
                                                                            "log last "
                                                                            "%METADATA(ns:b)%%"
                                                                            "METADATA(ns:p)%\n");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_METADATA, "ns", "p", "proxy");
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /", true);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    kit_expect_log(c, "last 12proxy mode");
    kit_expect_log(c, "first 1proxy mode");
    kit_end(c);
    kit_free(k);
}

static void all_of_it(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /", "abc", "x-end: 1");
    kit_response(c, ":status: 200", "def", NULL);
}

Test(undo, without_memory_nothing_is_lost)
{
    struct kit *k = kit_of_ini(observed);
    kit_every_failure(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .observing = true},
                      all_of_it, NULL);
    kit_free(k);
}
