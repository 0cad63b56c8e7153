#include "transport/limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct transport_listener listener = {.name = "main",
                                                   .limits = {.max_message = 16777216,
                                                              .max_streams = 7,
                                                              .write_ms = 30000,
                                                              .handshake_ms = 1500,
                                                              .resets = {9, 8000}}};
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

static const struct limit_place place = {.listener = &listener, .peer = "192.0.2.1:4711"};

static uint64_t counted(const char *name)
{
    struct metric_reading m;
    return metrics_find(options.metrics, "", name, &m) ? m.sum : 0;
}

Test(limits, each_has_a_counter)
{
    struct metric_reading m;
    uint64_t sum = 0;
    for (enum limit i = 0; i < N_LIMITS; i++)
        limits_exceeded(&limits, i, &place, "1");
    for (size_t i = 0; metrics_read(options.metrics, i, &m); i++) {
        sum += m.sum;
        cr_assert_gt(strlen(m.help), 0);
    }
    cr_assert_eq(sum, N_LIMITS);
}

Test(limits, those_of_one_key_share_its_counter)
{
    limits_exceeded(&limits, LIMIT_HEADER_LIST, &place, "1");
    limits_exceeded(&limits, LIMIT_HEADER_BURST, &place, "1");
    cr_assert_eq(counted("max_header_list_exceeded"), 2);
}

static void expect(enum limit which, const char *amount, const char *line)
{
    limits_exceeded(&limits, which, &place, amount);
    cr_assert(log_has(line), "%s", line);
}

/* Each kind of value once. */
Test(limits, the_line_names_key_value_amount_and_peer)
{
    expect(LIMIT_MESSAGE, "20971520",
           " warn  listener=main peer=192.0.2.1:4711: stream reset: message of 20971520 bytes "
           "exceeds max_message (16777216)\n");
    expect(LIMIT_STREAMS, NULL, ": stream refused: max_streams (7) reached\n");
    expect(LIMIT_WRITE, "125034",
           ": connection closed: write timed out: 125034 bytes of answers not taken within "
           "write_timeout (30s)\n");
    expect(LIMIT_HANDSHAKE, NULL,
           ": connection closed: no HTTP/2 preface within handshake_timeout (1500ms)\n");
    expect(LIMIT_RESETS, NULL,
           ": connection closed: stream reset rate exceeds max_resets (9 in 8s)\n");
    expect(LIMIT_TLS, "the client does not speak TLS",
           ": connection closed: TLS: the client does not speak TLS\n");
}

Test(limits, the_line_names_the_transaction)
{
    struct limit_place of_stream = place;
    of_stream.transaction = EXTPROC_S("7f3a");
    limits_exceeded(&limits, LIMIT_MESSAGE, &of_stream, "1");
    cr_assert(log_has(" warn  listener=main peer=192.0.2.1:4711 transaction=7f3a: stream reset: "));
}

/* Peers and amounts make no line a new one. */
Test(limits, what_many_peers_do_is_suppressed_all_the_same)
{
    char peer[32];
    for (int i = 0; i < 100; i++) {
        snprintf(peer, sizeof peer, "192.0.2.%d:4711", i);
        limits_exceeded(&limits, LIMIT_MESSAGE, &(struct limit_place){&listener, peer}, peer);
    }
    cr_assert(log_has("peer=192.0.2.0:4711"));
    cr_assert_not(log_has("peer=192.0.2.99:4711"));
    cr_assert_eq(counted("max_message_exceeded"), 100);
}

Test(limits, without_metrics_they_are_logged_all_the_same)
{
    struct transport_options none = {.log = options.log};
    limits_init(&limits, &none);
    limits_exceeded(&limits, LIMIT_RESETS, &place, NULL);
    cr_assert(log_has("max_resets"));
}
