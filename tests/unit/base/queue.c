#include "base/log/queue.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SIZE = 256 };

static struct queue q;
static struct iovec parts[2];

static void given_a_queue(void)
{
    cr_assert_eq(queue_init(&q, SIZE), 0);
}
static void free_it(void)
{
    queue_fini(&q);
}
TestSuite(queue, .init = given_a_queue, .fini = free_it);

static enum queue_put put(const char *text)
{
    return queue_put(&q, extproc_str_of(text));
}

static enum queue_put put_bytes(size_t n)
{
    static const char bytes[2 * SIZE];
    return queue_put(&q, (struct extproc_str){bytes, n});
}

/* What would be written next. */
static const char *next(size_t max)
{
    static char text[SIZE + 1];
    size_t len = queue_peek(&q, max, parts);
    if (len == 0)
        return "";
    memcpy(text, parts[0].iov_base, parts[0].iov_len);
    memcpy(text + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
    cr_assert_eq(len, parts[0].iov_len + parts[1].iov_len);
    text[len] = '\0';
    return text;
}

Test(queue, returns_complete_records_up_to_a_size)
{
    put("one");
    put("two");
    put("three");
    cr_expect_str_eq(next(100), "one\ntwo\nthree\n");
    cr_expect_str_eq(next(13), "one\ntwo\n");
    cr_expect_str_eq(next(4), "one\n");
    cr_expect_str_eq(next(1), "one\n"); /* the first in any case */
    queue_written(&q, 8);
    cr_expect_str_eq(next(100), "three\n");
    queue_written(&q, 6);
    cr_expect_str_eq(next(100), "");
    cr_expect_eq(queue_len(&q), 0);
}

Test(queue, goes_on_in_the_middle_of_a_record)
{
    put("one");
    put("two");
    queue_written(&q, 6);
    cr_expect_eq(queue_len(&q), 2);
    cr_expect_str_eq(next(100), "o\n");
    queue_rewind(&q);
    cr_expect_str_eq(next(100), "two\n");
    cr_expect_eq(queue_len(&q), 4);
}

Test(queue, drops_what_does_not_fit)
{
    cr_expect_eq(put_bytes(SIZE), QUEUE_DROPPED); /* no room for the newline */
    cr_expect_eq(put_bytes(SIZE - 2), QUEUE_KEPT_FIRST);
    cr_expect_eq(put(""), QUEUE_KEPT);
    cr_expect_eq(put(""), QUEUE_DROPPED);
    queue_written(&q, SIZE - 1);
    cr_expect_eq(put("again"), QUEUE_KEPT);
}

Test(queue, drops_more_records_than_it_can_count)
{
    for (int i = 0; i < SIZE / 64; i++)
        cr_expect_neq(put(""), QUEUE_DROPPED);
    cr_expect_eq(put(""), QUEUE_DROPPED);
    cr_expect_eq(queue_discard(&q), SIZE / 64);
    cr_expect_eq(queue_len(&q), 0);
    cr_expect_eq(put("again"), QUEUE_KEPT_FIRST);
}

Test(queue, says_when_it_was_empty)
{
    cr_expect_eq(put("one"), QUEUE_KEPT_FIRST);
    cr_expect_eq(put("two"), QUEUE_KEPT);
    queue_written(&q, 7);
    cr_expect_eq(put("three"), QUEUE_KEPT); /* "two" is not complete */
    queue_written(&q, 7);
    cr_expect_eq(put("four"), QUEUE_KEPT_FIRST);
}

Test(queue, keeps_the_order_round_and_round)
{
    char text[32], expected[33];
    put("-");
    for (int i = 0; i < 1000; i++) { /* never empty, so that it does not begin at the front again */
        snprintf(text, sizeof text, "%0*d", 1 + i % 30, i);
        cr_assert_neq(put(text), QUEUE_DROPPED);
        queue_written(&q, strlen(next(1)));
        snprintf(expected, sizeof expected, "%s\n", text);
        cr_assert_str_eq(next(100), expected);
    }
}
