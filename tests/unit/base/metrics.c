#include "base/metrics.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct metrics *m;

static void given_metrics(void)
{
    cr_assert_eq(metrics_new(&m), 0);
}
static void free_them(void)
{
    m = metrics_free(m);
}
TestSuite(metrics, .init = given_metrics, .fini = free_them);

static struct metric_reading reading_of(const char *owner, const char *name)
{
    struct metric_reading reading;
    cr_assert(metrics_find(m, owner, name, &reading));
    return reading;
}

Test(metrics, a_counter_grows)
{
    struct metric *counter = metrics_define(m, "tags", "seen_total", false, "Messages seen.");
    metric_add(counter, 1);
    metric_add(counter, 41);

    struct metric_reading reading = reading_of("tags", "seen_total");
    cr_assert_str_eq(reading.owner, "tags");
    cr_assert_str_eq(reading.name, "seen_total");
    cr_assert_str_eq(reading.help, "Messages seen.");
    cr_assert_not(reading.histogram);
    cr_assert_eq(reading.sum, 42);
    cr_assert_eq(reading.count, 2);
    cr_assert_eq(reading.buckets[1], 0);
}

Test(metrics, a_histogram_counts_by_bit_length)
{
    static const uint64_t values[] = {0, 1, 2, 3, 4, 7, 8, UINT64_MAX};
    struct metric *histogram = metrics_define(m, NULL, "latency", true, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        metric_add(histogram, values[i]);

    struct metric_reading reading = reading_of(NULL, "latency");
    cr_assert(reading.histogram);
    cr_assert_str_eq(reading.owner, "");
    cr_assert_str_eq(reading.help, "");
    cr_assert_eq(reading.count, 8);
    cr_assert_eq(reading.buckets[0], 1);
    cr_assert_eq(reading.buckets[1], 1);
    cr_assert_eq(reading.buckets[2], 2);
    cr_assert_eq(reading.buckets[3], 2);
    cr_assert_eq(reading.buckets[4], 1);
    cr_assert_eq(reading.buckets[64], 1);
}

Test(metrics, the_same_pair_gives_the_same_metric)
{
    struct metric *one = metrics_define(m, "a", "hits", false, "first");
    cr_assert_eq(metrics_define(m, "a", "hits", false, "second"), one);
    cr_assert_neq(metrics_define(m, "b", "hits", false, ""), one);
    cr_assert_neq(metrics_define(m, NULL, "hits", false, ""), one);
    cr_assert_str_eq(reading_of("a", "hits").help, "first");
}

Test(metrics, another_kind_under_the_name_is_refused)
{
    cr_assert_not_null(metrics_define(m, "a", "hits", false, ""));
    cr_assert_null(metrics_define(m, "a", "hits", true, ""));
}

Test(metrics, bad_names_are_refused)
{
    char long_name[65], long_owner[34];
    memset(long_name, 'n', 64);
    long_name[64] = '\0';
    memset(long_owner, 'o', 33);
    long_owner[33] = '\0';

    cr_assert_null(metrics_define(m, "a", NULL, false, ""));
    cr_assert_null(metrics_define(m, "a", "", false, ""));
    cr_assert_null(metrics_define(m, "a", "Upper", false, ""));
    cr_assert_null(metrics_define(m, "a", "1st", false, ""));
    cr_assert_null(metrics_define(m, "a", "_x", false, ""));
    cr_assert_null(metrics_define(m, "a", "with-dash", false, ""));
    cr_assert_null(metrics_define(m, "a", long_name, false, ""));
    cr_assert_null(metrics_define(m, long_owner, "hits", false, ""));
    cr_assert_not_null(metrics_define(m, "a", long_name + 1, false, ""));
    cr_assert_not_null(metrics_define(m, long_owner + 1, "a_1", false, ""));
}

Test(metrics, a_long_help_is_cut)
{
    char help[500];
    memset(help, 'h', sizeof help - 1);
    help[sizeof help - 1] = '\0';
    metrics_define(m, NULL, "x", false, help);
    cr_assert_eq(strlen(reading_of(NULL, "x").help), 127);
}

Test(metrics, room_is_limited)
{
    char name[16];
    size_t n = 0;
    do {
        snprintf(name, sizeof name, "n%zu", n);
    } while (metrics_define(m, NULL, name, false, "") && ++n < 100000);

    struct metric_reading reading;
    cr_assert_eq(n, 1024);
    cr_assert(metrics_read(m, n - 1, &reading));
    cr_assert_not(metrics_read(m, n, &reading));
    cr_assert_not_null(metrics_define(m, NULL, "n7", false, ""), "one that is there is found");
}

Test(metrics, are_read_in_the_order_of_definition)
{
    struct metric_reading reading;
    metrics_define(m, NULL, "one", false, "");
    metrics_define(m, NULL, "two", false, "");
    cr_assert(metrics_read(m, 0, &reading));
    cr_assert_str_eq(reading.name, "one");
    cr_assert(metrics_read(m, 1, &reading));
    cr_assert_str_eq(reading.name, "two");
    cr_assert_not(metrics_read(m, 2, &reading));
    cr_assert_not(metrics_find(m, NULL, "three", &reading));
}

Test(metrics, another_process_adds_and_defines)
{
    struct metric *counter = metrics_define(m, NULL, "parent", false, "");
    pid_t pid = fork();
    if (pid == 0) {
        metric_add(counter, 5);
        metric_add(metrics_define(m, NULL, "child", false, ""), 7);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert_eq(reading_of(NULL, "parent").sum, 5);
    cr_assert_eq(reading_of(NULL, "child").sum, 7);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 10000; i++)
        metric_add(arg, 1);
    return NULL;
}

Test(metrics, threads_lose_nothing)
{
    struct metric *counter = metrics_define(m, NULL, "hits", true, "");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, add_many, counter), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(reading_of(NULL, "hits").sum, 40000);
    cr_assert_eq(reading_of(NULL, "hits").buckets[1], 40000);
}
