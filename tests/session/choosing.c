/* Which transactions a chain and a plugin see, as their conditions say. */
#include "kit/lines.h"
#include "session/opening.h"

#include <stdio.h>
#include <string.h>

static char journal[256];

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

/* ---- plugins that note what they see --------------------------------------------------------- */

static int opened(struct extproc_txn *x)
{
    note("open ");
    return 0;
}

static enum extproc_action noted(struct extproc_txn *x)
{
    static const char *const names[] = {"q", "qb", "qt", "r", "rb", "rt"};
    int phase = 0;
    while (!((unsigned)x->phase & 1u << phase))
        phase++;
    note("%s ", names[phase]);
    return EXTPROC_ACTION_CONTINUE;
}

static void closed(struct extproc_txn *x, enum extproc_end why)
{
    note("close ");
}

static const struct extproc_plugin all_phases = {
    .abi = EXTPROC_ABI,
    .name = "all",
    .open = opened,
    .request_headers = noted,
    .request_body = noted,
    .request_trailers = noted,
    .response_headers = noted,
    .response_body = noted,
    .response_trailers = noted,
    .close = closed,
};
static const struct extproc_plugin whole_request = {.abi = EXTPROC_ABI,
                                                    .name = "whole",
                                                    .needs = EXTPROC_WHOLE_REQUEST_BODY,
                                                    .request_body = noted};
static const struct extproc_plugin whole_response = {.abi = EXTPROC_ABI,
                                                     .name = "whole",
                                                     .needs = EXTPROC_WHOLE_RESPONSE_BODY,
                                                     .response_body = noted};
static const struct extproc_plugin guards = {.abi = EXTPROC_ABI,
                                             .name = "guards",
                                             .needs = EXTPROC_MUST_SEE_REQUEST_BODY |
                                                      EXTPROC_MUST_SEE_RESPONSE_BODY,
                                             .request_body = noted,
                                             .response_body = noted};

static enum extproc_action sets_role(struct extproc_txn *x)
{
    extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-role"), EXTPROC_S("admin"));
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("role"), extproc_string(EXTPROC_S("admin")));
    return EXTPROC_ACTION_CONTINUE;
}
static const struct extproc_plugin role = {
    .abi = EXTPROC_ABI, .name = "role", .request_headers = sets_role};

static struct kit *given(const struct extproc_plugin *plugin, const char *keys)
{
    char ini[4096];
    snprintf(ini, sizeof ini, "[plugin:p]\n%s", keys);
    return kit_new(&(struct kit_options){.ini = ini,
                                         .linked = (struct kit_linked[]){{"p", plugin}, {0}},
                                         .fail = kit_criterion_fail});
}

#define REQUEST(path) ":method: POST\n:path: " path

static void play(const char *request, const char *response)
{
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    kit_request(c, request, "abc", NULL);
    kit_response(c, response, "def", NULL);
    kit_end(c);
}

/* ---- chains ---------------------------------------------------------------------------------- */

#define TAG(name)                                                                                  \
    "[plugin:" name "]\nfile = headers.so\nrequest.set = x-chain: " name                           \
    "\nresponse.set = x-chain: " name "\n"

static void expect_chain(const char *headers, const char *name)
{
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, headers, true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-chain", name);
    response_headers(true);
    kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-chain", name);
    kit_end(c);
}

Test(choosing, the_first_chain_whose_conditions_hold_takes_a_transaction)
{
    k = kit_of_ini("[chain:api]\nmatch.path = /api/*\nmatch.method = GET\nmatch.method = POST\n"
                   "plugins = api\n"
                   "[chain:admin]\nmatch.path = /a*\nplugins = admin\n"
                   "[chain:rest]\nplugins = rest\n" TAG("api") TAG("admin") TAG("rest"));
    expect_chain(":method: POST\n:path: /api/x?y=/", "api");
    expect_chain(":method: PUT\n:path: /api/x", "admin");
    expect_chain(":method: GET\n:path: /b", "rest");
    expect_chain(":method: GET\n:path: /", "rest");
    kit_free(k);
}

