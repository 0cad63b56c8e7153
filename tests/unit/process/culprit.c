#include "process/end/culprit.h"

#include <criterion/criterion.h>

static uint64_t now_ms = 1000;

static uint64_t read_clock(void *arg)
{
    return now_ms;
}

static const struct loop_clock clock_of_test = {.read = read_clock};
static const struct running_plugin plugin = {.name = "tags"};
static struct loop loop;
static struct culprit culprit;

static void begin(void)
{
    loop_init(&loop, &clock_of_test);
    loop_begins_round(&loop);
}

static void end(void)
{
    culprit_in(NULL, NULL);
    loop_fini(&loop);
}

TestSuite(culprit, .init = begin, .fini = end);

Test(culprit, is_the_plugin_that_runs_and_for_how_long)
{
    culprit_in(&loop, NULL);
    loop_runs(&loop, &plugin, "request_headers");
    now_ms += 250;
    cr_assert(culprit_find(&culprit));
    cr_expect_eq(culprit.plugin, &plugin);
    cr_expect_str_eq(culprit.phase, "request_headers");
    cr_expect_eq(culprit.ms, 250);
    cr_expect(culprit_here(&culprit));
}

Test(culprit, is_none_where_the_host_runs_or_no_loop_is_known)
{
    cr_expect_not(culprit_find(&culprit));
    culprit_in(&loop, NULL);
    cr_expect_not(culprit_find(&culprit));
    loop_runs(&loop, &plugin, "fini");
    loop_ran(&loop);
    cr_expect_not(culprit_find(&culprit));
    cr_expect_not(culprit_here(&culprit));
}

/* A clock that is set back counts nothing. */
Test(culprit, has_not_run_for_less_than_nothing)
{
    culprit_in(&loop, NULL);
    loop_runs(&loop, &plugin, "init");
    now_ms -= 500;
    cr_assert(culprit_find(&culprit));
    cr_expect_eq(culprit.ms, 0);
}

static void *look_from_elsewhere(void *arg)
{
    bool *seen = arg;
    seen[0] = culprit_find(&culprit);
    seen[1] = culprit_here(&culprit);
    return NULL;
}

Test(culprit, is_seen_from_another_thread_and_is_not_there)
{
    bool seen[2];
    pthread_t thread;
    culprit_in(&loop, NULL);
    loop_runs(&loop, &plugin, "request_body");
    cr_assert_eq(pthread_create(&thread, NULL, look_from_elsewhere, seen), 0);
    pthread_join(thread, NULL);
    cr_expect(seen[0]);
    cr_expect_not(seen[1]);
}
