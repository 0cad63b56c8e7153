/* The memory of a transaction has a limit, which its messages and its plugins share. */
#include "kit/criterion.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT = 256 * 1024, PART = 10000 };

static struct kit *k;

static void setup_with(const struct extproc_plugin *plugin, const char *ini)
{
    k = kit_new(&(struct kit_options){.ini = ini,
                                      .linked = (struct kit_linked[]){{"p", plugin}, {0}},
                                      .max_memory = LIMIT,
                                      .fail = kit_criterion_fail});
}

static struct kit_call *begin(void)
{
    return kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
}

static void headers(struct kit_call *c)
{
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /\nx-request-id: id-1", false);
}

#define WHOSE "listener=kit peer=192.0.2.1:4711 transaction=id-1 chain=linked"
#define KEY   "exceeds max_transaction_memory (262144)"

/* ---- what plugins take ----------------------------------------------------------------------- */

static size_t n_parts;
static bool fails;

static enum extproc_action take_all(struct extproc_txn *x)
{
    void *part;
    for (n_parts = 0; n_parts < 1000 && (part = extproc_alloc(x, PART)); n_parts++)
        memset(part, 'x', PART);
    return fails ? EXTPROC_ACTION_FAIL : EXTPROC_ACTION_CONTINUE;
}
static const struct extproc_plugin greedy = {
    .abi = EXTPROC_ABI, .name = "greedy", .request_headers = take_all};

Test(memory, beyond_the_limit_a_plugin_gets_none)
{
    setup_with(&greedy, "");
    fails = true;
    struct kit_call *c = begin();
    headers(c);
    kit_expect_immediate(c, 500, "", "extprocd.p.error{id-1}");
    cr_expect(n_parts > 0 && n_parts <= LIMIT / PART, "%zu parts", n_parts);
    kit_expect_log(c, WHOSE " plugin=p phase=request_headers: transaction memory of ");
    kit_expect_log(c, KEY);
    kit_expect_log(c, "request_headers failed");
    cr_expect_eq(kit_failures(k, "p", "request_headers", "memory"), 1);
    cr_expect_eq(kit_failures(k, "p", "request_headers", "callback"), 0);
    cr_expect_eq(kit_counter(k, NULL, "max_transaction_memory_exceeded"), 1);
    kit_end(c);
    kit_free(k);
}

Test(memory, on_error_is_what_the_operator_says_here_too)
{
    setup_with(&greedy, "[plugin:p]\non_error = continue\n");
    fails = true;
    struct kit_call *c = begin();
    headers(c);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
}

/* It has what it needs, it says; that it was refused something the log has all the same. */
Test(memory, a_plugin_that_goes_on_without_it_does_not_fail)
{
    setup_with(&greedy, "");
    fails = false;
    struct kit_call *c = begin();
    headers(c);
    kit_expect_unchanged(c);
    kit_expect_log(c, WHOSE ": transaction memory of ");
    kit_expect_log(c, KEY);
    cr_expect_eq(kit_failures(k, "p", "request_headers", "memory"), 0);
    kit_end(c);
    kit_free(k);
}

Test(memory, other_transactions_have_their_own)
{
    setup_with(&greedy, "");
    fails = false;
    struct kit_call *one = begin();
    headers(one);
    size_t first = n_parts;
    for (int i = 0; i < 3; i++) {
        struct kit_call *two = begin();
        headers(two);
        cr_expect_geq(n_parts, first); /* one more where a message has a block from the pool */
        kit_end(two);
    }
    kit_end(one);
    kit_free(k);
}

/* ---- what messages take ---------------------------------------------------------------------- */

/* A part of every chunk for as long as the callback, which the next one may have again. */
static enum extproc_action take_a_while(struct extproc_txn *x)
{
    struct extproc_str text = extproc_format(x, "%*d", PART, 1);
    n_parts += text.len == PART;
    return EXTPROC_ACTION_CONTINUE;
}

Test(memory, a_long_body_in_chunks_does_not_add_up)
{
    static const struct extproc_plugin streams = {
        .abi = EXTPROC_ABI, .name = "streams", .request_body = take_a_while};
    setup_with(&streams, "");
    n_parts = 0;
    struct kit_call *c = begin();
    headers(c);
    for (int i = 0; i < 1000; i++)
        kit_body(c, LANE_REQUEST, "abc", false);
    kit_expect_going(c);
    kit_expect_no_log(c, KEY);
    cr_expect_eq(n_parts, 1000);
    kit_end(c);
    kit_free(k);
}

/* A message whose reading takes too much: no plugin is asked, and the stream ends. */
static enum extproc_action go_on(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

Test(memory, a_message_that_takes_too_much_ends_its_stream)
{
    static const struct extproc_plugin idle = {
        .abi = EXTPROC_ABI, .name = "idle", .request_headers = go_on};
    static char many[600000];
    size_t len = 0;
    for (int i = 0; len + 64 < sizeof many; i++)
        len += (size_t)sprintf(many + len, "x-%d: %040d\n", i, i);
    many[len - 1] = '\0';
    setup_with(&idle, "");
    struct kit_call *c = begin();
    kit_headers(c, LANE_REQUEST, many, false);
    kit_expect_failed(c, STATUS_RESOURCE_EXHAUSTED, "out of memory");
    kit_expect_log(c, KEY);
    kit_end(c);
    c = begin();
    headers(c);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

static void a_transaction(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /", "abc", NULL);
}

Test(memory, what_is_refused_and_what_is_not_there_are_both_survived)
{
    setup_with(&greedy, "");
    fails = true;
    kit_every_failure(k, &(struct kit_how){.request = BODY_MODE_STREAMED}, a_transaction, NULL);
    kit_free(k);
}
