/*
 * The command line of the load generator. A number that does not parse to its last character or is
 * out of range is refused: a measurement of something else than what was asked for is worse than
 * none.
 */
#include "options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHUNK_LEN = 1 << 30, COUNT_LIMIT_S = 60 };

static const char usage[] =
    "usage: loadgen [options] [HOST:PORT]             (127.0.0.1:50051)\n"
    "  --unix PATH         connect to a unix socket instead\n"
    "  --conns N           connections (1)\n"
    "  --streams N         streams open at a time on each connection (1)\n"
    "  --threads N         threads; connections are dealt out to them (1)\n"
    "  --rate N            begin N streams per second in all, at random, whether or not others\n"
    "                      have ended; latencies then run from when a message was due. --streams\n"
    "                      limits how many are open; those due beyond that begin late\n"
    "  --duration S        measured seconds (5)\n"
    "  --warmup S          unmeasured seconds before (1; 0 with --count)\n"
    "  --count N           end after N streams, or after --duration (60), whichever is first;\n"
    "                      streams that are missing then are errors\n"
    "  --body-chunks N     request_body messages in each stream (0)\n"
    "  --body-size BYTES   size of each of them (0)\n"
    "  --buffered          they are one, the whole body, as in Envoy's BUFFERED mode\n"
    "  --pipeline          send them without waiting for answers, as Envoy's STREAMED mode does\n"
    "  --reset             end streams with RST_STREAM(CANCEL), as Envoy does, not END_STREAM\n"
    "  --expect-set-header NAME[=VALUE]\n"
    "                      some answer in each stream must set this header\n"
    "  --hold S            open all streams, keep them idle for S seconds after their first\n"
    "                      answer, then go on\n"
    "  --neighbours N      begin N more streams per second on a connection of their own; they are\n"
    "                      checked, and are in no figure but their own\n"
    "  --mark NAME=VALUE   a header that the requests of those have besides\n"
    "  --pid PID           count this server's CPU time and memory; may be repeated\n"
    "  --verbose           print each error\n";

enum {
    OPT_UNIX = 1,
    OPT_CONNS,
    OPT_STREAMS,
    OPT_THREADS,
    OPT_RATE,
    OPT_DURATION,
    OPT_WARMUP,
    OPT_COUNT,
    OPT_BODY_CHUNKS,
    OPT_BODY_SIZE,
    OPT_BUFFERED,
    OPT_PIPELINE,
    OPT_RESET,
    OPT_EXPECT,
    OPT_HOLD,
    OPT_NEIGHBOURS,
    OPT_MARK,
    OPT_PID,
    OPT_VERBOSE,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"unix", required_argument, NULL, OPT_UNIX},
    {"conns", required_argument, NULL, OPT_CONNS},
    {"streams", required_argument, NULL, OPT_STREAMS},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"count", required_argument, NULL, OPT_COUNT},
    {"body-chunks", required_argument, NULL, OPT_BODY_CHUNKS},
    {"body-size", required_argument, NULL, OPT_BODY_SIZE},
    {"buffered", no_argument, NULL, OPT_BUFFERED},
    {"pipeline", no_argument, NULL, OPT_PIPELINE},
    {"reset", no_argument, NULL, OPT_RESET},
    {"expect-set-header", required_argument, NULL, OPT_EXPECT},
    {"hold", required_argument, NULL, OPT_HOLD},
    {"neighbours", required_argument, NULL, OPT_NEIGHBOURS},
    {"mark", required_argument, NULL, OPT_MARK},
    {"pid", required_argument, NULL, OPT_PID},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static unsigned long number(const char *text, unsigned long min, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
        errx(2, "%s: not a number from %lu to %lu", text, min, max);
    return n;
}

static double seconds(const char *text)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end || !(s >= 0 && s <= 86400))
        errx(2, "%s: not a number of seconds up to a day", text);
    return s;
}

static void split_expected(struct options *o, char *text)
{
    char *equals = strchr(text, '=');
    o->set_name = text;
    if (equals) {
        *equals = '\0';
        o->set_value = equals + 1;
    }
}

