/* A plugin whose mode is shadow: what it would have done is said, and nothing of it is done. */
#include "kit/kit_private.h"
#include "kit/lines.h"
#include "session/opening.h"

#include <stdio.h>
#include <string.h>

static char journal[512];
static struct {
    uint32_t after_ms;
    bool respond, hold;
} plan;

EXTPROC_PRINTF(1, 2)
static void note(const char *fmt, ...)
{
    size_t len = strlen(journal);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(journal + len, sizeof journal - len, fmt, ap);
    va_end(ap);
}

static void expect_journal(const char *expected)
{
    cr_expect_str_eq(journal, expected);
    journal[0] = '\0';
}

/* ---- a plugin that changes all it sees ------------------------------------------------------- */

static enum extproc_action change(struct extproc_txn *x)
{
    bool response = extproc_is_response(x);
    enum extproc_map map = response ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST;
    if (plan.respond) {
        struct extproc_response r = extproc_response_init();
        r.status = 403;
        extproc_respond(x, &r);
        return EXTPROC_ACTION_RESPOND;
    }
    if (x->phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY)) {
        struct extproc_str body = extproc_body(x);
        note("%.*s ", EXTPROC_ARG(body));
        if (plan.hold && !x->last)
            return EXTPROC_ACTION_HOLD;
        extproc_body_set(x, EXTPROC_S("changed"));
        return EXTPROC_ACTION_CONTINUE;
    }
    struct extproc_str before = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-new"));
    note("%s:%.*s ", response ? "r" : "q", EXTPROC_ARG(before));
    extproc_header_set(x, map, EXTPROC_S("x-new"), EXTPROC_S("secret"));
    extproc_header_remove(x, map, EXTPROC_S("x-old"));
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"), extproc_bool(true));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action begins(struct extproc_txn *x)
{
    return plan.after_ms ? extproc_waiting(extproc_after(x, plan.after_ms)) : change(x);
}

static enum extproc_action resumed(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    note("resumed ");
    return change(x);
}

static void closed(struct extproc_txn *x, enum extproc_end why)
{
    note("close ");
}

static const struct extproc_plugin changer = {.abi = EXTPROC_ABI,
                                              .name = "changer",
                                              .needs = EXTPROC_HOLDS_BODY,
                                              .request_headers = begins,
                                              .request_body = change,
                                              .response_headers = change,
                                              .response_body = change,
                                              .resume = resumed,
                                              .close = closed};

static void given(const char *keys)
{
    char ini[512];
    snprintf(ini, sizeof ini, "[plugin:p]\nmode = shadow\n%s", keys);
    k = kit_new(&(struct kit_options){.ini = ini,
                                      .linked = (struct kit_linked[]){{"p", &changer}, {0}},
                                      .fail = kit_criterion_fail});
}

/* A counter of the plugin, whatever its other labels. */
static uint64_t counted(const char *name)
{
    struct metric_reading m;
    uint64_t sum = 0;
    for (size_t i = 0; metrics_read(k->env.metrics, i, &m); i++)
        if (strcmp(m.name, name) == 0 && strcmp(m.labels[METRIC_PLUGIN], "p") == 0)
            sum += m.sum;
    return sum;
}

#define REQUEST ":method: POST\n:path: /\nx-old: 1\nx-request-id: id-1"

static void unchanged(struct kit_call *call, void *arg)
{
    kit_request(call, REQUEST, "abcdef", NULL);
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-old", "1");
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-new", NULL);
    kit_response(call, ":status: 200\nx-old: 1", "ghi", NULL);
    kit_expect_header(call, EXTPROC_MAP_RESPONSE, "x-old", "1");
    kit_expect_header(call, EXTPROC_MAP_RESPONSE, "x-new", NULL);
    kit_expect_metadata(call, "ns", "k", NULL);
    kit_expect_going(call);
}

static void play(void)
{
    begin(BODY_MODE_STREAMED, BODY_MODE_BUFFERED);
    unchanged(c, NULL);
    kit_expect_body(c, LANE_REQUEST, "abcdef");
    kit_expect_body(c, LANE_RESPONSE, "ghi");
    kit_end(c);
}

/* ---- what it sees, and what is said ---------------------------------------------------------- */

Test(shadow, changes_nothing_and_sees_what_it_did_itself)
{
    given("");
    play();
    expect_journal("q: abcdef r:secret ghi close ");
    cr_expect(lines_have(kit_log(k),
                         "plugin=p: shadow {\"transaction\":\"id-1\",\"chain\":\"linked\","
                         "\"would\":[{\"phase\":\"request_headers\",\"would\":\"set\","
                         "\"header\":\"x-new\"}"),
              "%s", kit_log(k));
    cr_expect(lines_have(kit_log(k),
                         "{\"phase\":\"request_headers\",\"would\":\"remove\",\"header\":"
                         "\"x-old\"}"));
    cr_expect(lines_have(kit_log(k), "{\"phase\":\"response_body\",\"would\":\"edit body\"}"));
    cr_expect(!strstr(kit_log(k), "secret"), "values are not shown");
    cr_expect_eq(counted("would_edit"), 6);
    kit_free(k);
}

