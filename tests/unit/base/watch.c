#include "base/loop/watch.h"

#include <criterion/criterion.h>

static const struct running_plugin slow = {.name = "slow", .timeout_ms = 150},
                                   any = {.name = "any"};
static struct watch_state state;

static struct running running;

/* What a look at the call that goes on reports at a time: 0, or milliseconds. */
static uint64_t look(uint64_t now_ms)
{
    struct running_look look = running_look(&running);
    uint64_t seen = watch_look(&state, &look, now_ms);
    if (seen != RUNNING_UNSEEN)
        cr_expect(running_see(&running, look, seen));
    return seen > RUNNING_SEEN ? seen : 0;
}

static void begin(const struct running_plugin *plugin)
{
    running_begin(&running, plugin, "request_headers");
}

Test(watch, names_a_call_that_is_there_for_longer_than_its_timeout)
{
    begin(&slow);
    cr_expect_eq(look(1000), 0);
    cr_expect_eq(look(1149), 0);
    cr_expect_eq(look(1150), 150);
    cr_expect_eq(running_end(&running), 150);
}

Test(watch, names_it_again_when_that_has_doubled)
{
    begin(&slow);
    look(1000);
    cr_expect_eq(look(1160), 160);
    cr_expect_eq(look(1210), 0);
    cr_expect_eq(look(1319), 0);
    cr_expect_eq(look(1320), 320);
    cr_expect_eq(running_end(&running), 320);
}

/* Many calls one after another are not one: each of them has its own time. */
Test(watch, each_call_has_a_time_of_its_own)
{
    for (uint64_t i = 1; i < 100; i++) {
        begin(&slow);
        cr_expect_eq(look(1000 + i * 149), 0);
        cr_expect_eq(running_end(&running), 0);
    }
    begin(&slow);
    look(20000);
    look(20150);
    running_end(&running);
    begin(&slow);
    cr_expect_eq(running_end(&running), 0);
}

Test(watch, leaves_a_plugin_without_timeout_and_the_host_alone)
{
    begin(&any);
    for (uint64_t now = 0; now < 100000; now += 1000)
        cr_expect_eq(look(now), 0);
    running_end(&running);
    for (uint64_t now = 0; now < 100000; now += 1000)
        cr_expect_eq(look(now), 0);
}

/* What was seen of one call is not noted of the next. */
Test(watch, a_call_that_has_ended_meanwhile_is_not_blamed)
{
    begin(&slow);
    look(1000);
    struct running_look late = running_look(&running);
    running_end(&running);
    begin(&slow);
    cr_expect(!running_see(&running, late, 150));
    cr_expect_eq(running_end(&running), 0);
}

Test(watch, a_look_has_what_runs)
{
    begin(&slow);
    struct running_look now = running_look(&running);
    cr_expect_eq(now.plugin, &slow);
    cr_expect_str_eq(now.phase, "request_headers");
    running_end(&running);
    cr_expect_null(running_look(&running).plugin);
}
