#include "base/loop/watch.h"

#include <criterion/criterion.h>

static const struct running_plugin slow = {.name = "slow", .timeout_ms = 150},
                                   any = {.name = "any"};
static struct watch_state state;

/* What a look finds at a time: 0, or the milliseconds that are reported. */
static uint64_t look(uint64_t now_ms, const struct running_plugin *plugin, uint32_t run)
{
    const struct running_look look = {.plugin = plugin, .phase = "request_headers", .run = run};
    uint64_t ms = 0;
    return watch_look(&state, &look, now_ms, &ms) ? ms : 0;
}

Test(watch, names_a_call_that_is_there_for_longer_than_its_timeout)
{
    cr_expect_eq(look(1000, &slow, 7), 0);
    cr_expect_eq(look(1149, &slow, 7), 0);
    cr_expect_eq(look(1150, &slow, 7), 150);
}

Test(watch, names_it_again_when_that_has_doubled)
{
    look(1000, &slow, 7);
    cr_expect_eq(look(1160, &slow, 7), 160);
    cr_expect_eq(look(1210, &slow, 7), 0);
    cr_expect_eq(look(1319, &slow, 7), 0);
    cr_expect_eq(look(1320, &slow, 7), 320);
}

/* Many calls one after another are not one: each of them has its own time. */
Test(watch, each_call_has_a_time_of_its_own)
{
    for (uint32_t run = 1; run < 100; run++)
        cr_expect_eq(look(1000 + run * 149, &slow, run), 0);
}

Test(watch, leaves_a_plugin_without_timeout_and_the_host_alone)
{
    for (uint64_t now = 0; now < 100000; now += 1000) {
        cr_expect_eq(look(now, &any, 7), 0);
        cr_expect_eq(look(now, NULL, 7), 0);
    }
}

/* Between two looks there was none of a plugin: the number says whether it is the same call. */
Test(watch, forgets_a_call_that_has_returned)
{
    look(1000, &slow, 7);
    look(1050, NULL, 7);
    cr_expect_eq(look(1200, &slow, 8), 0);
    cr_expect_eq(look(1349, &slow, 8), 0);
}

static struct loop loop;

Test(watch, a_call_that_was_reported_is_known_when_it_ends)
{
    loop_init(&loop, NULL);
    loop_runs(&loop, &slow, "open");
    cr_expect_eq(loop_ran(&loop), 0);
    loop_runs(&loop, &slow, "request_headers");
    struct running_look now = running_look(&loop.running);
    cr_expect_eq(now.plugin, &slow);
    cr_expect_str_eq(now.phase, "request_headers");
    cr_expect_eq(now.run, 2);
    running_blocked(&loop.running, now.run, 160);
    cr_expect_eq(loop_ran(&loop), 160);
    cr_expect_null(running_look(&loop.running).plugin);
    loop_runs(&loop, &slow, "request_body");
    cr_expect_eq(loop_ran(&loop), 0);
    loop_fini(&loop);
}