Test(choosing, a_transaction_that_no_chain_takes_passes_untouched)
{
    k = kit_of_ini("[chain:api]\nmatch.path = /api/*\nplugins = api\n" TAG("api"));
    begin(BODY_MODE_STREAMED, BODY_MODE_BUFFERED);
    request_headers(false);
    kit_expect_unchanged(c);
    cr_expect_eq(kit_n_answers(c), 1);
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_unchanged(c);
    response_headers(true);
    kit_expect_unchanged(c);
    kit_end(c);
    expect_chain(":method: GET\n:path: /api/", "api");
    kit_free(k);
}

Test(choosing, a_chain_by_what_comes_beside_the_message)
{
    k = kit_of_ini("[chain:a]\nmatch.attribute.source.address = 10.*\nplugins = a\n"
                   "[chain:b]\nmatch.metadata.ns/tenant = blue\nplugins = b\n"
                   "[chain:c]\nmatch.listener = kit\nplugins = c\n" TAG("a") TAG("b") TAG("c"));
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"a", "b", "c"};
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        if (i == 0)
            kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "10.1.2.3");
        if (i <= 1)
            kit_with(c, KIT_METADATA, "ns", "tenant", "blue");
        request_headers(true);
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-chain", names[i]);
        kit_end(c);
    }
    kit_free(k);
}

/* Neither this chain nor the next one: a client could choose otherwise. */
Test(choosing, a_chain_that_cannot_be_decided_about_ends_the_stream)
{
    char headers[3000];
    int len = snprintf(headers, sizeof headers, ":path: /");
    memset(headers + len, 'a', 2500);
    strcpy(headers + len + 2500, "b\nx-request-id: id-1");
    k = kit_of_ini("[chain:api]\nmatch.path = ~ ^/(a+)+$\nplugins = api\n"
                   "[chain:rest]\nplugins = rest\n" TAG("api") TAG("rest"));
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, headers, true);
    kit_expect_failed(c, STATUS_RESOURCE_EXHAUSTED, "match.path of [chain:api]");
    kit_expect_log(c, "transaction=id-1");
    kit_end(c);
    kit_free(k);
}

/* ---- plugins --------------------------------------------------------------------------------- */

Test(choosing, a_plugin_takes_part_where_its_conditions_hold)
{
    k = given(&all_phases, "when.path = /a/*\nunless.header.x-skip = *\n");
    play(REQUEST("/a/1"), ":status: 200");
    expect_journal("open q qb r rb close ");
    play(REQUEST("/b"), ":status: 200");
    expect_journal("");
    play(REQUEST("/a/1") "\nx-skip: 1", ":status: 200");
    expect_journal("");
    kit_free(k);
}

Test(choosing, of_unless_all_keys_must_hold_too)
{
    k = given(&all_phases, "unless.path = /a\nunless.header.x-skip = *\n");
    play(REQUEST("/a"), ":status: 200");
    expect_journal("open q qb r rb close ");
    play(REQUEST("/b") "\nx-skip: 1", ":status: 200");
    expect_journal("open q qb r rb close ");
    play(REQUEST("/a") "\nx-skip: 1", ":status: 200");
    expect_journal("");
    kit_free(k);
}

Test(choosing, a_condition_on_the_response_decides_about_the_response)
{
    k = given(&all_phases, "when.path = /a\nwhen.status = 5*\n");
    play(REQUEST("/a"), ":status: 503");
    expect_journal("open q qb r rb close ");
    play(REQUEST("/a"), ":status: 200");
    expect_journal("open q qb close ");
    play(REQUEST("/b"), ":status: 503");
    expect_journal("");
    kit_free(k);
}

Test(choosing, unless_with_a_condition_on_the_response)
{
    k = given(&all_phases, "unless.path = /a\nunless.response_header.x-skip = yes\n");
    play(REQUEST("/a"), ":status: 200");
    expect_journal("open q qb r rb close ");
    play(REQUEST("/a"), ":status: 200\nx-skip: yes");
    expect_journal("open q qb close ");
    play(REQUEST("/b"), ":status: 200\nx-skip: yes");
    expect_journal("open q qb r rb close ");
    kit_free(k);
}

