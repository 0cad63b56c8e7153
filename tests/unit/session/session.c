/* Events in, verdicts out, with no plugin there: what a session owes, takes over and gives back. */
#include "session/session.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct arena_pool memory;
static struct session_env env = {.memory = &memory};
static struct arena arena;
static struct session session;

/* What came out last, and how often. */
static unsigned n_verdicts, n_failures, n_released;
static struct verdict verdict;
static enum session_status status;
static char why[256];

static void on_verdict(void *arg, const struct verdict *v, struct arena *a)
{
    n_verdicts++;
    verdict = *v;
}
static void on_fail(void *arg, enum session_status s, struct extproc_str text)
{
    n_failures++;
    status = s;
    memcpy(why, text.ptr, text.len);
    why[text.len] = '\0';
}
static void on_release(void *owner)
{
    n_released++;
}
static const struct session_out out = {.verdict = on_verdict, .fail = on_fail};

static void begin(enum body_mode request, enum body_mode response)
{
    struct generation *nothing = calloc(1, sizeof *nothing);
    nothing->refs = 1;
    arena_init(&nothing->arena, 64);
    arena_init(&arena, 1024);
    n_verdicts = n_failures = n_released = 0;
    session_init(&session, &env, nothing, (enum body_mode[N_LANES]){request, response}, &arena,
                 &out, NULL);
}
static void finish(void)
{
    session_end(&session, EXTPROC_DONE);
    arena_fini(&arena);
    arena_pool_fini(&memory);
}

static void pass(struct event event)
{
    struct message message = {.owner = &session, .release = on_release};
    struct arena_lease *lease = arena_pool_take(&memory);
    struct event *own = arena_alloc(&lease->arena, sizeof *own);
    *own = event;
    session_event(&session, own, lease, &message);
}
static void pass_phase(enum phase phase, bool end)
{
    pass((struct event){.has_phase = true, .phase = phase, .end = end});
}

Test(session, one_verdict_per_event_of_the_message)
{
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    pass_phase(PHASE_RESPONSE_HEADERS, false);
    cr_expect_eq(verdict.phase, PHASE_RESPONSE_HEADERS);
    pass_phase(PHASE_REQUEST_BODY, false);
    cr_expect_eq(verdict.phase, PHASE_REQUEST_BODY);
    cr_expect_eq(verdict.kind, VERDICT_CONTINUE);
    pass((struct event){0});
    cr_expect_eq(n_verdicts, 2);
    cr_expect_eq(n_failures, 0);
    finish();
}

Test(session, memory_and_bytes_are_given_back)
{
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass_phase(PHASE_REQUEST_HEADERS, true); /* run       */
    pass((struct event){0});                 /* no phase  */
    pass_phase(PHASE_REQUEST_HEADERS, true); /* refused   */
    pass_phase(PHASE_REQUEST_HEADERS, true); /* too late  */
    cr_expect_eq(n_released, 4);
    cr_expect_eq(memory.n_idle, 1); /* the same one, each time */
    finish();
}

Test(session, fails_once)
{
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass_phase(PHASE_REQUEST_TRAILERS, true);
    pass_phase(PHASE_REQUEST_TRAILERS, true);
    pass_phase(PHASE_RESPONSE_HEADERS, false);
    cr_expect_eq(n_verdicts, 1);
    cr_expect_eq(n_failures, 1);
    cr_expect_eq(status, SESSION_INVALID_ARGUMENT);
    cr_expect_str_eq(why, "request_trailers in state OVER (the request has ended already)");
    finish();
}

Test(session, the_proxy_overrules_the_operator_in_its_first_message)
{
    struct event told = {.has_phase = true, .has_protocol = true, .phase = PHASE_REQUEST_HEADERS};
    told.protocol.body_mode[LANE_REQUEST] = BODY_MODE_BUFFERED;
    begin(BODY_MODE_STREAMED, BODY_MODE_FULL_DUPLEX_STREAMED);
    pass(told);
    cr_expect_eq(n_failures, 0);
    pass_phase(PHASE_REQUEST_BODY, false);
    pass_phase(PHASE_REQUEST_BODY, true);
    cr_expect_str_eq(why, "request_body in state WHOLE (the request's whole body has come "
                          "already)");
    finish();
}

