#include "base/loop/inbox.h"

#include <criterion/criterion.h>
#include <string.h>

static struct inbox inbox;
static char done[64]; /* a letter for each errand */
static unsigned n_woken;

static void begin(void)
{
    inbox_init(&inbox);
}

static void end(void)
{
    inbox_fini(&inbox);
}

TestSuite(inbox, .init = begin, .fini = end);

static void note(char letter)
{
    done[strlen(done)] = letter;
}

static void do_it(void *arg)
{
    note(*(const char *)arg);
}

static void drop_it(void *arg)
{
    note('-');
    note(*(const char *)arg);
}

static void put_again(void *arg)
{
    struct errand *errand = arg;
    note('x');
    inbox_put(&inbox, errand);
}

static void wake(void *arg)
{
    n_woken++;
}

static char a[] = "a", b[] = "b", c[] = "c";
static struct errand first = {.fn = do_it, .arg = a}, second = {.fn = do_it, .arg = b},
                     third = {.fn = do_it, .arg = c};

Test(inbox, errands_are_done_in_their_order_and_once)
{
    inbox_put(&inbox, &first);
    inbox_put(&inbox, &second);
    inbox_put(&inbox, &first); /* waits already */
    cr_expect(inbox_run(&inbox));
    cr_expect_str_eq(done, "ab");
    cr_expect_not(inbox_run(&inbox));
    inbox_put(&inbox, &first);
    cr_expect(inbox_run(&inbox));
    cr_expect_str_eq(done, "aba");
}

Test(inbox, one_wake_up_is_on_its_way_at_a_time)
{
    inbox_wakes(&inbox, wake, NULL);
    inbox_put(&inbox, &first);
    inbox_put(&inbox, &second);
    cr_expect_eq(n_woken, 1);
    inbox_awake(&inbox);
    cr_expect_str_eq(done, "ab");
    inbox_put(&inbox, &third);
    cr_expect_eq(n_woken, 2);
}

Test(inbox, what_waits_when_a_thread_begins_to_drive_wakes_it)
{
    inbox_put(&inbox, &first);
    cr_expect_eq(n_woken, 0);
    inbox_wakes(&inbox, wake, NULL);
    cr_expect_eq(n_woken, 1);
}

Test(inbox, what_is_put_meanwhile_waits_for_the_next_round)
{
    struct errand again = {.fn = put_again, .arg = &again};
    inbox_put(&inbox, &again);
    cr_expect(inbox_run(&inbox));
    cr_expect_str_eq(done, "x");
    inbox_recall(&inbox, &again);
    cr_expect_not(inbox_run(&inbox));
}

Test(inbox, what_is_recalled_is_not_done_wherever_it_stands)
{
    struct errand *const errands[] = {&first, &second, &third};
    static const char *const left[] = {"bc", "ac", "ab"};
    for (size_t i = 0; i < 3; i++) {
        memset(done, 0, sizeof done);
        for (size_t j = 0; j < 3; j++)
            inbox_put(&inbox, errands[j]);
        inbox_recall(&inbox, errands[i]);
        inbox_recall(&inbox, errands[i]); /* waits no longer */
        inbox_run(&inbox);
        cr_expect_str_eq(done, left[i]);
        inbox_put(&inbox, errands[i]); /* the end of the list is where it should be */
        inbox_run(&inbox);
        cr_expect_eq(done[2], *(const char *)errands[i]->arg);
    }
}

Test(inbox, what_is_posted_is_done_or_dropped_at_the_end)
{
    struct inbox other;
    inbox_init(&other);
    cr_assert_eq(inbox_post(&other, do_it, drop_it, a), 0);
    inbox_run(&other);
    cr_assert_eq(inbox_post(&other, do_it, drop_it, b), 0);
    cr_assert_eq(inbox_post(&other, do_it, NULL, c), 0);
    inbox_fini(&other);
    cr_expect_str_eq(done, "a-b");
}
