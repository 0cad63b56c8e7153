/* Events in, verdicts out, without plugins: what a session owes, takes ownership of and
 * releases. */
#include "session/session.h"

#include "base/str.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct loop loop;
static struct session_env env = {.loop = &loop};
static struct arena arena;
static struct session session;
static struct session_listener listener;
static struct coverage coverage;

/* What came out last, and how often. */
static unsigned n_verdicts, n_failures, n_released;
static struct verdict verdict;
static enum status status;
static char why[256];

static void on_verdict(void *arg, const struct verdict *v, struct arena *a)
{
    n_verdicts++;
    verdict = *v;
}
static void on_fail(void *arg, enum status s, struct extproc_str text)
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
    loop_init(&loop, NULL);
    n_verdicts = n_failures = n_released = 0;
    listener = (struct session_listener){.modes = {request, response}};
    coverage = (struct coverage){.listener = &listener};
    session_init(&session, &env, nothing, &coverage, &arena, &out, NULL);
}
static void finish(void)
{
    session_end(&session, EXTPROC_END_DONE);
    arena_fini(&arena);
    loop_fini(&loop);
}

static void pass(struct event event)
{
    struct message message = {.owner = &session, .release = on_release};
    struct arena_lease *lease = arena_pool_take(&loop.memory, NULL);
    struct event *own = arena_alloc(&lease->arena, sizeof *own);
    *own = event;
    if (own->has_phase)
        event_is(own, own->phase);
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

Test(session, memory_and_bytes_are_returned)
{
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass_phase(PHASE_REQUEST_HEADERS, true); /* run       */
    pass((struct event){0});                 /* no phase  */
    pass_phase(PHASE_REQUEST_HEADERS, true); /* refused   */
    pass_phase(PHASE_REQUEST_HEADERS, true); /* too late  */
    cr_expect_eq(n_released, 4);
    cr_expect_eq(loop.memory.n_idle, 1); /* the same one, each time */
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
    cr_expect_eq(status, STATUS_INVALID_ARGUMENT);
    cr_expect_str_eq(why, "request_trailers in state ENDED (the request has already ended)");
    finish();
}

Test(session, the_proxy_overrules_the_operator_in_its_first_message)
{
    struct event said = {.has_phase = true, .has_protocol = true, .phase = PHASE_REQUEST_HEADERS};
    said.protocol.body_mode[LANE_REQUEST] = BODY_MODE_BUFFERED;
    begin(BODY_MODE_STREAMED, BODY_MODE_FULL_DUPLEX_STREAMED);
    pass(said);
    cr_expect_eq(n_failures, 0);
    pass_phase(PHASE_REQUEST_BODY, false);
    pass_phase(PHASE_REQUEST_BODY, true);
    cr_expect(lines_match(why, "request_body in state COMPLETE ~already complete~"), "%s", why);
    finish();
}

Test(session, modes_that_come_later_do_not_count)
{
    struct event said = {.has_phase = true, .has_protocol = true, .phase = PHASE_RESPONSE_HEADERS};
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    pass_phase(PHASE_REQUEST_HEADERS, false);
    said.protocol.body_mode[LANE_REQUEST] = BODY_MODE_FULL_DUPLEX_STREAMED;
    pass(said);
    pass_phase(PHASE_REQUEST_BODY, true);
    cr_expect_eq(n_failures, 0);
    cr_expect_eq(n_verdicts, 3);
    finish();
}

/* A first message may hold nothing but flow control, or that and the modes. */
Test(session, modes_may_come_after_a_message_without_a_phase)
{
    struct event said = {.has_phase = true, .has_protocol = true, .phase = PHASE_REQUEST_BODY};
    said.protocol.body_mode[LANE_REQUEST] = BODY_MODE_STREAMED;
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass((struct event){0});
    pass(said);
    cr_expect_eq(n_verdicts, 1);
    finish();
}

Test(session, modes_may_come_without_a_phase)
{
    struct event said = {.has_protocol = true};
    said.protocol.body_mode[LANE_RESPONSE] = BODY_MODE_FULL_DUPLEX_STREAMED;
    begin(BODY_MODE_UNKNOWN, BODY_MODE_UNKNOWN);
    pass(said);
    cr_expect_eq(status, STATUS_UNIMPLEMENTED);
    cr_expect(lines_match(why, "response_body_mode FULL_DUPLEX_STREAMED ~BUFFERED~"), "%s", why);
    finish();
}

Test(session, nothing_is_sent_to_a_proxy_that_observes)
{
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    pass((struct event){.has_phase = true, .observing = true, .phase = PHASE_REQUEST_HEADERS});
    cr_expect_eq(n_verdicts, 0);
    cr_expect_eq(session.txn.lanes[LANE_REQUEST].direction.state, DIRECTION_HEADERS);
    finish();
}

/* ---- what the end means ---------------------------------------------------------------------- */

/* A script: h, H the request's headers (H with the end), b, B its body; r, R and d, D the
 * response's; t, T the trailers of either; '.' a half-close, '!' the loss of the connection. */
static enum extproc_end outcome(enum body_mode mode, const char *script)
{
    static const char letters[] = "hbtrdT";
    static const enum phase phases[] = {
        PHASE_REQUEST_HEADERS,  PHASE_REQUEST_BODY,  PHASE_REQUEST_TRAILERS,
        PHASE_RESPONSE_HEADERS, PHASE_RESPONSE_BODY, PHASE_RESPONSE_TRAILERS,
    };
    uint32_t seen = coverage.seen;
    begin(mode, mode);
    coverage.seen = seen;
    for (; *script; script++) {
        const char *letter = strchr(letters, *script);
        if (*script == '.')
            session_half_close(&session);
        else if (*script == '!')
            session_lost(&session);
        else if (letter)
            pass_phase(phases[letter - letters], *script == 't' || *script == 'T');
        else
            pass_phase(phases[strchr(letters, *script | 0x20) - letters], true);
    }
    enum extproc_end reset = session_outcome(&session, EXTPROC_END_DISCONNECTED);
    enum extproc_end finished = session_outcome(&session, EXTPROC_END_DONE);
    cr_expect_eq(reset, finished, "%s: whether our status came through tells nothing", script);
    finish();
    return reset;
}

static const struct {
    enum body_mode mode;
    const char *script;
} complete[] =
    {
        {BODY_MODE_NONE, "hr"},         {BODY_MODE_NONE, "HR"},
        {BODY_MODE_NONE, "hr."},        {BODY_MODE_NONE, "htrT."},
        {BODY_MODE_NONE, "r"},          {BODY_MODE_NONE, "r."},
        {BODY_MODE_UNKNOWN, "hr"},      {BODY_MODE_UNKNOWN, "HR."},
        {BODY_MODE_GRPC, "hr."},        {BODY_MODE_STREAMED, "HR"},
        {BODY_MODE_STREAMED, "HR."},    {BODY_MODE_STREAMED, "hbBrdD."},
        {BODY_MODE_STREAMED, "hbtrdT"}, {BODY_MODE_STREAMED, "BD."},
        {BODY_MODE_STREAMED, "D."},     {BODY_MODE_BUFFERED, "HR."},
        {BODY_MODE_BUFFERED, "hbrd."},  {BODY_MODE_BUFFERED, "hBrD."},
        {BODY_MODE_BUFFERED, "HrT."},
},
  cut[] = {
      {BODY_MODE_UNKNOWN, "hbR"},    {BODY_MODE_UNKNOWN, "Hrd"},  {BODY_MODE_STREAMED, "h"},
      {BODY_MODE_STREAMED, "h."},    {BODY_MODE_STREAMED, "hb."}, {BODY_MODE_STREAMED, "hbR."},
      {BODY_MODE_STREAMED, "hR"},    {BODY_MODE_STREAMED, "Hr."}, {BODY_MODE_STREAMED, "Hrd."},
      {BODY_MODE_STREAMED, "hBrdd"}, {BODY_MODE_STREAMED, "Bd."}, {BODY_MODE_STREAMED, "rd"},
      {BODY_MODE_BUFFERED, "h."},    {BODY_MODE_BUFFERED, "hr"},  {BODY_MODE_BUFFERED, "Hr."},
      {BODY_MODE_BUFFERED, "hBr"},
};

Test(session, a_complete_transaction_is_done_however_its_stream_ends)
{
    for (size_t i = 0; i < sizeof complete / sizeof *complete; i++)
        cr_expect_eq(outcome(complete[i].mode, complete[i].script), EXTPROC_END_DONE, "%s %s",
                     body_mode_name(complete[i].mode), complete[i].script);
}

Test(session, a_transaction_that_was_cut_is_disconnected_however_its_stream_ends)
{
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        cr_expect_eq(outcome(cut[i].mode, cut[i].script), EXTPROC_END_DISCONNECTED, "%s %s",
                     body_mode_name(cut[i].mode), cut[i].script);
}

/* The proxy half-closes if it has not received all that it waits for; if it waits for no response,
 * it half-closes too. What came in other transactions distinguishes the two. */
Test(session, a_response_that_never_came_was_cut_where_responses_are_sent)
{
    cr_expect_eq(outcome(BODY_MODE_NONE, "H."), EXTPROC_END_DONE);
    coverage.seen = phase_bit(PHASE_RESPONSE_HEADERS);
    cr_expect_eq(outcome(BODY_MODE_NONE, "H."), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_STREAMED, "hB."), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_NONE, "H"), EXTPROC_END_DONE, "reset, and not half-closed");
    cr_expect_eq(outcome(BODY_MODE_NONE, "R."), EXTPROC_END_DONE, "nothing of the request is sent");
}

