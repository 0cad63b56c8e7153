/* Phases that do not come: needs that this breaks, and plugins that are not called. */
#include "kit/lines.h"
#include "session/opening.h"

#include <stdio.h>
#include <string.h>

static enum extproc_action go_on(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin needs_request = {
    .abi = EXTPROC_ABI, .name = "need", .needs = EXTPROC_WHOLE_REQUEST_BODY, .request_body = go_on};
static const struct extproc_plugin needs_response = {.abi = EXTPROC_ABI,
                                                     .name = "need",
                                                     .needs = EXTPROC_WHOLE_RESPONSE_BODY,
                                                     .response_body = go_on};
static const struct extproc_plugin waits = {
    .abi = EXTPROC_ABI, .name = "need", .needs = EXTPROC_HEADERS_WAIT, .request_body = go_on};

#define MISSED "not called: ~does not send"

static struct kit *kit_with_plugin(const struct extproc_plugin *plugin)
{
    return kit_of((struct kit_linked[]){{"p", plugin}, {0}});
}

static unsigned n_lines(const char *text)
{
    unsigned n = 0;
    for (const char *line = kit_log(k); line && *line; line = strchr(line, '\n'), line += !!line)
        n += line_has(line, text);
    return n;
}

/* ---- needs ----------------------------------------------------------------------------------- */

static const struct {
    const struct extproc_plugin *plugin;
    enum body_mode request, response;
    const char *text;
} broken[] = {
    {&needs_request, BODY_MODE_NONE, BODY_MODE_BUFFERED,
     "plugin=p phase=request_headers: ~complete~request_body_mode is NONE ~request_body_mode: "
     "BUFFERED"},
    {&needs_request, BODY_MODE_GRPC, BODY_MODE_NONE, "needs the request body complete"},
    {&needs_response, BODY_MODE_BUFFERED, BODY_MODE_NONE,
     "plugin=p phase=request_headers: ~complete~response_body_mode is NONE ~response_body_mode: "
     "BUFFERED"},
    {&waits, BODY_MODE_STREAMED, BODY_MODE_NONE,
     "~before its headers~request_body_mode is STREAMED"},
    {&waits, BODY_MODE_NONE, BODY_MODE_NONE, "request_body_mode is NONE"},
};

static void see_a_request(void)
{
    begin(BODY_MODE_BUFFERED, BODY_MODE_NONE);
    request_headers(true);
    response_headers(true);
    kit_end(c);
}

static void expect_failed_response(const char *headers)
{
    kit_headers(c, LANE_RESPONSE, headers, true);
    kit_expect_immediate(c, 500, "", "extprocd.p.error");
    kit_expect_log(c, "plugin=p phase=response_headers: ~complete~request_body_mode is NONE");
    kit_end(c);
}

/* Of two routes one sends requests and one does not: an upstream's response shows it. */
Test(missing, a_request_that_was_not_seen_beside_others_fails_when_an_upstream_has_answered)
{
    k = kit_with_plugin(&needs_request);
    see_a_request();
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    expect_failed_response(":status: 200\nx-envoy-upstream-service-time: 3");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_with(c, KIT_ATTRIBUTES, NULL, "response.code_details", "via_upstream");
    expect_failed_response(":status: 200");
    kit_free(k);
}

Test(missing, a_response_that_the_proxy_made_itself_passes)
{
    k = kit_with_plugin(&needs_request);
    see_a_request();
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_with(c, KIT_ATTRIBUTES, NULL, "response.code_details", "direct_response");
    kit_headers(c, LANE_RESPONSE, ":status: 503\nx-envoy-upstream-service-time: 3", true);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

/* Nothing says which it is: one of two routes does not send requests, and its proxy suppresses
 * Envoy's headers; or the proxy has answered by itself. */
Test(missing, a_request_that_was_not_seen_beside_others_is_reported_once)
{
    k = kit_with_plugin(&needs_request);
    see_a_request();
    cr_expect_eq(n_lines("without its request"), 0);
    for (int i = 0; i < 2; i++) {
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        response_headers(true);
        kit_expect_going(c);
        kit_end(c);
    }
    cr_expect_eq(n_lines("plugin=p phase=request_body: a response without its request"), 1);
    kit_free(k);
}

Test(missing, a_need_that_a_mode_does_not_meet_fails_the_first_message)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        k = kit_with_plugin(broken[i].plugin);
        begin(broken[i].request, broken[i].response);
        request_headers(false);
        kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
        kit_expect_log(c, broken[i].text);
        kit_end(c);
        kit_free(k);
    }
}

