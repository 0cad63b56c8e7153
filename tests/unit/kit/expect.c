/* The kit notices what is not as it should be: each of these would pass unseen otherwise. */
#include "kit/criterion.h"

#include <setjmp.h>
#include <string.h>

static jmp_buf back;
static char said[512];

static void note_and_leave(const char *file, int line, const char *text)
{
    strncpy(said, text, sizeof said - 1);
    longjmp(back, 1);
}

static enum extproc_action edit(struct extproc_txn *x)
{
    extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-a"), EXTPROC_S("1"));
    extproc_header_append(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-b"), EXTPROC_S("2"));
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"), extproc_number(1.5));
    return EXTPROC_ACTION_CONTINUE;
}
static const struct extproc_plugin editor = {
    .abi = EXTPROC_ABI, .name = "editor", .request_headers = edit};

/* Runs one expectation on a call that has had its headers edited. */
#define expect_noticed(expectation, text)                                                          \
    do {                                                                                           \
        const struct kit_linked chain[] = {{"editor", &editor}, {0}};                              \
        struct kit *k = kit_new(&(struct kit_options){.linked = chain, .fail = note_and_leave});   \
        struct kit_call *c = kit_call(k, &(struct kit_how){0});                                    \
        kit_headers(c, LANE_REQUEST, ":path: /\nx-b: 1", true);                                    \
        said[0] = '\0';                                                                            \
        if (setjmp(back) == 0) {                                                                   \
            expectation;                                                                           \
        }                                                                                          \
        cr_expect(strstr(said, text), "\"%s\" has no \"%s\"", said, text);                         \
        kit_reset(c);                                                                              \
        kit_free(k);                                                                               \
    } while (0)

Test(expect, headers)
{
    expect_noticed(kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "2"),
                   "x-a is \"1\", not \"2\"");
    expect_noticed(kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", NULL),
                   "x-a is \"1\", not absent");
    expect_noticed(kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-c", "2"), "x-c is absent");
    expect_noticed(kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-b", "1"), "a second value, \"2\"");
}

Test(expect, answers)
{
    expect_noticed(kit_expect_unchanged(c), "changes something");
    expect_noticed(kit_expect_body(c, LANE_REQUEST, "a"), "body is \"\", not \"a\"");
    expect_noticed(kit_expect_immediate(c, 200, NULL, NULL),
                   "no answer in place of the upstream's");
    expect_noticed(kit_expect_failed(c, STATUS_INTERNAL, NULL), "has not failed");
    expect_noticed(kit_expect_metadata(c, "ns", "k", "2"), "is \"1.5\", not \"2\"");
    expect_noticed(kit_expect_log(c, "nonsense"), "the log has no");
}

Test(expect, streams)
{
    expect_noticed(kit_headers(c, LANE_REQUEST, ":path: /", true);
                   kit_expect_going(c), "the stream ended with 3");
    expect_noticed(kit_headers(c, LANE_REQUEST, ":path: /", true);
                   kit_expect_failed(c, STATUS_INTERNAL, NULL), "ended with 3");
}

/* ---- what else can be asked ------------------------------------------------------------------ */

static struct extproc_metric *calls;

static int count_init(struct extproc_instance *instance)
{
    calls = extproc_counter(instance, "calls_total", "Calls.");
    return calls ? 0 : -1;
}
static enum extproc_action count(struct extproc_txn *x)
{
    extproc_metric_add(calls, 2);
    extproc_log(x, EXTPROC_LEVEL_WARN, "counted in %s", "a phase");
    return EXTPROC_ACTION_CONTINUE;
}
static const struct extproc_plugin counter = {
    .abi = EXTPROC_ABI, .name = "counter", .init = count_init, .request_headers = count};

Test(expect, counters_and_lines)
{
    struct kit *k = kit_of((struct kit_linked[]){{"mine", &counter}, {0}});
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_expect_no_log(c, "counted in a phase");
    kit_headers(c, LANE_REQUEST, ":path: /\nx-request-id: r7", true);
    kit_expect_log(c, "counted in a phase");
    kit_expect_log(c, "r7");
    cr_expect_eq(kit_counter(k, "mine", "calls_total"), 2);
    cr_expect_eq(kit_counter(k, "mine", "nonsense"), 0);
    kit_end(c);
    kit_free(k);
}
