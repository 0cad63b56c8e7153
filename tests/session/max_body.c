/* Complete bodies that are larger than the operator lets a plugin see. */
#include "session/opening.h"

#include <stdio.h>

static unsigned n_bodies, n_others;

static enum extproc_action on_body(struct extproc_txn *x)
{
    n_bodies++;
    return extproc_continue(extproc_body_set(x, EXTPROC_S("read")));
}
static enum extproc_action on_other(struct extproc_txn *x)
{
    n_others++;
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin reader = {.abi = EXTPROC_ABI,
                                             .name = "reader",
                                             .needs = EXTPROC_WHOLE_REQUEST_BODY |
                                                      EXTPROC_WHOLE_RESPONSE_BODY,
                                             .request_headers = on_other,
                                             .request_body = on_body,
                                             .request_trailers = on_other,
                                             .response_headers = on_other,
                                             .response_body = on_body};

static void begin_with(const struct extproc_plugin *plugin, const char *ini, enum body_mode mode)
{
    k = kit_new(&(struct kit_options){.ini = ini,
                                      .linked = (struct kit_linked[]){{"p", plugin}, {0}},
                                      .fail = kit_criterion_fail});
    n_bodies = n_others = 0;
    begin(mode, mode);
}

static void end(void)
{
    kit_end(c);
    kit_free(k);
}

#define LIMIT    "[plugin:p]\nmax_body = 4\n"
#define CONTINUE LIMIT "on_max_body = continue\n"

static void request(const char *body)
{
    kit_request(c, ":method: POST\n:path: /\nx-request-id: id-1", body, NULL);
}

/* Both ways in which a body is complete: the proxy collects it, or it comes in one chunk. */
static const enum body_mode modes[] = {BODY_MODE_BUFFERED, BODY_MODE_STREAMED};
enum { N_MODES = sizeof modes / sizeof *modes };

Test(max_body, a_body_of_that_size_is_seen)
{
    for (int i = 0; i < N_MODES; i++) {
        begin_with(&reader, LIMIT, modes[i]);
        request("abcd");
        kit_expect_body(c, LANE_REQUEST, "read");
        cr_expect_eq(n_bodies, 1);
        end();
    }
}

Test(max_body, a_larger_one_is_a_413)
{
    for (int i = 0; i < N_MODES; i++) {
        begin_with(&reader, LIMIT, modes[i]);
        request("abcde");
        kit_expect_immediate(c, 413, "", "extprocd.p.max_body{id-1}");
        kit_expect_log(c, " warn  ");
        kit_expect_log(
            c, "transaction=id-1 chain=linked plugin=p phase=request_body: body of 5 bytes exceeds "
               "max_body (4)");
        kit_expect_no_log(c, "on_max_body");
        cr_expect_eq(n_bodies, 0);
        cr_expect_eq(kit_failures(k, "p", "request_body", "max_body"), 1);
        end();
    }
}

/* The plugin goes on with the transaction: only this body it does not see. */
Test(max_body, or_passes_unseen)
{
    for (int i = 0; i < N_MODES; i++) {
        begin_with(&reader, CONTINUE, modes[i]);
        request("abcde");
        kit_expect_unchanged(c);
        kit_expect_body(c, LANE_REQUEST, "abcde");
        kit_expect_log(c, "max_body (4) (on_max_body = continue)");
        kit_response(c, ":status: 200", "abcd", NULL);
        kit_expect_body(c, LANE_RESPONSE, "read");
        cr_expect_eq(n_bodies, 1);
        cr_expect_eq(n_others, 2);
        cr_expect_eq(kit_failures(k, "p", "request_body", "max_body"), 1);
        cr_expect_eq(kit_failures(k, "p", "response_body", "max_body"), 0);
        end();
    }
}

Test(max_body, a_response_that_has_begun_ends_with_an_error)
{
    begin_with(&reader, LIMIT, BODY_MODE_STREAMED);
    request("a");
    kit_response(c, ":status: 200", "abcde", NULL);
    kit_expect_failed(c, STATUS_INTERNAL, "plugin p failed in response_body");
    end();
    begin_with(&reader, LIMIT, BODY_MODE_BUFFERED);
    request("a");
    kit_response(c, ":status: 200", "abcde", NULL);
    kit_expect_immediate(c, 413, "", "extprocd.p.max_body{id-1}");
    end();
}

/* What open() has decided in the same phase holds: it has not failed. */
static int skip_responses(struct extproc_txn *x)
{
    return extproc_skip(x, EXTPROC_PHASE_RESPONSE_BODY);
}

Test(max_body, what_open_has_skipped_stays_skipped)
{
    static const struct extproc_plugin skips = {.abi = EXTPROC_ABI,
                                                .name = "skips",
                                                .needs = EXTPROC_WHOLE_REQUEST_BODY,
                                                .open = skip_responses,
                                                .request_body = on_body,
                                                .response_body = on_body};
    begin_with(&skips, CONTINUE, BODY_MODE_BUFFERED);
    request("abcde");
    kit_response(c, ":status: 200", "abcd", NULL);
    kit_expect_body(c, LANE_RESPONSE, "abcd");
    cr_expect_eq(n_bodies, 0);
    end();
}

/* on_error is for failures of the plugin. */
Test(max_body, has_a_key_of_its_own)
{
    begin_with(&reader, LIMIT "on_error = continue\n", BODY_MODE_BUFFERED);
    request("abcde");
    kit_expect_immediate(c, 413, "", NULL);
    end();
}

/* What another plugin has put in place of the body counts like one that was received. */
static enum extproc_action replace(struct extproc_txn *x)
{
    return extproc_continue(extproc_body_set(x, EXTPROC_S("abcde")));
}

Test(max_body, is_of_the_body_as_the_plugin_would_see_it)
{
    static const struct extproc_plugin replacer = {
        .abi = EXTPROC_ABI, .name = "replacer", .request_headers = replace};
    k = kit_new(&(struct kit_options){
        .ini = CONTINUE,
        .linked = (struct kit_linked[]){{"r", &replacer}, {"p", &reader}, {0}},
        .fail = kit_criterion_fail});
    n_bodies = 0;
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    request("a");
    kit_expect_body(c, LANE_REQUEST, "abcde");
    cr_expect_eq(n_bodies, 0);
    kit_expect_log(c, "body of 5 bytes exceeds max_body (4)");
    end();
}

/* A plugin that takes a body in pieces has no limit: it never has more of it than a message. */
Test(max_body, does_not_count_the_chunks_of_a_stream)
{
    static const struct extproc_plugin streams = {
        .abi = EXTPROC_ABI, .name = "streams", .request_body = on_body};
    begin_with(&streams, LIMIT, BODY_MODE_STREAMED);
    request("abcde");
    kit_expect_body(c, LANE_REQUEST, "read");
    cr_expect_eq(n_bodies, 1);
    end();
}