Test(session, what_is_told_later_does_not_count)
{
    struct event told = {.has_phase = true, .has_protocol = true, .phase = PHASE_RESPONSE_HEADERS};
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    pass_phase(PHASE_REQUEST_HEADERS, false);
    told.protocol.body_mode[LANE_REQUEST] = BODY_MODE_FULL_DUPLEX_STREAMED;
    pass(told);
    pass_phase(PHASE_REQUEST_BODY, true);
    cr_expect_eq(n_failures, 0);
    cr_expect_eq(n_verdicts, 3);
    finish();
}

/* A first message may hold nothing but flow control, or that and the modes. */
Test(session, modes_may_come_behind_a_message_without_a_phase)
{
    struct event told = {.has_phase = true, .has_protocol = true, .phase = PHASE_REQUEST_BODY};
    told.protocol.body_mode[LANE_REQUEST] = BODY_MODE_STREAMED;
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass((struct event){0});
    pass(told);
    cr_expect_eq(n_verdicts, 1);
    finish();
}

Test(session, modes_may_come_without_a_phase)
{
    struct event told = {.has_protocol = true};
    told.protocol.body_mode[LANE_RESPONSE] = BODY_MODE_FULL_DUPLEX_STREAMED;
    begin(BODY_MODE_UNKNOWN, BODY_MODE_UNKNOWN);
    pass(told);
    cr_expect_eq(status, SESSION_UNIMPLEMENTED);
    cr_expect_str_eq(why, "response_body_mode FULL_DUPLEX_STREAMED is not supported (NONE, "
                          "STREAMED and BUFFERED are)");
    finish();
}

Test(session, nothing_is_told_to_one_that_observes)
{
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    pass((struct event){.has_phase = true, .observing = true, .phase = PHASE_REQUEST_HEADERS});
    cr_expect_eq(n_verdicts, 0);
    cr_expect_eq(session.lanes[LANE_REQUEST], LANE_HEADERS);
    finish();
}

/* ---- could the proxy leave now? ---------------------------------------------------------------- */

static bool complete_after(enum body_mode mode, enum phase first, bool end, int second)
{
    begin(mode, mode);
    pass_phase(first, end);
    if (second >= 0)
        pass_phase((enum phase)second, false);
    bool complete = session_complete(&session);
    finish();
    return complete;
}

Test(session, complete)
{
    cr_expect(complete_after(BODY_MODE_NONE, PHASE_REQUEST_HEADERS, false, -1));
    cr_expect(complete_after(BODY_MODE_UNKNOWN, PHASE_REQUEST_HEADERS, false, -1));
    cr_expect(complete_after(BODY_MODE_STREAMED, PHASE_REQUEST_HEADERS, true, -1));
    cr_expect(complete_after(BODY_MODE_STREAMED, PHASE_RESPONSE_BODY, true, -1));
    cr_expect(complete_after(BODY_MODE_BUFFERED, PHASE_REQUEST_HEADERS, false, PHASE_REQUEST_BODY));
    cr_expect(
        complete_after(BODY_MODE_STREAMED, PHASE_REQUEST_BODY, false, PHASE_REQUEST_TRAILERS));
}

Test(session, incomplete)
{
    cr_expect_not(complete_after(BODY_MODE_STREAMED, PHASE_REQUEST_HEADERS, false, -1));
    cr_expect_not(complete_after(BODY_MODE_BUFFERED, PHASE_RESPONSE_HEADERS, false, -1));
    cr_expect_not(complete_after(BODY_MODE_UNKNOWN, PHASE_REQUEST_BODY, false, -1));
    cr_expect_not(
        complete_after(BODY_MODE_STREAMED, PHASE_RESPONSE_BODY, false, PHASE_REQUEST_BODY));
}
