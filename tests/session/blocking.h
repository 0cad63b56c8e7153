/* blocking: a plugin whose callbacks run in the pool, and stop where a test says so. */
#ifndef EXTPROCD_TESTS_SESSION_BLOCKING_H
#define EXTPROCD_TESTS_SESSION_BLOCKING_H

#include "plugin/wait/wait.h"
#include "waiting.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

/* A callback of the test's phase stops here until the test lets it go on. */
static sem_t begun, may_end;
static pthread_t loops;
static atomic_uint n_closed, n_opened;

static struct {
    uint32_t stops; /* the phases in which it stops */
    uint32_t waits; /* in which it defers */
    enum extproc_phase fails, responds;
    bool open_stops, resume_stops, close_stops, open_fails, works;
    int last_edit; /* what the edit after the stop has returned */
    bool had_scratch;
} how;

static void stop_here(void)
{
    sem_post(&begun);
    sem_wait(&may_end);
}

/* The pool calls open() and a phase one after the other, and the loop goes on in between. */
static inline void until_it_stops(void)
{
    while (sem_trywait(&begun) < 0) {
        run();
        sched_yield();
    }
}

static void expect_own_thread(void)
{
    cr_expect_not(pthread_equal(pthread_self(), loops));
}

static int blocker_open(struct extproc_txn *x)
{
    expect_own_thread();
    atomic_fetch_add(&n_opened, 1);
    if (how.open_stops)
        stop_here();
    return how.open_fails ? -EIO : 0;
}

static struct extproc_wait *blocker_wait;

static void nothing(void *arg)
{
}

static enum extproc_action blocker_waits(struct extproc_txn *x)
{
    if (how.works)
        return extproc_waiting(extproc_work(x, nothing, text("worked"), drop));
    blocker_wait = extproc_defer(x, 0, drop);
    if (!blocker_wait)
        return EXTPROC_ACTION_FAIL;
    extproc_on_cancel(blocker_wait, cancel, text("arg"));
    if (plan.early)
        extproc_resume(blocker_wait, text("early"));
    return plan.goes_on ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_WAIT;
}

static enum extproc_action blocker_phase(struct extproc_txn *x)
{
    expect_own_thread();
    struct extproc_str seen = extproc_header_get(x, map_of(x), EXTPROC_S("x-name"));
    extproc_header_set(x, map_of(x), EXTPROC_S("x-first"), EXTPROC_S("1"));
    if (how.stops & x->phase)
        stop_here();
    how.last_edit =
        extproc_header_set(x, map_of(x), EXTPROC_S("x-last"), seen.ptr ? seen : EXTPROC_S("-"));
    how.had_scratch = extproc_scratch(x, 100);
    extproc_log(x, EXTPROC_LEVEL_INFO, "still here");
    if (x->phase == how.fails)
        return extproc_fail(x, "broken");
    if (x->phase == how.responds)
        return extproc_reply(x, .status = 418);
    return how.waits & x->phase ? blocker_waits(x) : EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action blocker_body(struct extproc_txn *x)
{
    expect_own_thread();
    if (how.stops & x->phase)
        stop_here();
    return extproc_continue(
        extproc_body_set(x, extproc_format(x, "<%.*s>", EXTPROC_ARG(extproc_body(x)))));
}

static enum extproc_action blocker_resume(struct extproc_txn *x, enum extproc_wake why,
                                          void *result)
{
    expect_own_thread();
    if (how.resume_stops)
        stop_here();
    extproc_header_set(x, map_of(x), EXTPROC_S("x-result"),
                       extproc_str_of(result ? (const char *)result : "-"));
    return why == EXTPROC_WAKE_TIMEOUT ? EXTPROC_ACTION_FAIL : EXTPROC_ACTION_CONTINUE;
}

static void blocker_close(struct extproc_txn *x, enum extproc_end why)
{
    expect_own_thread();
    if (how.close_stops)
        stop_here();
    atomic_fetch_add(&n_closed, 1);
}

static const struct extproc_plugin blocker = {
    .abi = EXTPROC_ABI,
    .name = "blocker",
    .init = on_init,
    .open = blocker_open,
    .close = blocker_close,
    .request_headers = blocker_phase,
    .request_body = blocker_body,
    .response_headers = blocker_phase,
    .resume = blocker_resume,
};

static enum extproc_action neighbour_phase(struct extproc_txn *x)
{
    cr_expect(pthread_equal(pthread_self(), loops));
    note("%s%s; ", extproc_header_get(x, map_of(x), EXTPROC_S("x-first")).ptr ? "first " : "",
         extproc_header_get(x, map_of(x), EXTPROC_S("x-last")).ptr ? "last" : "");
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin neighbour = {
    .abi = EXTPROC_ABI,
    .name = "neighbour",
    .request_headers = neighbour_phase,
};

static inline void begin_blocking(const char *ini, enum body_mode request)
{
    static const struct kit_linked linked[] = {
        {"blocker", &blocker}, {"neighbour", &neighbour}, {0}};
    char all[256];
    snprintf(all, sizeof all, "[plugin:blocker]\nblocking = yes\n%s\n", ini);
    sem_init(&begun, 0, 0);
    sem_init(&may_end, 0, 0);
    loops = pthread_self();
    journal[0] = '\0';
    k = kit_new(&(struct kit_options){.ini = all, .linked = linked, .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){.request = request});
    kit_lets_wait(c);
}

static inline void request(bool end)
{
    kit_headers(c, LANE_REQUEST,
                ":method: POST\n:path: /\nx-name: a long enough name\nx-request-id: id-1", end);
}

/* The callback is there, and stays. */
static inline void request_that_stops(void)
{
    kit_lets_block(k, true);
    request(true);
    until_it_stops();
}

/* It ends, and what follows from that is done. */
static inline void let_it_end(void)
{
    sem_post(&may_end);
    kit_lets_block(k, false);
    run();
}

static inline void response(void)
{
    send_response();
    run();
    kit_take_answers(c);
    cr_expect_eq(kit_n_waiting(c), 0);
}

static inline void end_blocking(unsigned closed)
{
    end();
    cr_expect_eq(n_closed, closed);
}

#endif