Test(shadow, a_response_of_its_own_ends_its_part_only)
{
    given("");
    plan.respond = true;
    play();
    expect_journal("close ");
    cr_expect(lines_have(kit_log(k), "[{\"phase\":\"request_headers\",\"would\":\"respond\","
                                     "\"status\":403}]"),
              "%s", kit_log(k));
    cr_expect_eq(counted("would_respond"), 1);
    kit_free(k);
}

/* The transaction goes on, and is over before the plugin is. */
Test(shadow, what_waits_keeps_nothing_waiting)
{
    given("timeout = 10s\n");
    plan.after_ms = 500;
    play();
    expect_journal("");
    kit_run(k);
    expect_journal("resumed q: abcdef r:secret ghi close ");
    cr_expect(lines_have(kit_log(k), "\"would\":\"edit body\""));
    kit_free(k);
}

Test(shadow, what_still_waits_at_the_stop_is_ended)
{
    given("timeout = 10s\n");
    plan.after_ms = 500;
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_stop(c);
    expect_journal("close ");
    play();
    kit_free(k);
    expect_journal("close ");
}

Test(shadow, bytes_that_it_holds_go_on)
{
    given("");
    plan.hold = true;
    begin(BODY_MODE_STREAMED, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_body(c, LANE_REQUEST, "ab", false);
    kit_expect_body(c, LANE_REQUEST, "ab");
    kit_body(c, LANE_REQUEST, "cd", true);
    kit_expect_body(c, LANE_REQUEST, "abcd");
    kit_end(c);
    expect_journal("q: ab abcd close ");
    kit_free(k);
}

Test(shadow, copies_beyond_the_limit_are_not_made)
{
    given("max_body = 4\n");
    play();
    expect_journal("q: close ");
    cr_expect(lines_have(kit_log(k), "plugin=p: shadow: not shown the rest~max_body"), "%s",
              kit_log(k));
    kit_free(k);
}

/* Some transactions do without, so that none takes the memory of the others. */
Test(shadow, copies_for_all_transactions_have_a_limit)
{
    enum { N = 40, LEN = 1000 * 1000 };
    static char text[LEN + 1];
    struct kit_call *calls[N];
    memset(text, 'a', LEN);
    given("timeout = 10s\n");
    plan.after_ms = 500;
    for (int i = 0; i < N; i++) {
        calls[i] = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
        kit_headers(calls[i], LANE_REQUEST, REQUEST, false);
        kit_body(calls[i], LANE_REQUEST, text, true);
    }
    cr_expect(lines_have(kit_log(k), "shadow: not shown the rest~copies for all"));
    for (int i = 0; i < N; i++)
        kit_stop(calls[i]);
    journal[0] = '\0';
    plan.after_ms = 0;
    play();
    expect_journal("q: abcdef r:secret ghi close ");
    kit_free(k);
}

static const struct extproc_plugin whole = {.abi = EXTPROC_ABI,
                                            .name = "whole",
                                            .needs = EXTPROC_WHOLE_REQUEST_BODY,
                                            .request_body = change};

Test(shadow, a_need_that_is_not_met_fails_beside_the_transaction)
{
    k = kit_new(&(struct kit_options){.ini = "[plugin:p]\nmode = shadow\n",
                                      .linked = (struct kit_linked[]){{"p", &whole}, {0}},
                                      .fail = kit_criterion_fail});
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, false);
    kit_expect_going(c);
    kit_expect_log(c, "needs the request body complete");
    cr_expect(lines_have(kit_log(k), "listener=kit peer=192.0.2.1:4711 transaction=~ plugin=p "),
              "%s", kit_log(k));
    kit_end(c);
    cr_expect(lines_have(kit_log(k), "\"would\":\"respond\",\"status\":500"), "%s", kit_log(k));
    kit_free(k);
}

Test(shadow, in_every_way_and_with_every_failure)
{
    given("");
    kit_every_way(k, 0, unchanged, NULL);
    kit_every_failure(k, &(struct kit_how){.request = BODY_MODE_STREAMED}, unchanged, NULL);
    kit_free(k);
}

/* ---- beside others --------------------------------------------------------------------------- */

Test(shadow, sees_what_those_before_it_did_and_those_after_it_see_nothing_of_it)
{
    k = kit_of_ini("[chain:c]\nplugins = a, s, b\n"
                   "[plugin:a]\nfile = headers.so\nrequest.set = x-a: 1\n"
                   "[plugin:s]\nfile = headers.so\nmode = shadow\nrequest.replace = x-a: 2\n"
                   "request.set = x-s: 1\nwhen.header.x-a = 1\n"
                   "[plugin:b]\nfile = headers.so\nrequest.set = x-saw: %REQ(x-a)%%REQ(x-s)%\n");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, REQUEST, true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-saw", "1");
    kit_end(c);
    cr_expect(lines_have(kit_log(k), "plugin=s: shadow ~\"set\",\"header\":\"x-s\"~\"x-a\""), "%s",
              kit_log(k));
    kit_free(k);
}
