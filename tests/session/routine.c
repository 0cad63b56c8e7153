/* What an instance does again and again, apart from transactions: extproc_every(). */
#include "kit/criterion.h"

#include <errno.h>
#include <stdatomic.h>

static atomic_uint n_calls;
static int results[3];

static void count(struct extproc_instance *instance)
{
    atomic_fetch_add(&n_calls, 1);
}

static int init(struct extproc_instance *instance)
{
    results[0] = extproc_every(instance, 0, count);
    results[1] = extproc_every(instance, 100, NULL);
    results[2] = extproc_every(instance, 100, count);
    return 0;
}

static enum extproc_action too_late(struct extproc_txn *x)
{
    results[2] = extproc_every(x->instance, 100, count);
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin plugin = {
    .abi = EXTPROC_ABI, .name = "x", .init = init, .request_headers = too_late};
static const struct kit_linked linked[] = {{"x", &plugin}, {0}};

Test(routine, runs_each_time_that_its_time_is_over)
{
    struct kit *k = kit_of(linked);
    cr_assert_eq(results[2], 0);
    kit_run_until(k, 99);
    cr_expect_eq(n_calls, 0);
    kit_run_until(k, 100);
    cr_expect_eq(n_calls, 1);
    kit_run_until(k, 350);
    cr_expect_eq(n_calls, 3);
    kit_free(k);
    cr_expect_eq(n_calls, 3);
}

Test(routine, needs_a_time_and_a_function)
{
    struct kit *k = kit_of(linked);
    cr_expect_eq(results[0], -EINVAL);
    cr_expect_eq(results[1], -EINVAL);
    kit_free(k);
}

Test(routine, belongs_to_init)
{
    struct kit *k = kit_of(linked);
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    cr_expect_eq(results[2], -EOPNOTSUPP);
    kit_end(c);
    kit_free(k);
}
