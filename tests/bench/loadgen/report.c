/*
 * One line of JSON on standard output. Names end in their unit; latencies are microseconds.
 *
 *     conns, streams_per_conn, seconds
 *     streams, streams_per_s, messages, messages_per_s      finished and right, while measuring
 *     errors, error_kinds {name: count}                     kinds: tally.h
 *     refused, goaways, reconnects                          what a server may do, not an error
 *     message_us, stream_us {mean, p50, p90, p99, p999, max}
 *     rate, late_us {mean, ...}                             with --rate; how late streams began
 *     neighbours {streams, stream_us {mean, ...}}           with --neighbours
 *     bytes_in, bytes_out, body_mb_per_s
 *     server_cpu_us_per_stream, server_cpu_cores, server_rss_kb       with --pid
 *     hold {parked, message_bytes, server_rss_kb, server_cpu_ms_per_s}    with --hold
 */
#include "report.h"

#include "run.h"

#include <inttypes.h>
#include <stdio.h>

static void print_hist(const char *name, const struct hist *h)
{
    printf(",\"%s\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
           "\"max\":%.1f}",
           name, hist_mean_us(h), hist_quantile_us(h, 0.5), hist_quantile_us(h, 0.9),
           hist_quantile_us(h, 0.99), hist_quantile_us(h, 0.999), (double)h->max_ns / 1e3);
}

static void print_faults(const struct tally *sums)
{
    const struct tally *measured = &sums[PARTY_MEASURED], *neighbours = &sums[PARTY_NEIGHBOURS];
    const char *comma = "";
    printf(",\"errors\":%" PRIu64 ",\"error_kinds\":{",
           tally_faults(measured) + tally_faults(neighbours));
    for (unsigned f = 0; f < N_FAULTS; f++) {
        uint64_t n = measured->faults[f] + neighbours->faults[f];
        if (n == 0)
            continue;
        printf("%s\"%s\":%" PRIu64, comma, fault_name(f), n);
        comma = ",";
    }
    printf("}");
}

static void print_servers(const struct result *result, uint64_t n_streams)
{
    printf(",\"server_cpu_us_per_stream\":%.2f,\"server_cpu_cores\":%.3f,\"server_rss_kb\":%ld",
           n_streams ? result->cpu_s * 1e6 / (double)n_streams : 0.0,
           result->cpu_s / result->seconds, result->rss_kb);
}

static void print_rate(double rate, const struct hist *late)
{
    printf(",\"rate\":%.0f", rate);
    print_hist("late_us", late);
}

static void print_neighbours(const struct tally *sum)
{
    printf(",\"neighbours\":{\"streams\":%" PRIu64, sum->n_streams);
    print_hist("stream_us", &sum->stream);
    printf("}");
}

static void print_hold(const struct result *result, double hold_s)
{
    printf(",\"hold\":{\"parked\":%u,\"message_bytes\":%zu,\"server_rss_kb\":%ld,"
           "\"server_cpu_ms_per_s\":%.3f}",
           result->n_parked, result->message_len, result->parked_rss_kb,
           result->parked_cpu_s * 1e3 / hold_s);
}

void report_print(const struct options *opt, const struct result *result, const struct tally *sums)
{
    const struct tally *sum = &sums[PARTY_MEASURED];
    double body_bytes = (double)sum->n_streams * opt->n_chunks * (double)opt->chunk_len;
    printf("{\"conns\":%u,\"streams_per_conn\":%u,\"seconds\":%.3f", opt->n_conns, opt->n_streams,
           result->seconds);
    printf(",\"streams\":%" PRIu64 ",\"streams_per_s\":%.1f", sum->n_streams,
           (double)sum->n_streams / result->seconds);
    printf(",\"messages\":%" PRIu64 ",\"messages_per_s\":%.1f", sum->n_messages,
           (double)sum->n_messages / result->seconds);
    print_faults(sums);
    printf(",\"refused\":%" PRIu64 ",\"goaways\":%" PRIu64 ",\"reconnects\":%" PRIu64,
           sum->n_refused, sum->n_goaways, sum->n_reconnects);
    print_hist("message_us", &sum->message);
    print_hist("stream_us", &sum->stream);
    if (opt->rate > 0)
        print_rate(opt->rate, &sum->late);
    if (opt->neighbours_rate > 0)
        print_neighbours(&sums[PARTY_NEIGHBOURS]);
    printf(",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"body_mb_per_s\":%.1f",
           sum->bytes_in, sum->bytes_out, body_bytes / result->seconds / 1e6);
    if (opt->n_pids > 0)
        print_servers(result, sum->n_streams);
    if (opt->hold_s > 0)
        print_hold(result, opt->hold_s);
    printf("}\n");
}