static const struct {
    const struct extproc_plugin *plugin;
    enum body_mode request, response;
    bool end;
} met[] = {
    {&needs_request, BODY_MODE_BUFFERED, BODY_MODE_NONE, false},
    {&needs_request, BODY_MODE_STREAMED, BODY_MODE_NONE, false}, /* it may come in one chunk */
    {&needs_request, BODY_MODE_NONE, BODY_MODE_NONE, true},      /* there is none            */
    {&waits, BODY_MODE_STREAMED, BODY_MODE_NONE, true},
    {&needs_response, BODY_MODE_NONE, BODY_MODE_BUFFERED, false},
};

Test(missing, a_need_is_met_where_the_body_comes_or_there_is_none)
{
    for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
        k = kit_with_plugin(met[i].plugin);
        begin(met[i].request, met[i].response);
        request_headers(met[i].end);
        kit_expect_going(c);
        kit_end(c);
        kit_free(k);
    }
}

static const struct {
    const struct extproc_plugin *plugin;
    const char *request, *response;
    bool broken;
} framings[] = {
    {&needs_response, ":method: HEAD\n:path: /", ":status: 200", false},
    {&needs_request, ":method: GET\n:path: /\nconnection: upgrade\nupgrade: websocket",
     ":status: 101", false},
    {&needs_response, ":method: GET\n:path: /\nconnection: upgrade\nupgrade: websocket",
     ":status: 101", false},
    {&needs_response, ":method: GET\n:path: /\nconnection: upgrade\nupgrade: websocket",
     ":status: 200", true}, /* it declined, and this has a body */
    {&needs_response, ":method: CONNECT\n:authority: a", ":status: 200", false},
    {&needs_response, ":method: CONNECT\n:authority: a", ":status: 404", true},
};

Test(missing, a_message_that_can_have_no_body_breaks_no_need)
{
    for (size_t i = 0; i < sizeof framings / sizeof *framings; i++) {
        k = kit_with_plugin(framings[i].plugin);
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        kit_headers(c, LANE_REQUEST, framings[i].request, false);
        kit_expect_going(c);
        kit_headers(c, LANE_RESPONSE, framings[i].response, false);
        if (framings[i].broken)
            kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
        else
            kit_expect_going(c);
        kit_expect_no_log(c, MISSED);
        kit_end(c);
        kit_free(k);
    }
}

