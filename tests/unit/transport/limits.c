#include "transport/limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct transport_listener listener = {.name = "main"};
static struct transport_options options;
static struct limits limits;
static char file[] = "/tmp/extprocd-limits-XXXXXX";

static void begin(void)
{
    close(mkstemp(file));
    cr_assert_eq(log_new(&(struct log_options){.file = file}, &options.log), 0);
    cr_assert_eq(metrics_new(&options.metrics), 0);
    limits_init(&limits, &options);
}

static void end(void)
{
    log_free(options.log);
    metrics_free(options.metrics);
    unlink(file);
}

TestSuite(limits, .init = begin, .fini = end);

static bool log_has(const char *what)
{
    char text[4096] = "";
    FILE *f = fopen(file, "r");
    cr_assert_lt(fread(text, 1, sizeof text - 1, f), sizeof text);
    fclose(f);
    return strstr(text, what) != NULL;
}

Test(limits, each_has_a_counter_of_its_own)
{
    struct metric_reading m;
    for (enum limit i = 0; i < N_LIMITS; i++)
        for (unsigned n = 0; n <= (unsigned)i; n++)
            limits_exceeded(&limits, i, &listener, NULL);
    for (unsigned i = 0; i < N_LIMITS; i++) {
        cr_assert(metrics_read(options.metrics, i, &m));
        cr_assert_eq(m.sum, i + 1, "%s", m.name);
        cr_assert_gt(strlen(m.help), 0);
    }
    cr_assert_not(metrics_read(options.metrics, N_LIMITS, &m));
}

Test(limits, the_log_names_the_listener_and_the_key)
{
    limits_exceeded(&limits, LIMIT_RESETS, &listener, NULL);
    cr_assert(log_has("listener main: a connection is closed: more streams were reset before they "
                      "were answered than max_resets\n"));
}

Test(limits, a_detail_is_told)
{
    limits_exceeded(&limits, LIMIT_TLS, &listener, "the client does not speak TLS");
    cr_assert(
        log_has("listener main: a connection is closed: TLS: the client does not speak TLS\n"));
}

Test(limits, without_metrics_they_are_told_all_the_same)
{
    struct transport_options none = {.log = options.log};
    limits_init(&limits, &none);
    limits_exceeded(&limits, LIMIT_QUEUED, &listener, NULL);
    cr_assert(log_has("max_queued"));
}
