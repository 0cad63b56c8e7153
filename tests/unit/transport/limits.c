#include "transport/limits/limits.h"

#include "kit/lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct transport_listener listener = {.name = "main",
                                                   .limits = {.max_message = 16777216,
                                                              .max_header_list = 65536,
                                                              .max_streams = 7,
                                                              .idle_ms = 300000,
                                                              .age_ms = 3600000,
                                                              .grace_ms = 20000,
                                                              .max_connections = 5,
                                                              .handshake_ms = 1500,
                                                              .first_message_ms = 10000,
                                                              .write_ms = 30000,
                                                              .max_queued = 33554432,
                                                              .max_continuations = 8,
                                                              .resets = {9, 8000},
                                                              .idles = {1024, 16000}}};
static struct transport_options options;
static struct limits limits;
static struct loop loop;
static char file[] = "/tmp/extprocd-limits-XXXXXX";

static void begin(void)
{
    close(mkstemp(file));
    cr_assert_eq(
        log_new(&(struct log_options){.level = EXTPROC_LEVEL_DEBUG, .file = file}, &options.log),
        0);
    cr_assert_eq(metrics_new(&options.metrics), 0);
    loop_init(&loop, NULL);
    options.loop = &loop;
    limits_init(&limits, &options);
}

static void end(void)
{
    log_free(options.log);
    loop_fini(&loop);
    metrics_free(options.metrics);
    unlink(file);
}

TestSuite(limits, .init = begin, .fini = end);

static bool log_has(const char *what)
{
    char text[16384] = "";
    FILE *f = fopen(file, "r");
    cr_assert_lt(fread(text, 1, sizeof text - 1, f), sizeof text);
    fclose(f);
    return lines_have(text, what);
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

/* What happens, the key with its value, and the amount (of a time it is the value). One line is
 * complete, as the guide shows them. */
static const struct {
    const char *amount, *line;
} lines[N_LIMITS] = {
    [LIMIT_MESSAGE] = {"20971520",
                       "stream reset: message of 20971520 bytes exceeds max_message (16777216)"},
    [LIMIT_HEADER_LIST] = {"70000", "stream refused: ~70000~max_header_list (65536)"},
    [LIMIT_HEADER_BURST] = {"1048577", "connection closed: ~1048577~max_header_list (65536)~"},
    [LIMIT_STREAMS] = {"7", "stream refused: max_streams (7)~"},
    [LIMIT_CONNECTIONS] = {"5", "connection refused: max_connections (5)~"},
    [LIMIT_ROOM] = {"5", "connection closed: ~5~max_connections (5)~"},
    [LIMIT_DESCRIPTORS] = {"1024", "connection closed: ~LimitNOFILE = 1024~"},
    [LIMIT_IDLE] = {NULL, "connection drained: ~idle_timeout (300s)"},
    [LIMIT_AGE] = {NULL, "connection drained: max_connection_age (3600s)~"},
    [LIMIT_GRACE] = {NULL, "stream ended: max_connection_age_grace (20s)~"},
    [LIMIT_HANDSHAKE] = {NULL, "connection closed: ~handshake_timeout (1500ms)"},
    [LIMIT_FIRST_MESSAGE] = {NULL, "stream ended: ~first_message_timeout (10s)"},
    [LIMIT_MESSAGE_REST] = {NULL, "stream ended: ~first_message_timeout (10s)"},
    [LIMIT_FRAME_REST] = {NULL, "connection closed: ~first_message_timeout (10s)"},
    [LIMIT_WRITE] = {"125034", "connection closed: ~125034~write_timeout (30s)"},
    [LIMIT_STALL] = {"125034", "stream reset: ~125034~write_timeout (30s)"},
    [LIMIT_QUEUED] = {"33554433", "stream ended: 33554433~max_queued (33554432)"},
    [LIMIT_HELD] = {"9 bytes exceed max_held (8), 5 of this stream",
                    "stream ended: ~max_held (8)~5 of this stream"},
    [LIMIT_CONTINUATIONS] = {"9", "connection closed: 9~max_continuations (8)"},
    [LIMIT_RESETS] = {"10", "connection closed: 10~max_resets (9 in 8s)"},
    [LIMIT_IDLES] = {"1025", "connection closed: 1025~max_idle_frames (1024 in 16s)"},
};

static const char *level_of(enum limit which)
{
    switch (which) {
    case LIMIT_IDLE:
    case LIMIT_AGE:
        return "debug";
    case LIMIT_HANDSHAKE:
        return "info ";
    default:
        return "warn ";
    }
}

Test(limits, each_line_names_key_value_amount_peer_and_transaction)
{
    struct limit_place of_stream = place;
    for (enum limit i = 0; i < N_LIMITS; i++) {
        char text[256];
        of_stream.transaction = EXTPROC_S("7f3a");
        snprintf(text, sizeof text, " %s listener=main peer=192.0.2.1:4711 transaction=7f3a: %s",
                 level_of(i), lines[i].line);
        limits_exceeded(&limits, i, &of_stream, lines[i].amount);
        cr_expect(log_has(text), "%s", text);
    }
}

/* Until its first message has come. */
Test(limits, a_line_about_a_stream_names_its_number_or_its_transaction)
{
    struct limit_place of_stream = place;
    of_stream.stream = 15;
    limits_exceeded(&limits, LIMIT_STREAMS, &of_stream, "7");
    cr_assert(log_has(" listener=main peer=192.0.2.1:4711 stream=15: stream refused: "));
    of_stream.transaction = EXTPROC_S("7f3a");
    limits_exceeded(&limits, LIMIT_STREAMS, &of_stream, "7");
    cr_assert(log_has(" listener=main peer=192.0.2.1:4711 transaction=7f3a: stream refused: "));
}

Test(limits, tls_that_failed_is_counted_and_logged_with_its_reason)
{
    limits_tls_failed(&limits, &place, "the client does not speak TLS");
    cr_expect(
        log_has(" warn  listener=main peer=192.0.2.1:4711: connection closed: TLS: the client "
                "does not speak TLS"));
    cr_expect_eq(counted("tls_failed"), 1);
}

Test(limits, a_line_about_a_connection_names_no_transaction)
{
    limits_exceeded(&limits, LIMIT_STREAMS, &place, "7");
    cr_assert(log_has(" warn  listener=main peer=192.0.2.1:4711: stream refused: "));
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