Test(choosing, sees_what_the_plugins_before_have_left)
{
    k = kit_new(&(struct kit_options){
        .ini = "[plugin:p]\nwhen.header.x-role = admin\nwhen.metadata.ns/role = admin\n",
        .linked = (struct kit_linked[]){{"role", &role}, {"p", &all_phases}, {0}},
        .fail = kit_criterion_fail});
    play(REQUEST("/a") "\nx-role: user", ":status: 200");
    expect_journal("open q qb r rb close ");
    kit_free(k);
    k = kit_new(&(struct kit_options){
        .ini = "[plugin:p]\nwhen.header.x-role = admin\n",
        .linked = (struct kit_linked[]){{"p", &all_phases}, {"role", &role}, {0}},
        .fail = kit_criterion_fail});
    play(REQUEST("/a") "\nx-role: user", ":status: 200");
    expect_journal("");
    kit_free(k);
}

Test(choosing, a_response_that_comes_alone_has_no_request)
{
    k = given(&all_phases, "when.path = !*\n");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    response_headers(true);
    kit_end(c);
    expect_journal("open r close ");
    kit_free(k);
}

static void send_hopeless_path(void)
{
    char headers[3000] = ":path: /";
    memset(headers + 8, 'a', 2500);
    strcpy(headers + 2508, "b");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    kit_headers(c, LANE_REQUEST, headers, true);
}

/* Neither called nor left out: what then is the operator's to say. */
Test(choosing, a_plugin_that_cannot_be_decided_about_has_failed)
{
    k = given(&all_phases, "when.path = ~ ^/(a+)+$\n");
    send_hopeless_path();
    kit_expect_immediate(c, 500, "", "extprocd.p.error");
    kit_expect_log(c, "plugin=p phase=request_headers: ~when.path at ~:2 needs too many steps");
    cr_expect_eq(kit_failures(k, "p", "request_headers", "condition"), 1);
    kit_end(c);
    expect_journal("");
    kit_free(k);

    k = given(&all_phases, "unless.path = ~ ^/(a+)+$\non_error = continue\n");
    send_hopeless_path();
    kit_expect_going(c);
    response_headers(true);
    kit_end(c);
    expect_journal("");
    kit_free(k);
}

/* ---- needs ----------------------------------------------------------------------------------- */

Test(choosing, the_needs_of_a_plugin_that_takes_no_part_are_not_broken)
{
    static const struct extproc_plugin *const plugins[] = {&whole_request, &whole_response,
                                                           &guards};
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        k = given(plugins[i], "when.path = /a\n");
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        kit_headers(c, LANE_REQUEST, REQUEST("/b"), false);
        kit_expect_going(c);
        response_headers(false);
        kit_expect_going(c);
        kit_end(c);
        kit_free(k);

        k = given(plugins[i], "when.path = /a\n");
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        kit_headers(c, LANE_REQUEST, REQUEST("/a"), false);
        kit_expect_immediate(c, plugins[i] == &guards ? 403 : 500, NULL, NULL);
        kit_end(c);
        kit_free(k);
    }
}

/* Whether the body is needed is known with the status. */
Test(choosing, a_need_of_the_response_waits_for_the_conditions_on_it)
{
    k = given(&whole_response, "when.status = 200\n");
    for (int i = 0; i < 2; i++) {
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        kit_headers(c, LANE_REQUEST, REQUEST("/a"), true);
        kit_expect_going(c);
        kit_headers(c, LANE_RESPONSE, i == 0 ? ":status: 500" : ":status: 200", false);
        if (i == 0)
            kit_expect_going(c);
        else
            kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
        kit_end(c);
    }
    kit_free(k);
}

/* ---- phases that do not come ----------------------------------------------------------------- */

