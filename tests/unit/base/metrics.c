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

/* A plugin's own metric, or (NULL) one of the host's. */
static struct metric *define(struct metrics *to, const char *plugin, const char *name,
                             bool histogram, const char *help)
{
    return metrics_define(
        to, &(struct metric_definition){.name = name,
                                        .help = help,
                                        .kind = histogram ? METRIC_HISTOGRAM : METRIC_COUNTER,
                                        .own = plugin != NULL,
                                        .labels = {[METRIC_PLUGIN] = plugin}});
}

static struct metric_reading reading_of(const char *owner, const char *name)
{
    struct metric_reading reading;
    cr_assert(metrics_find(m, owner, name, &reading));
    return reading;
}

Test(metrics, a_counter_grows)
{
    struct metric *counter = define(m, "tags", "seen_total", false, "Messages seen.");
    metric_add(counter, 1);
    metric_add(counter, 41);

    struct metric_reading reading = reading_of("tags", "seen_total");
    cr_assert_str_eq(reading.labels[METRIC_PLUGIN], "tags");
    cr_assert_str_empty(reading.labels[METRIC_CHAIN]);
    cr_assert(reading.own);
    cr_assert_str_eq(reading.name, "seen_total");
    cr_assert_str_eq(reading.help, "Messages seen.");
    cr_assert_eq(reading.kind, METRIC_COUNTER);
    cr_assert_eq(reading.sum, 42);
    cr_assert_eq(reading.buckets[1], 0);
}