static void split_mark(struct options *o, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals)
        errx(2, "%s: not NAME=VALUE", text);
    *equals = '\0';
    o->mark = (struct header){text, equals + 1};
}

static void split_target(struct options *o, char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        errx(2, "%s: not HOST:PORT", text);
    *colon = '\0';
    o->host = text;
    o->port = colon + 1;
}

static void add_pid(struct options *o, const char *text)
{
    if (o->n_pids == OPTIONS_MAX_PIDS)
        errx(2, "more than %d servers", OPTIONS_MAX_PIDS);
    o->pids[o->n_pids++] = (pid_t)number(text, 1, INT_MAX);
}

static void apply_flag(struct options *o, int opt)
{
    switch (opt) {
    case OPT_BUFFERED:
        o->buffered = true;
        break;
    case OPT_PIPELINE:
        o->pipeline = true;
        break;
    case OPT_RESET:
        o->reset = true;
        break;
    case OPT_VERBOSE:
        o->verbose = true;
        break;
    case OPT_HELP:
        fputs(usage, stdout);
        exit(0);
    default:
        fputs(usage, stderr);
        exit(2);
    }
}

static void apply(struct options *o, int opt, char *value)
{
    switch (opt) {
    case OPT_UNIX:
        o->unix_path = value;
        break;
    case OPT_CONNS:
        o->n_conns = (unsigned)number(value, 1, 65535);
        break;
    case OPT_STREAMS:
        o->n_streams = (unsigned)number(value, 1, 1000000);
        break;
    case OPT_THREADS:
        o->n_threads = (unsigned)number(value, 1, 1024);
        break;
    case OPT_RATE:
        o->rate = (double)number(value, 1, 100000000);
        break;
    case OPT_DURATION:
        o->duration_s = seconds(value);
        break;
    case OPT_WARMUP:
        o->warmup_s = seconds(value);
        break;
    case OPT_COUNT:
        o->count = number(value, 1, ULONG_MAX);
        break;
    case OPT_BODY_CHUNKS:
        o->n_chunks = (unsigned)number(value, 0, 1000000);
        break;
    case OPT_BODY_SIZE:
        o->chunk_len = number(value, 0, MAX_CHUNK_LEN);
        break;
    case OPT_EXPECT:
        split_expected(o, value);
        break;
    case OPT_HOLD:
        o->hold_s = seconds(value);
        break;
    case OPT_NEIGHBOURS:
        o->neighbours_rate = (double)number(value, 1, 100000000);
        break;
    case OPT_MARK:
        split_mark(o, value);
        break;
    case OPT_PID:
        add_pid(o, value);
        break;
    default:
        apply_flag(o, opt);
    }
}

static void settle(struct options *o)
{
    if (o->rate > 0 && o->hold_s > 0)
        errx(2, "--rate and --hold: all streams are open, or each when it is due");
    if (o->neighbours_rate > 0 && o->rate <= 0)
        errx(2, "--neighbours: with --rate only");
    if (o->buffered && o->n_chunks > 1)
        errx(2, "--buffered: the body comes in one message");
    if (o->buffered)
        o->n_chunks = 1;
    if (o->warmup_s < 0)
        o->warmup_s = o->count ? 0 : 1;
    if (o->duration_s < 0)
        o->duration_s = o->count ? COUNT_LIMIT_S : 5;
    if (o->n_threads > o->n_conns)
        o->n_threads = o->n_conns;
}

void options_parse(int argc, char **argv, struct options *ret_options)
{
    enum { NOT_GIVEN = -1 };
    struct options o = {
        .host = "127.0.0.1",
        .port = "50051",
        .n_conns = 1,
        .n_streams = 1,
        .n_threads = 1,
        .warmup_s = NOT_GIVEN,
        .duration_s = NOT_GIVEN,
    };
    for (int opt; (opt = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        apply(&o, opt, optarg);
    if (optind < argc)
        split_target(&o, argv[optind++]);
    if (optind < argc)
        errx(2, "%s: one target is enough", argv[optind]);
    settle(&o);
    *ret_options = o;
}
