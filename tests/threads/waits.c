/* waits: plugins that wait, while their results come from other threads and the proxy leaves, or
 * their time is over: every result is used or dropped, once.
 */
#include "crew.h"
#include "kit/kit.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { TRANSACTIONS = 10000, OPEN_MAX = 64, BRINGERS = 3 };

/* Waits on their way to the threads that resume them. */
static struct {
    pthread_mutex_t mutex;
    struct extproc_wait *waits[TRANSACTIONS];
    size_t first, n;
    bool over;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The loop's thread alone, but the work. */
static unsigned n_deferred, n_resumed, n_timeouts, n_dropped, n_cancelled;
static atomic_uint n_worked;
static int result; /* its address is every result */

static void drop(struct extproc_instance *instance, void *arg)
{
    n_dropped++;
}

static void cancel(void *arg)
{
    n_cancelled++;
}

static void work(void *arg)
{
    atomic_fetch_add(&n_worked, 1);
    sched_yield();
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    if (n_deferred % 4 == 0 && extproc_work(x, work, &result, drop) == 0) {
        n_deferred++;
        return EXTPROC_ACTION_WAIT;
    }
    struct extproc_wait *wait = extproc_defer(x, 0, drop);
    if (!wait)
        return EXTPROC_ACTION_FAIL;
    n_deferred++;
    extproc_on_cancel(wait, cancel, NULL);
    pthread_mutex_lock(&queue.mutex);
    queue.waits[(queue.first + queue.n++) % TRANSACTIONS] = wait;
    pthread_mutex_unlock(&queue.mutex);
    return EXTPROC_ACTION_WAIT;
}

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *arg)
{
    if (why == EXTPROC_WAKE_TIMEOUT)
        n_timeouts++;
    else
        n_resumed++;
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin plugin = {
    .abi = EXTPROC_ABI, .name = "waiter", .request_headers = on_request, .resume = on_resume};

/* ---- the threads ----------------------------------------------------------------------------- */

/* The next wait, not always the oldest. NULL: none now. */
static struct extproc_wait *take(bool *ret_over)
{
    pthread_mutex_lock(&queue.mutex);
    struct extproc_wait *wait = NULL;
    if (queue.n > 0) {
        wait = queue.waits[queue.first];
        queue.first = (queue.first + 1) % TRANSACTIONS;
        queue.n--;
    }
    *ret_over = queue.over && !wait;
    pthread_mutex_unlock(&queue.mutex);
    return wait;
}

static void bring(void *seed)
{
    unsigned state = *(unsigned *)seed;
    bool over = false;
    while (!over) {
        struct extproc_wait *wait = take(&over);
        for (int i = rand_r(&state) % 64; i > 0; i--)
            sched_yield();
        if (wait)
            extproc_resume(wait, &result);
    }
}

static struct kit *k;

static void run(uint64_t ms)
{
    kit_run_until(k, loop_now(kit_loop(k)) + ms);
}

static struct kit_call *opened(void)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /", true);
    return c;
}

static void play(void *arg)
{
    struct kit_call *open[OPEN_MAX] = {NULL};
    unsigned state = 7;
    for (unsigned done = 0; done < TRANSACTIONS;) {
        struct kit_call **c = &open[rand_r(&state) % OPEN_MAX];
        if (!*c) {
            *c = opened();
            done++;
        } else {
            kit_reset(*c);
            *c = NULL;
        }
        if (rand_r(&state) % 8 == 0)
            run((uint64_t)(rand_r(&state) % 4) * 40);
    }
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (open[i])
            kit_reset(open[i]);
    pthread_mutex_lock(&queue.mutex);
    queue.over = true;
    pthread_mutex_unlock(&queue.mutex);
}

int main(void)
{
    static unsigned seeds[BRINGERS] = {1, 2, 3};
    const struct kit_linked linked[] = {{"waiter", &plugin}, {0}};
    struct crew_member members[BRINGERS + 1] = {{play, NULL}};
    for (int i = 0; i < BRINGERS; i++)
        members[i + 1] = (struct crew_member){bring, &seeds[i]};

    k = kit_new(&(struct kit_options){.linked = linked});
    crew_run(members, BRINGERS + 1);
    loop_enter(kit_loop(k));
    run(0);

    CHECK(n_deferred == TRANSACTIONS);
    CHECK(n_resumed + n_dropped == n_deferred);
    CHECK(n_resumed > 0);
    CHECK(n_dropped > 0);
    CHECK(n_timeouts > 0);
    CHECK(n_cancelled <= n_dropped);
    CHECK(atomic_load(&n_worked) > 0);
    kit_free(k);
    return check_totals();
}
