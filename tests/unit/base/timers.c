#include "base/loop/timers.h"

#include <criterion/criterion.h>

static int fired[1000], n_fired;

static void note(void *arg)
{
    fired[n_fired++] = *(int *)arg;
}

Test(timers, fire_in_the_order_of_their_time)
{
    struct timers timers = {0};
    static int times[500];
    for (int i = 0; i < 500; i++) {
        times[i] = i * 7919 % 503;
        cr_assert_eq(timers_add(&timers, (uint64_t)times[i], note, &times[i]), 0);
    }
    timers_fire(&timers, 250);
    cr_assert_gt(timers_next(&timers), 250);
    cr_assert_leq(fired[n_fired - 1], 250);
    timers_fire(&timers, 1000);
    cr_assert_eq(n_fired, 500);
    for (int i = 1; i < 500; i++)
        cr_assert_leq(fired[i - 1], fired[i]);
    timers_fini(&timers);
}

Test(timers, of_the_same_time_fire_as_they_were_added)
{
    struct timers timers = {0};
    static int number[100];
    for (int i = 0; i < 100; i++) {
        number[i] = i;
        timers_add(&timers, 5, note, &number[i]);
    }
    timers_fire(&timers, 5);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(fired[i], i);
    timers_fini(&timers);
}

Test(timers, none_is_never)
{
    struct timers timers = {0};
    cr_assert_eq(timers_next(&timers), UINT64_MAX);
    timers_fire(&timers, 1);
    timers_fini(&timers);
}

static struct timers again_timers;

static void again(void *arg)
{
    n_fired++;
    timers_add(&again_timers, 1, again, NULL);
}

Test(timers, one_that_sets_itself_anew_waits_for_the_next_time)
{
    timers_add(&again_timers, 1, again, NULL);
    timers_fire(&again_timers, 1);
    cr_assert_eq(n_fired, 1);
    timers_fire(&again_timers, 1);
    cr_assert_eq(n_fired, 2);
    timers_fini(&again_timers);
}

Test(timers, of_its_owner_s_can_be_moved_and_cancelled)
{
    struct timers timers = {0};
    static struct timer own[100];
    static int number[100];
    for (int i = 0; i < 100; i++) {
        number[i] = i;
        own[i] = (struct timer){.fn = note, .arg = &number[i]};
        timers_set(&timers, &own[i], (uint64_t)(i * 37 % 101));
    }
    for (int i = 0; i < 100; i += 2)
        timers_cancel(&timers, &own[i]);
    timers_cancel(&timers, &own[0]);
    for (int i = 1; i < 100; i += 2)
        timers_set(&timers, &own[i], (uint64_t)(200 - i));
    timers_fire(&timers, 1000);
    cr_assert_eq(n_fired, 50);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(fired[i], 99 - 2 * i);
    timers_fini(&timers);
}

Test(timers, those_that_never_fired_are_freed)
{
    struct timers timers = {0};
    struct timer own = {.fn = note};
    timers_add(&timers, 5, note, NULL);
    timers_set(&timers, &own, 6);
    timers_fini(&timers);
    cr_assert_eq(timers_next(&timers), UINT64_MAX);
}