Test(metrics, a_histogram_counts_by_bit_length)
{
    static const uint64_t values[] = {0, 1, 2, 3, 4, 7, 8, UINT64_MAX};
    struct metric *histogram = define(m, NULL, "latency", true, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        metric_add(histogram, values[i]);

    struct metric_reading reading = reading_of(NULL, "latency");
    cr_assert_eq(reading.kind, METRIC_HISTOGRAM);
    cr_assert_not(reading.own);
    cr_assert_str_eq(reading.help, "");
    cr_assert_eq(reading.count, 8);
    cr_assert_eq(reading.buckets[0], 1);
    cr_assert_eq(reading.buckets[1], 1);
    cr_assert_eq(reading.buckets[2], 2);
    cr_assert_eq(reading.buckets[3], 2);
    cr_assert_eq(reading.buckets[4], 1);
    cr_assert_eq(reading.buckets[64], 1);
}

Test(metrics, the_same_pair_returns_the_same_metric)
{
    struct metric *one = define(m, "a", "hits", false, "first");
    cr_assert_eq(define(m, "a", "hits", false, "second"), one);
    cr_assert_neq(define(m, "b", "hits", false, ""), one);
    cr_assert_neq(define(m, NULL, "hits", false, ""), one);
    cr_assert_str_eq(reading_of("a", "hits").help, "first");
}

Test(metrics, another_kind_under_the_name_is_refused)
{
    cr_assert_not_null(define(m, "a", "hits", false, ""));
    cr_assert_null(define(m, "a", "hits", true, ""));
}

Test(metrics, bad_names_are_refused)
{
    char long_name[65], long_owner[34];
    memset(long_name, 'n', 64);
    long_name[64] = '\0';
    memset(long_owner, 'o', 33);
    long_owner[33] = '\0';

    cr_assert_null(define(m, "a", NULL, false, ""));
    cr_assert_null(define(m, "a", "", false, ""));
    cr_assert_null(define(m, "a", "Upper", false, ""));
    cr_assert_null(define(m, "a", "1st", false, ""));
    cr_assert_null(define(m, "a", "_x", false, ""));
    cr_assert_null(define(m, "a", "with-dash", false, ""));
    cr_assert_null(define(m, "a", long_name, false, ""));
    cr_assert_null(define(m, long_owner, "hits", false, ""));
    cr_assert_not_null(define(m, "a", long_name + 1, false, ""));
    cr_assert_not_null(define(m, long_owner + 1, "a_1", false, ""));
}

Test(metrics, a_long_help_is_cut)
{
    char help[500];
    memset(help, 'h', sizeof help - 1);
    help[sizeof help - 1] = '\0';
    define(m, NULL, "x", false, help);
    cr_assert_eq(strlen(reading_of(NULL, "x").help), 127);
}

Test(metrics, room_is_limited)
{
    char name[16];
    size_t n = 0;
    do {
        snprintf(name, sizeof name, "n%zu", n);
    } while (define(m, NULL, name, false, "") && ++n < 100000);

    struct metric_reading reading;
    cr_assert_eq(n, 1024);
    cr_assert(metrics_read(m, n - 1, &reading));
    cr_assert_not(metrics_read(m, n, &reading));
    cr_assert_not_null(define(m, NULL, "n7", false, ""), "one that is there is found");
}

Test(metrics, are_read_in_the_order_of_definition)
{
    struct metric_reading reading;
    define(m, NULL, "one", false, "");
    define(m, NULL, "two", false, "");
    cr_assert(metrics_read(m, 0, &reading));
    cr_assert_str_eq(reading.name, "one");
    cr_assert(metrics_read(m, 1, &reading));
    cr_assert_str_eq(reading.name, "two");
    cr_assert_not(metrics_read(m, 2, &reading));
    cr_assert_not(metrics_find(m, NULL, "three", &reading));
}

Test(metrics, another_process_adds_and_defines)
{
    struct metric *counter = define(m, NULL, "parent", false, "");
    pid_t pid = fork();
    if (pid == 0) {
        metric_add(counter, 5);
        metric_add(define(m, NULL, "child", false, ""), 7);
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
    struct metric *counter = define(m, NULL, "hits", true, "");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, add_many, counter), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(reading_of(NULL, "hits").sum, 40000);
    cr_assert_eq(reading_of(NULL, "hits").buckets[1], 40000);
}

/* ---- shards ---------------------------------------------------------------------------------- */

static uint64_t sum_of(const char *name)
{
    return reading_of(NULL, name).sum;
}

Test(metrics, a_loop_s_numbers_and_those_of_other_threads_are_added_up)
{
    struct metric *hits = define(m, NULL, "hits", true, "");
    pthread_t thread;
    struct metrics_shard *shard = metrics_take_shard(m);
    metrics_enter(m, shard);
    metrics_shard_add(shard, hits, 5);
    metric_add(hits, 6); /* which finds the same shard */
    pthread_create(&thread, NULL, add_many, hits);
    pthread_join(thread, NULL);

    cr_assert_eq(sum_of("hits"), 10011);
    cr_assert_eq(reading_of(NULL, "hits").count, 10002);
    cr_assert_eq(reading_of(NULL, "hits").buckets[3], 2, "5 and 6");
    metrics_leave_shard(m, shard);
    cr_assert_eq(sum_of("hits"), 10011, "what was added stays");
}

Test(metrics, a_shard_is_not_shared_until_its_loop_has_left_it)
{
    struct metrics_shard *one = metrics_take_shard(m), *two = metrics_take_shard(m);
    cr_assert(one && two && one != two);
    metrics_leave_shard(m, one);
    cr_assert_eq(metrics_take_shard(m), one);
}

Test(metrics, where_there_is_no_shard_left_it_still_counts)
{
    struct metric *hits = define(m, NULL, "hits", false, "");
    while (metrics_take_shard(m))
        ;
    metric_add(hits, 1);
    cr_assert_eq(sum_of("hits"), 1);
}

Test(metrics, a_shard_is_on_cache_lines_of_its_own)
{
    uintptr_t one = (uintptr_t)metrics_take_shard(m), two = (uintptr_t)metrics_take_shard(m);
    cr_assert_eq(one % 64, 0);
    cr_assert_eq(two % 64, 0);
}

Test(metrics, a_worker_has_a_shard_of_its_own)
{
    struct metric *hits = define(m, NULL, "hits", false, "");
    struct metrics_shard *ours = metrics_take_shard(m);
    metrics_enter(m, ours);
    pid_t pid = fork();
    if (pid == 0) { /* in a thread of the same name */
        struct metrics_shard *shard = metrics_take_shard(m);
        metrics_enter(m, shard);
        for (int i = 0; i < 20000; i++)
            metric_add(hits, 1);
        _exit(shard == ours);
    }
    for (int i = 0; i < 20000; i++)
        metric_add(hits, 1);
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(sum_of("hits"), 40000);
}

Test(metrics, a_gauge_goes_down_wherever_it_went_up)
{
    struct metric *open =
        metrics_define(m, &(struct metric_definition){.name = "open", .kind = METRIC_GAUGE});
    metric_add(open, 3); /* in the shard of all threads that drive no loop */
    struct metrics_shard *shard = metrics_take_shard(m);
    metrics_enter(m, shard);
    metric_add(open, (uint64_t)-2);
    cr_assert_eq(sum_of("open"), 1);
    cr_assert_eq(reading_of(NULL, "open").kind, METRIC_GAUGE);
}

/* ---- labels ---------------------------------------------------------------------------------- */

Test(metrics, each_set_of_labels_is_a_metric_and_the_name_finds_them_together)
{
    struct metric_definition d = {.name = "missed", .labels = {[METRIC_PHASE] = "request_body"}};
    struct metric *request = metrics_define(m, &d);
    d.labels[METRIC_PHASE] = "response_body";
    struct metric *response = metrics_define(m, &d);
    cr_assert(request && response && request != response);
    cr_assert_eq(metrics_define(m, &d), response);
    metric_add(request, 1);
    metric_add(response, 2);
    cr_assert_eq(sum_of("missed"), 3);
}

Test(metrics, a_plugin_s_own_name_may_be_the_host_s)
{
    struct metric_definition about = {.name = "hits", .labels = {[METRIC_PLUGIN] = "tags"}};
    metric_add(metrics_define(m, &about), 1);
    metric_add(define(m, "tags", "hits", false, ""), 10);
    cr_assert_eq(reading_of("tags", "hits").sum, 10);
    cr_assert_eq(sum_of("hits"), 1);
}
