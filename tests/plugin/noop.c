/* noop: sees every phase, changes none. */
#include "plugin.h"

static void pass(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /\nx-a: 1", "abc", "x-end: 1");
    kit_expect_unchanged(c);
    kit_response(c, ":status: 200\nx-b: 2", "def", "x-end: 2");
    kit_expect_unchanged(c);
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_body(c, LANE_RESPONSE, "def");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-b", "2");
    kit_expect_header(c, EXTPROC_MAP_REQUEST_TRAILERS, "x-end", "1");
    kit_expect_header(c, EXTPROC_MAP_RESPONSE_TRAILERS, "x-end", "2");
}

Test(noop, changes_nothing_in_any_way)
{
    struct kit *k = PLUGIN_KIT("noop", "");
    kit_every_way(k, 0, pass, NULL);
    kit_free(k);
}

Test(noop, reports_each_phase_at_level_debug)
{
    static const char *const phases[] = {"request_headers",  "request_body",  "request_trailers",
                                         "response_headers", "response_body", "response_trailers"};
    struct kit *k = PLUGIN_KIT("noop", "");
    struct kit_call *c = kit_call(
        k, &(struct kit_how){.request = BODY_MODE_STREAMED, .response = BODY_MODE_STREAMED});
    pass(c, NULL);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        kit_expect_log(c, phases[i]);
    kit_expect_log(c, "more may follow");
    kit_expect_log(c, "end of the direction");
    kit_end(c);
    kit_free(k);
}

Test(noop, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = PLUGIN_KIT("noop", "");
    kit_every_failure(k, &(struct kit_how){.request = BODY_MODE_STREAMED}, pass, NULL);
    kit_free(k);
}

Test(noop, what_it_does_not_take)
{
    PLUGIN_REFUSED("noop", "direction = both", "test.ini:3: [plugin:p] direction: unknown key~");
}
