#include "process/run/counts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct metrics *metrics;
static struct log *sink;
static char file[] = "/tmp/extprocd-counts-XXXXXX", text[64 * 1024];

static void begin(void)
{
    close(mkstemp(file));
    cr_assert_eq(metrics_new(&metrics), 0);
    cr_assert_eq(log_new(&(struct log_options){.file = file}, &sink), 0);
}

static void end(void)
{
    log_free(sink);
    metrics_free(metrics);
    unlink(file);
}

TestSuite(counts, .init = begin, .fini = end);

static const char *written(void)
{
    counts_log(metrics, sink);
    FILE *f = fopen(file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

Test(counts, what_the_host_and_its_plugins_have_counted_is_in_one_line)
{
    struct metric_definition hits = {
        .name = "hits", .own = true, .labels = {[METRIC_PLUGIN] = "tags"}};
    struct metric_definition missed = {
        .name = "phases_missed",
        .labels = {
            [METRIC_CHAIN] = "web", [METRIC_PLUGIN] = "tags", [METRIC_PHASE] = "request_body"}};
    metric_add(metrics_define(metrics, &(struct metric_definition){.name = "lines"}), 7);
    metric_add(metrics_define(metrics, &hits), 2);
    metric_add(metrics_define(metrics, &missed), 1);
    cr_assert(strstr(written(),
                     "counters: lines=7 plugin_hits{plugin=\"tags\"}=2 "
                     "phases_missed{chain=\"web\",plugin=\"tags\",phase=\"request_body\"}=1\n"),
              "%s", text);
}

Test(counts, a_histogram_has_its_count_and_its_sum)
{
    struct metric_definition bytes = {.name = "bytes", .kind = METRIC_HISTOGRAM};
    metric_add(metrics_define(metrics, &bytes), 100);
    metric_add(metrics_define(metrics, &bytes), 0);
    cr_assert(strstr(written(), "counters: bytes_count=2 bytes_sum=100\n"), "%s", text);
}

Test(counts, what_is_0_is_named_in_a_line_of_its_own)
{
    struct metric_definition hits = {
        .name = "hits", .own = true, .labels = {[METRIC_PLUGIN] = "tags"}};
    metrics_define(metrics, &hits);
    metric_add(metrics_define(metrics, &(struct metric_definition){.name = "lines"}), 1);
    metrics_define(metrics, &(struct metric_definition){.name = "bytes", .kind = METRIC_HISTOGRAM});
    cr_assert(strstr(written(), "counters: lines=1\n"), "%s", text);
    cr_assert(strstr(text, "counters at 0: plugin_hits{plugin=\"tags\"} bytes\n"), "%s", text);
}

Test(counts, nothing_is_said_where_there_are_none)
{
    cr_assert_str_empty(written());
}

Test(counts, many_take_several_lines_and_none_is_lost)
{
    char name[16];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "n%u", i);
        metric_add(metrics_define(metrics, &(struct metric_definition){.name = name}), 1);
    }
    unsigned n_lines = 0, n = 0;
    for (const char *at = written(); (at = strstr(at, "counters: ")); at++)
        n_lines++;
    for (const char *at = text; (at = strstr(at, "=1")); at++)
        n++;
    cr_assert_gt(n_lines, 3);
    cr_assert_eq(n, 500);
}