/* The proxy has not chosen that end. */
Test(session, a_response_that_is_awaited_when_the_connection_is_lost_was_cut)
{
    cr_expect_eq(outcome(BODY_MODE_NONE, "H!"), EXTPROC_END_DONE, "no responses are sent");
    coverage.seen = phase_bit(PHASE_RESPONSE_HEADERS);
    cr_expect_eq(outcome(BODY_MODE_NONE, "H!"), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_NONE, "H.!"), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_STREAMED, "hB!"), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_BUFFERED, "hB!"), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_NONE, "HR!"), EXTPROC_END_DONE);
    cr_expect_eq(outcome(BODY_MODE_NONE, "R!"), EXTPROC_END_DONE);
}

Test(session, a_body_of_a_proxy_that_does_not_say_is_awaited_where_bodies_are_sent)
{
    coverage.seen = phase_bit(PHASE_RESPONSE_BODY);
    cr_expect_eq(outcome(BODY_MODE_UNKNOWN, "Hr."), EXTPROC_END_DISCONNECTED);
    cr_expect_eq(outcome(BODY_MODE_UNKNOWN, "hR."), EXTPROC_END_DONE);
    cr_expect_eq(outcome(BODY_MODE_NONE, "Hr."), EXTPROC_END_DONE);
}

Test(session, other_ends_are_as_the_transport_saw_them)
{
    begin(BODY_MODE_NONE, BODY_MODE_NONE);
    pass_phase(PHASE_REQUEST_HEADERS, true);
    cr_expect_eq(session_outcome(&session, EXTPROC_END_DRAINED), EXTPROC_END_DRAINED);
    pass_phase(PHASE_REQUEST_HEADERS, true);
    cr_expect_eq(session_outcome(&session, EXTPROC_END_DISCONNECTED), EXTPROC_END_FAILED);
    finish();
}
