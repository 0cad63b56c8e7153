/* blocking: callbacks in the pool, while their clients leave, their time is over, and both
 * directions have messages: what a callback reaches is its own, or is there still.
 */
#include "crew.h"
#include "kit/kit.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* As many as it takes for all of it to happen, which the machine decides. */
enum { TRANSACTIONS = 4000, TRANSACTIONS_MAX = 100000, OPEN_MAX = 48 };

static atomic_uint n_opened, n_closed, n_edited, n_refused, n_resumed, n_dropped, n_worked;
static unsigned seed = 11;
static int result; /* its address is every result */

static void drop(struct extproc_instance *instance, void *arg)
{
    atomic_fetch_add(&n_dropped, 1);
}

/* Some callbacks take longer than the clients stay. */
static void be_slow(unsigned n)
{
    for (unsigned i = 0; i < n % 97; i++)
        sched_yield();
}

static void work(void *arg)
{
    atomic_fetch_add(&n_worked, 1);
}

static int on_open(struct extproc_txn *x)
{
    x->ctx = extproc_alloc(x, sizeof(unsigned));
    atomic_fetch_add(&n_opened, 1);
    return 0;
}

static enum extproc_action on_any(struct extproc_txn *x)
{
    enum extproc_map map = extproc_is_response(x) ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST;
    unsigned number = atomic_fetch_add(&n_edited, 1);
    struct extproc_str seen = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-name"));
    be_slow(number);
    if (seen.ptr && memcmp(seen.ptr, "a name", seen.len) != 0)
        abort();
    if (extproc_header_set(x, map, EXTPROC_S("x-copy"), seen.ptr ? seen : EXTPROC_S("-")) < 0)
        atomic_fetch_add(&n_refused, 1);
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"), extproc_string(seen));
    extproc_log(x, EXTPROC_LEVEL_DEBUG, "seen");
    if (number % 5 == 0 && extproc_work(x, work, &result, drop) == 0)
        return EXTPROC_ACTION_WAIT;
    if (number % 5 == 1) {
        struct extproc_wait *wait = extproc_defer(x, 0, drop);
        if (wait)
            extproc_resume(wait, &result);
        return wait ? EXTPROC_ACTION_WAIT : EXTPROC_ACTION_FAIL;
    }
    return number % 7 == 0 ? EXTPROC_ACTION_FAIL : EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    struct extproc_str body = extproc_body(x);
    be_slow(atomic_fetch_add(&n_edited, 1));
    if (body.ptr && memcmp(body.ptr, "abc", 3) != 0)
        abort();
    return extproc_continue(extproc_body_set(x, extproc_format(x, "<%.*s>", EXTPROC_ARG(body))));
}

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *arg)
{
    atomic_fetch_add(&n_resumed, 1);
    be_slow(atomic_load(&n_resumed));
    return EXTPROC_ACTION_CONTINUE;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    extproc_log(x, EXTPROC_LEVEL_DEBUG, "closed");
    atomic_fetch_add(&n_closed, 1);
}

static const struct extproc_plugin plugin = {
    .abi = EXTPROC_ABI,
    .name = "blocker",
    .open = on_open,
    .close = on_close,
    .request_headers = on_any,
    .request_body = on_body,
    .response_headers = on_any,
    .resume = on_resume,
};

/* ---- the loop's thread ----------------------------------------------------------------------- */

static struct kit *k;

static void run(uint64_t ms)
{
    kit_run_until(k, loop_now(kit_loop(k)) + ms);
}

static struct kit_call *opened(void)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_lets_wait(c);
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /\nx-name: a name", false);
    return c;
}

/* One thing more happens to it. False: it has ended. */
static bool goes_on(struct kit_call *c)
{
    kit_take_answers(c);
    switch (kit_is_over(c) ? 0 : rand_r(&seed) % 12) {
    case 0:
        kit_reset(c);
        return false;
    case 1:
        kit_stop(c);
        return false;
    default:
        kit_body(c, LANE_REQUEST, "abc", false);
        return true;
    }
}

static bool all_happened(void)
{
    return atomic_load(&n_refused) > 0 && atomic_load(&n_worked) > 0 &&
           atomic_load(&n_resumed) > 0 && atomic_load(&n_dropped) > 0;
}

static void play(void)
{
    struct kit_call *open[OPEN_MAX] = {NULL};
    for (unsigned done = 0; done < TRANSACTIONS || (!all_happened() && done < TRANSACTIONS_MAX);) {
        struct kit_call **c = &open[rand_r(&seed) % OPEN_MAX];
        if (!*c) {
            *c = opened();
            done++;
        } else if (!goes_on(*c)) {
            *c = NULL;
        }
        if (rand_r(&seed) % 4 == 0)
            run((uint64_t)(rand_r(&seed) % 8));
    }
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (open[i])
            kit_reset(open[i]);
}

int main(void)
{
    const struct kit_linked linked[] = {{"blocker", &plugin}, {0}};
    k = kit_new(&(struct kit_options){
        .ini = "[plugin:blocker]\nblocking = yes\non_error = continue\n", .linked = linked});
    kit_lets_block(k, true);
    play();
    kit_lets_block(k, false);
    run(0);
    CHECK(atomic_load(&n_opened) > 0);
    CHECK(atomic_load(&n_opened) == atomic_load(&n_closed));
    CHECK(atomic_load(&n_refused) > 0);
    CHECK(atomic_load(&n_refused) < atomic_load(&n_edited));
    CHECK(atomic_load(&n_worked) > 0);
    CHECK(atomic_load(&n_resumed) > 0);
    CHECK(atomic_load(&n_dropped) > 0);
    kit_free(k);
    return check_totals();
}
