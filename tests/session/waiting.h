/* waiting: a plugin that waits where a test says so, and notes what happens to it. */
#ifndef EXTPROCD_TESTS_SESSION_WAITING_H
#define EXTPROCD_TESTS_SESSION_WAITING_H

#include "kit/criterion.h"

#include <stdio.h>

/* What the plugin did and was said, in order. */
static char journal[1024];

EXTPROC_PRINTF(1, 2)
static void note(const char *fmt, ...)
{
    size_t len = strlen(journal);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(journal + len, sizeof journal - len, fmt, ap);
    va_end(ap);
}

static inline void expect_journal(const char *expected)
{
    cr_assert_str_eq(journal, expected);
    journal[0] = '\0';
}

static struct kit *k;
static struct kit_call *c;
static struct extproc_wait *waits[4]; /* those that were not resumed, oldest first */
static size_t n_waits;

/* What is to be done in the callbacks of this test. */
static struct {
    uint32_t phases; /* in which it waits */
    uint32_t timeout_ms, after_ms;
    bool edits_first, respond, fail, again, early, goes_on, skips;
} plan;

/* Results and arguments are texts here. */
static void *text(const char *s)
{
    return (void *)(uintptr_t)s;
}

static inline void bring(size_t i, const char *result)
{
    extproc_resume(waits[i], text(result));
}

static void drop(struct extproc_instance *instance, void *result)
{
    note("drop %s %s; ", (const char *)instance->self, (const char *)result);
}

static void cancel(void *arg)
{
    note("cancel %s; ", (const char *)arg);
}

static enum extproc_action wait_for_it(struct extproc_txn *x)
{
    if (plan.after_ms)
        return extproc_waiting(extproc_after(x, plan.after_ms));
    struct extproc_wait *wait = extproc_defer(x, plan.timeout_ms, drop);
    if (!wait)
        return EXTPROC_ACTION_FAIL;
    extproc_on_cancel(wait, cancel, text("arg"));
    if (plan.early)
        extproc_resume(wait, text("early"));
    else
        waits[n_waits++] = wait;
    return plan.goes_on ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_WAIT;
}

static enum extproc_map map_of(const struct extproc_txn *x)
{
    return extproc_is_response(x) ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST;
}

static enum extproc_action on_any(struct extproc_txn *x)
{
    note("%u; ", (unsigned)x->phase);
    if (!(plan.phases & x->phase))
        return EXTPROC_ACTION_CONTINUE;
    if (plan.edits_first)
        extproc_header_set(x, map_of(x), EXTPROC_S("x-before"), EXTPROC_S("1"));
    if (plan.skips)
        extproc_skip(x, EXTPROC_PHASE_RESPONSE_HEADERS);
    return wait_for_it(x);
}

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    note("resume %u %s %s; ", (unsigned)x->phase, why == EXTPROC_WAKE_RESULT ? "result" : "timeout",
         result ? (const char *)result : "-");
    if (plan.again) {
        plan.again = false;
        return wait_for_it(x);
    }
    if (plan.fail)
        return extproc_fail(x, "the oracle says no");
    if (plan.respond)
        return extproc_reply(x, .status = 403);
    if (x->phase & (EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY))
        return EXTPROC_ACTION_CONTINUE;
    return extproc_continue(extproc_header_set(x, map_of(x), EXTPROC_S("x-answer"),
                                               extproc_str_of(result ? (char *)result : "-")));
}

static int on_init(struct extproc_instance *instance)
{
    instance->self = text("self");
    return 0;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    note("close %u; ", (unsigned)why);
}

static const struct extproc_plugin waiter = {
    .abi = EXTPROC_ABI,
    .name = "waiter",
    .init = on_init,
    .close = on_close,
    .request_headers = on_any,
    .request_body = on_any,
    .response_headers = on_any,
    .resume = on_resume,
};

static enum extproc_action on_after(struct extproc_txn *x)
{
    note("after %u; ", (unsigned)x->phase);
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin after = {
    .abi = EXTPROC_ABI,
    .name = "after",
    .request_headers = on_after,
};

enum { REQUEST = EXTPROC_PHASE_REQUEST_HEADERS, RESPONSE = EXTPROC_PHASE_RESPONSE_HEADERS };

static inline void begin(uint32_t phases, enum body_mode request)
{
    static const struct kit_linked linked[] = {{"waiter", &waiter}, {"after", &after}, {0}};
    journal[0] = '\0';
    n_waits = 0;
    k = kit_of(linked);
    c = kit_call(k, &(struct kit_how){.request = request});
    kit_lets_wait(c);
    plan.phases = phases;
}

static inline void end(void)
{
    kit_end(c);
    kit_free(k);
}

/* No time passes. */
static inline void run(void)
{
    kit_run_until(k, loop_now(kit_loop(k)));
}

static inline void send_request(bool end)
{
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", end);
}

static inline void send_response(void)
{
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
}

#endif
