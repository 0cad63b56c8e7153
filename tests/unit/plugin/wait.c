/* wait: results at the end of the loop, and waits that are used again. */
#include "plugin/wait/wait.h"

#include "base/loop/pool.h"
#include "plugin/api/api.h"
#include "plugin/generation.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct loop loop;
static struct pool *pool;
static struct waits *all;
static struct instance instance = {.name = "x", .pub.api = &plugin_api};
static struct generation generation = {.refs = 1};
static unsigned n_woken, n_dropped, n_cancelled;
static void *last;

static void begin(void)
{
    loop_init(&loop, NULL);
    pool = pool_new(1, 8);
    all = waits_new(&loop, pool, NULL);
    cr_assert(pool && all);
}

static void end(void)
{
    pool_free(pool);
    waits_free(all);
    loop_fini(&loop);
    cr_expect_eq(generation.refs, 1); /* every wait has given its own back */
}

TestSuite(wait, .init = begin, .fini = end);

static void woken(void *arg, enum extproc_wake why, void *result)
{
    n_woken++;
    last = result;
}

static void drop(struct extproc_instance *of, void *result)
{
    cr_expect_eq(of, &instance.pub);
    n_dropped++;
    last = result;
}

static void cancel(void *arg)
{
    n_cancelled++;
}

static const struct wait_for what = {
    .instance = &instance, .generation = &generation, .drop = drop, .woken = woken};

static int results[2];

static struct wait *one(struct extproc_wait **ret)
{
    struct wait *w = wait_new(all, &what, UINT64_MAX, ret);
    cr_assert(w);
    wait_on_cancel(*ret, cancel, NULL);
    return w;
}

Test(wait, a_result_wakes)
{
    struct extproc_wait *face;
    one(&face);
    wait_resume(face, &results[0]);
    cr_expect_eq(n_woken, 0);
    loop_round(&loop);
    cr_expect_eq(n_woken, 1);
    cr_expect_eq(last, &results[0]);
}

Test(wait, a_result_that_is_there_when_the_loop_ends_is_dropped)
{
    struct extproc_wait *face;
    struct wait *w = one(&face);
    wait_forsake(w);
    wait_resume(face, &results[0]);
    waits_close(all);
    cr_expect_eq(n_dropped, 1);
    cr_expect_eq(last, &results[0]);
    cr_expect_eq(n_cancelled, 1);
    loop_round(&loop); /* it is not dropped again */
    cr_expect_eq(n_dropped, 1);
}

Test(wait, a_result_that_comes_after_the_end_of_the_loop_is_dropped_immediately)
{
    struct extproc_wait *face;
    struct wait *w = one(&face);
    wait_forsake(w);
    waits_close(all);
    cr_expect_eq(n_dropped, 0);
    wait_resume(face, &results[1]);
    cr_expect_eq(n_dropped, 1);
    cr_expect_eq(last, &results[1]);
    waits_close(all); /* which may be under way at that time */
    cr_expect_eq(n_dropped, 1);
}

/* Its memory is used again by others, and a pointer to it from before does nothing to them. */
Test(wait, an_old_pointer_does_no_harm)
{
    struct extproc_wait *old, *face;
    one(&old);
    wait_resume(old, &results[0]);
    loop_round(&loop);
    for (unsigned i = 0; i < 2000; i++) {
        one(&face);
        wait_resume(old, &results[1]);
        cr_assert_eq(loop_round(&loop), false, "wait %u was resumed by another's pointer", i);
        wait_resume(face, &results[0]);
        loop_round(&loop);
        cr_assert_eq(last, &results[0]);
    }
    cr_expect_eq(n_woken, 2001);
    cr_expect_eq(n_dropped, 0);
}

static void nothing(void *arg)
{
}

Test(wait, work_is_dropped_where_it_has_not_begun)
{
    struct wait *w;
    pool_stop(pool, 0, NULL);
    cr_expect_eq(wait_work(all, &(struct work){what, nothing, &results[0], "work"}, 1000, &w),
                 -EAGAIN);
    cr_expect_eq(n_dropped, 0); /* it is the caller's still */
}

Test(wait, holds_at_most_the_limit)
{
    size_t held;
    cr_expect_not(waits_exceed(all, &held));
    waits_limit(all, 100);
    waits_hold(all, 100);
    cr_expect_not(waits_exceed(all, &held));
    waits_hold(all, 1);
    cr_expect(waits_exceed(all, &held));
    cr_expect_eq(held, 101);
    waits_unhold(all, 101);
    cr_expect_not(waits_exceed(all, &held));
}