static unsigned n_lines(const char *text)
{
    unsigned n = 0;
    for (const char *line = kit_log(k); line && *line; line = strchr(line, '\n'), line += !!line)
        n += line_has(line, text);
    return n;
}

Test(choosing, conditions_that_find_no_headers_are_reported_once)
{
    k = kit_of_ini("[chain:api]\nmatch.path = /api/*\nplugins = a\n"
                   "[chain:rest]\nplugins = a\n"
                   "[plugin:a]\nfile = headers.so\nresponse.set = x-a: 1\nwhen.header.x = 1\n");
    for (int i = 0; i < 2; i++) {
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        response_headers(true);
        kit_expect_header(c, EXTPROC_MAP_RESPONSE, "x-a", NULL);
        kit_end(c);
    }
    cr_expect_eq(n_lines("conditions of [chain:api]~request_header_mode: SEND"), 1);
    cr_expect_eq(n_lines("plugin=a phase=request_headers: conditions~request_header_mode: SEND"),
                 1);
    cr_expect_eq(n_lines("conditions"), 2);
    kit_free(k);
}

Test(choosing, a_phase_that_does_not_come_is_missed_by_those_that_take_part)
{
    k = given(&all_phases, "when.path = /a\n");
    for (int i = 0; i < 2; i++) {
        begin(BODY_MODE_NONE, BODY_MODE_NONE);
        kit_headers(c, LANE_REQUEST, i == 0 ? REQUEST("/b") : REQUEST("/a"), false);
        response_headers(true);
        kit_end(c);
        cr_expect_eq(n_lines("phase=request_body: not called"), i == 0 ? 0 : 1);
    }
    kit_free(k);
}

/* ---- mode = off ------------------------------------------------------------------------------ */

static int counts_init(struct extproc_instance *instance)
{
    note(instance->testing ? "init as by -t " : "init ");
    return 0;
}
static void counts_fini(struct extproc_instance *instance)
{
    note("fini ");
}

/* Not even its needs are there. */
Test(choosing, a_plugin_that_is_off_is_loaded_and_never_called)
{
    struct extproc_plugin plugin = all_phases;
    plugin.init = counts_init;
    plugin.fini = counts_fini;
    plugin.needs = EXTPROC_WHOLE_REQUEST_BODY | EXTPROC_MUST_SEE_RESPONSE_BODY;
    k = given(&plugin, "mode = off\n");
    expect_journal("init as by -t ");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    request_headers(false);
    kit_expect_unchanged(c);
    response_headers(false);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
    expect_journal("fini ");
}

Test(choosing, a_plugin_that_is_off_leaves_the_others_in_their_order)
{
    k = kit_of_ini("[chain:c]\nplugins = a, b\n"
                   "[plugin:a]\nfile = headers.so\nrequest.set = x-a: 1\nmode = off\n"
                   "[plugin:b]\nfile = headers.so\nrequest.set = x-b: 1\n");
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    request_headers(true);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-b", "1");
    kit_end(c);
    kit_free(k);
}

/* ---- in every way ---------------------------------------------------------------------------- */

static void both_chains(struct kit_call *call, void *arg)
{
    bool api = arg;
    kit_request(call, api ? REQUEST("/api/") : REQUEST("/"), "abc", NULL);
    kit_expect_header(call, EXTPROC_MAP_REQUEST, "x-chain", api ? "api" : NULL);
    kit_response(call, ":status: 200", "def", NULL);
    kit_expect_header(call, EXTPROC_MAP_RESPONSE, "x-chain", NULL);
}

Test(choosing, in_every_mode_and_split)
{
    k = kit_of_ini(
        "[chain:api]\nmatch.path = /api/*\nplugins = api\n" TAG("api") "when.status = 404\n");
    kit_every_way(k, 0, both_chains, (void *)(uintptr_t)1);
    kit_every_way(k, 0, both_chains, NULL);
    kit_every_failure(k, &(struct kit_how){.request = BODY_MODE_STREAMED}, both_chains,
                      (void *)(uintptr_t)1);
    kit_free(k);
}