Test(missing, a_mode_that_is_not_known_breaks_no_need)
{
    k = kit_with_plugin(&needs_request);
    c = kit_call(k, &(struct kit_how){.unsaid = true});
    request_headers(false);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

Test(missing, the_listener_sets_it_too)
{
    k = kit_with_plugin(&needs_request);
    c = kit_call(k, &(struct kit_how){.unsaid = true, .listener_says = true});
    request_headers(false);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_end(c);
    kit_free(k);
}

Test(missing, of_a_request_that_is_skipped_a_need_fails_its_response)
{
    k = kit_with_plugin(&needs_request);
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    response_headers(false);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_end(c);
    kit_free(k);
}

Test(missing, a_reply_of_the_proxy_itself_breaks_no_need_of_a_request)
{
    k = kit_with_plugin(&needs_request);
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    request_headers(true);
    kit_end(c);
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    response_headers(false);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

Test(missing, to_a_proxy_that_observes_it_is_a_line_only)
{
    k = kit_with_plugin(&needs_request);
    c = kit_call(k, &(struct kit_how){.observing = true, .listener_says = true});
    request_headers(false);
    kit_expect_going(c);
    kit_expect_log(c, "request_body_mode is NONE");
    kit_end(c);
    kit_free(k);
}

static int open_and_skip(struct extproc_txn *x)
{
    return extproc_skip(x, EXTPROC_PHASE_REQUEST_BODY);
}
static enum extproc_action skip(struct extproc_txn *x)
{
    return extproc_continue(extproc_skip(x, EXTPROC_PHASE_REQUEST_BODY));
}

Test(missing, a_plugin_that_skips_the_phase_needs_no_body)
{
    struct extproc_plugin skips[] = {needs_request, needs_request};
    skips[0].open = open_and_skip;
    skips[1].request_headers = skip;
    for (size_t i = 0; i < 2; i++) {
        k = kit_with_plugin(&skips[i]);
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        request_headers(false);
        kit_expect_going(c);
        kit_expect_no_log(c, "request_body");
        kit_end(c);
        kit_free(k);
    }
}

static enum extproc_action refuse(struct extproc_txn *x)
{
    return extproc_reply(x, .status = 401);
}

Test(missing, a_plugin_that_answers_comes_before_a_need)
{
    const struct extproc_plugin auth = {
        .abi = EXTPROC_ABI, .name = "auth", .request_headers = refuse};
    k = kit_of((struct kit_linked[]){{"need", &needs_request}, {"auth", &auth}, {0}});
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    request_headers(false);
    kit_expect_immediate(c, 401, NULL, "auth");
    kit_end(c);
    kit_free(k);
}

Test(missing, of_several_needs_the_first_in_the_chain_is_named)
{
    k = kit_of((struct kit_linked[]){{"a", &needs_request}, {"b", &needs_request}, {0}});
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    request_headers(false);
    kit_expect_immediate(c, 500, NULL, "extprocd.a.error");
    kit_end(c);
    kit_free(k);
}

static enum extproc_action set_and_go(struct extproc_txn *x)
{
    return extproc_continue(
        extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-kept"), EXTPROC_S("yes")));
}

/* Edits stay with the plugin that made them, and the failed plugin has made none. */
Test(missing, observed_edits_of_neighbours_stay)
{
    const struct extproc_plugin setter = {
        .abi = EXTPROC_ABI, .name = "setter", .request_headers = set_and_go};
    k = kit_of((struct kit_linked[]){{"setter", &setter}, {"need", &needs_request}, {0}});
    c = kit_call(k, &(struct kit_how){.observing = true, .listener_says = true});
    request_headers(false);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static const struct extproc_plugin takes_all = {
    .abi = EXTPROC_ABI,
    .name = "all",
    .request_headers = go_on,
    .request_body = go_on,
    .request_trailers = go_on,
    .response_headers = go_on,
    .response_body = go_on,
    .response_trailers = go_on,
};

/* h, H: request headers, H the end; b, B a body, t trailers; r, R the response's headers. */
static void play(enum body_mode mode, const char *script)
{
    c = kit_call(k, &(struct kit_how){
                        .request = mode, .response = mode, .unsaid = mode == BODY_MODE_UNKNOWN});
    for (; *script; script++) {
        if (strchr("hH", *script))
            request_headers(*script == 'H');
        else if (strchr("rR", *script))
            response_headers(*script == 'R');
        else if (*script == 't')
            kit_trailers(c, LANE_REQUEST, "x-t: 1");
        else
            kit_body(c, LANE_REQUEST, "abc", *script == 'B');
    }
    kit_end(c);
}

static const struct {
    enum body_mode mode;
    const char *script, *missed[3];
} misses[] = {
    {BODY_MODE_NONE, "hR", {"request_body"}},
    {BODY_MODE_NONE, "Hr", {"response_body"}},
    {BODY_MODE_NONE, "HR", {NULL}},
    {BODY_MODE_STREAMED, "hbtR", {NULL}},
    {BODY_MODE_STREAMED, "BR", {"request_headers"}},
    {BODY_MODE_BUFFERED, "BR", {"request_headers"}},
    {BODY_MODE_STREAMED, "tR", {"request_headers"}},
    {BODY_MODE_NONE, "tR", {"request_headers", "request_body"}},
    {BODY_MODE_NONE, "R", {"request_headers", "request_body"}},
    {BODY_MODE_STREAMED, "R", {"request_headers"}},
    {BODY_MODE_BUFFERED, "hbR", {"request_trailers"}},
    {BODY_MODE_BUFFERED, "hbtR", {NULL}},
    {BODY_MODE_UNKNOWN, "hR", {NULL}},
};

Test(missing, each_phase_that_does_not_come_is_one_warning)
{
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        unsigned n = 0;
        k = kit_with_plugin(&takes_all);
        for (int times = 0; times < 3; times++)
            play(misses[i].mode, misses[i].script);
        for (; n < 3 && misses[i].missed[n]; n++) {
            char text[128];
            snprintf(text, sizeof text,
                     "warn  listener=kit ~transaction=~ plugin=p phase=%s: " MISSED,
                     misses[i].missed[n]);
            cr_expect_eq(n_lines(text), 1, "%s: %s\n%s", misses[i].script, text, kit_log(k));
        }
        cr_expect_eq(n_lines(MISSED), n, "%s: %s", misses[i].script, kit_log(k));
        cr_expect_eq(kit_counter(k, NULL, "phases_missed"), n);
        kit_free(k);
    }
}

Test(missing, a_warning_says_what_to_set)
{
    k = kit_with_plugin(&takes_all);
    play(BODY_MODE_NONE, "tR");
    cr_expect_eq(n_lines("set request_header_mode: SEND"), 1);
    cr_expect_eq(n_lines("set request_body_mode: STREAMED"), 1);
    kit_free(k);
}

Test(missing, every_plugin_has_a_warning_of_its_own)
{
    k = kit_of((struct kit_linked[]){{"a", &takes_all}, {"b", &takes_all}, {0}});
    play(BODY_MODE_NONE, "hR");
    play(BODY_MODE_NONE, "hR");
    cr_expect_eq(n_lines("plugin=a phase=request_body: " MISSED), 1);
    cr_expect_eq(n_lines("plugin=b phase=request_body: " MISSED), 1);
    kit_free(k);
}

Test(missing, a_phase_that_a_plugin_skips_by_itself_is_not_missing)
{
    struct extproc_plugin skips = takes_all;
    skips.open = open_and_skip;
    k = kit_with_plugin(&skips);
    play(BODY_MODE_NONE, "hR");
    cr_expect_eq(n_lines(MISSED), 0);
    kit_free(k);
}

Test(missing, a_request_that_came_once_is_not_skipped)
{
    k = kit_with_plugin(&takes_all);
    play(BODY_MODE_NONE, "HR");
    play(BODY_MODE_NONE, "R");
    cr_expect_eq(n_lines(MISSED), 0);
    kit_free(k);
}

/* One client may have left; the proxy skips what has never come. */
Test(missing, a_response_that_has_never_come_is_missing_the_second_time)
{
    k = kit_with_plugin(&takes_all);
    play(BODY_MODE_NONE, "H");
    cr_expect_eq(n_lines("info  listener=kit ~transaction=~ plugin=p phase=response_headers: ~no "
                         "response~response_header_mode: SEND"),
                 1);
    cr_expect_eq(n_lines(MISSED), 0);
    play(BODY_MODE_NONE, "H");
    play(BODY_MODE_NONE, "H");
    cr_expect_eq(n_lines("plugin=p phase=response_headers: " MISSED), 1);
    cr_expect_eq(n_lines("plugin=p phase=response_body: " MISSED), 1);
    kit_free(k);
}

Test(missing, a_client_that_leaves_where_responses_come_is_not_one)
{
    k = kit_with_plugin(&takes_all);
    play(BODY_MODE_NONE, "HR");
    for (int i = 0; i < 3; i++)
        play(BODY_MODE_NONE, "H");
    cr_expect_eq(n_lines("response_header_mode"), 0);
    kit_free(k);
}

/* ---- fallbacks ------------------------------------------------------------------------------- */

static char called[64];

static enum extproc_action note(struct extproc_txn *x)
{
    size_t len = strlen(called);
    snprintf(called + len, sizeof called - len, "%u ", (unsigned)x->phase);
    return EXTPROC_ACTION_CONTINUE;
}

static uint32_t effects;
static int init_fallback(struct extproc_instance *instance)
{
    int r =
        extproc_interest(instance, EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS);
    return r < 0 ? r
                 : extproc_fallback(instance,
                                    EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_REQUEST_TRAILERS |
                                        EXTPROC_PHASE_RESPONSE_BODY,
                                    effects);
}
static const struct extproc_plugin falls_back = {
    .abi = EXTPROC_ABI,
    .name = "fallback",
    .init = init_fallback,
    .request_headers = note,
    .request_body = note,
    .request_trailers = note,
    .response_headers = note,
    .response_body = note,
};

static void expect_calls(uint32_t what, enum body_mode mode, const char *script, const char *calls,
                         unsigned n_missed)
{
    called[0] = '\0';
    effects = what;
    k = kit_with_plugin(&falls_back);
    play(mode, script);
    cr_expect_str_eq(called, calls, "%s", script);
    cr_expect_eq(n_lines(MISSED), n_missed, "%s: %s", script, kit_log(k));
    kit_free(k);
}

Test(missing, a_fallback_is_called_where_headers_were_skipped)
{
    expect_calls(EXTPROC_FALLBACK_RESPONDS, BODY_MODE_STREAMED, "hBR", "1 8 ", 0);
    expect_calls(EXTPROC_FALLBACK_RESPONDS, BODY_MODE_STREAMED, "bBR", "2 2 8 ", 0);
    expect_calls(EXTPROC_FALLBACK_RESPONDS, BODY_MODE_BUFFERED, "BR", "2 8 ", 0);
    expect_calls(EXTPROC_FALLBACK_RESPONDS, BODY_MODE_NONE, "tR", "4 8 ", 0);
    expect_calls(EXTPROC_FALLBACK_RESPONDS, BODY_MODE_NONE, "R", "8 ", 1);
}

Test(missing, a_fallback_is_not_called_where_it_can_do_nothing)
{
    expect_calls(EXTPROC_FALLBACK_SETS_BODY, BODY_MODE_STREAMED, "BR", "2 8 ", 0);
    expect_calls(EXTPROC_FALLBACK_SETS_BODY, BODY_MODE_NONE, "tR", "8 ", 1);
    effects = EXTPROC_FALLBACK_RESPONDS;
    for (enum body_mode mode = BODY_MODE_STREAMED; mode <= BODY_MODE_BUFFERED; mode++) {
        k = kit_with_plugin(&falls_back);
        called[0] = '\0';
        begin(mode, mode);
        request_headers(true);
        kit_body(c, LANE_RESPONSE, "abc", true);
        kit_end(c);
        cr_expect_str_eq(called, "1 ", "the response has begun");
        cr_expect_eq(n_lines(MISSED), 1);
        kit_free(k);
    }
}
