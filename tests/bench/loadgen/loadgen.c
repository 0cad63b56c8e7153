/*
 * loadgen: a load generator that behaves as the ext_proc client of Envoy does.
 *
 * It opens --conns cleartext HTTP/2 connections with --streams streams each, and holds in every
 * stream the conversation of one HTTP transaction (dialogue.c says which messages):
 *
 *     POST /envoy.service.ext_proc.v3.ExternalProcessor/Process
 *     --> request_headers          <-- request_headers
 *     --> request_body, N times    <-- request_body, N times      (--body-chunks N, --buffered)
 *     --> response_headers         <-- response_headers
 *     --> END_STREAM               <-- grpc-status: 0             (--reset: --> RST_STREAM)
 *
 * A stream that has ended is replaced by a new one immediately: a closed loop. With --rate streams
 * begin when they are due, whatever the state of earlier streams is: an open loop (pace.c), in
 * which no latency is omitted or shortened because the client has waited.
 *
 * All that comes back is checked: HTTP status, content-type, gRPC framing, every message against
 * the schema, the member of the oneof against the request, the number of answers, the grpc-status.
 * One line of JSON reports the result (report.c); the exit code is 0 if there was no error, 1 if
 * there was,
 * 2 on wrong usage.
 *
 * This file is the course of a run: [hold] warm up, measure, drain, add up.
 */
#include "options.h"
#include "procs.h"
#include "report.h"
#include "run.h"
#include "worker.h"

#include <signal.h>
#include <stdlib.h>

static const double park_limit_s = 30, drain_limit_s = 5, tick_s = 0.002;

static void start_workers(struct worker *workers, struct run *run)
{
    for (unsigned i = 0; i < run->opt->n_threads; i++)
        worker_start(&workers[i], run, i);
}

/* Waits; returns early when all threads have ended. */
static void wait_s(const struct run *run, double s)
{
    uint64_t end = clock_ns() + (uint64_t)(s * 1e9);
    while (run->n_working > 0 && clock_ns() < end)
        sleep_s(tick_s);
}

static void hold(struct run *run, struct result *result)
{
    const struct options *opt = run->opt;
    uint64_t n_wanted = (uint64_t)opt->n_conns * opt->n_streams;
    uint64_t end = clock_ns() + (uint64_t)(park_limit_s * 1e9);
    if (opt->count && opt->count < n_wanted)
        n_wanted = opt->count;
    while (run->n_parked < n_wanted && run->n_working > 0 && clock_ns() < end)
        sleep_s(tick_s);

    double cpu_s = procs_cpu_s(opt->pids, opt->n_pids);
    wait_s(run, opt->hold_s);
    result->parked_cpu_s = procs_cpu_s(opt->pids, opt->n_pids) - cpu_s;
    result->parked_rss_kb = procs_rss_kb(opt->pids, opt->n_pids);
    result->n_parked = run->n_parked;
    result->message_len = run->dialogues[PARTY_MEASURED].steps[0].frame.len - GRPC_PREFIX_LEN;
    run->holding = false;
}

static void measure(struct run *run, struct worker *workers, struct result *result)
{
    const struct options *opt = run->opt;
    bool at_once = opt->hold_s <= 0 && opt->warmup_s <= 0; /* then the first stream counts too */
    run->holding = opt->hold_s > 0;
    run->phase = at_once ? RUN_MEASURE : RUN_WARMUP;
    uint64_t begun_ns = clock_ns();
    run->from_ns = at_once ? begun_ns : UINT64_MAX;
    run->until_ns = UINT64_MAX;
    double cpu_s = procs_cpu_s(opt->pids, opt->n_pids);
    start_workers(workers, run);
    if (!at_once) {
        if (run->holding)
            hold(run, result);
        wait_s(run, opt->warmup_s);
        run->from_ns = begun_ns = clock_ns();
        cpu_s = procs_cpu_s(opt->pids, opt->n_pids);
        run->phase = RUN_MEASURE;
    }
    wait_s(run, opt->duration_s);
    run->until_ns = clock_ns();
    result->seconds = (double)(run->until_ns - begun_ns) / 1e9;
    result->cpu_s = procs_cpu_s(opt->pids, opt->n_pids) - cpu_s;
    result->rss_kb = procs_rss_kb(opt->pids, opt->n_pids);
    run->phase = RUN_DRAIN;
    wait_s(run, drain_limit_s);
    run->phase = RUN_OVER;
}

/* How many streams should have begun and have not. */
static uint64_t missing(const struct share *s)
{
    if (s->n_allowed != UINT64_MAX)
        return s->n_allowed - s->n_begun;
    return pace_backlog(&s->pace, s->run->until_ns);
}

static void add_up(struct worker *workers, unsigned n, struct tally sums[N_PARTIES])
{
    for (unsigned i = 0; i < n; i++) {
        worker_join(&workers[i]);
        for (enum party party = 0; party < N_PARTIES; party++) {
            const struct share *share = &workers[i].sides[party].share;
            tally_merge(&sums[party], &share->tally);
            sums[party].faults[FAULT_UNFINISHED] += missing(share);
        }
    }
}

int main(int argc, char **argv)
{
    struct options opt;
    struct result result = {0};
    options_parse(argc, argv, &opt);
    signal(SIGPIPE, SIG_IGN);

    struct run run = {.opt = &opt};
    struct worker *workers = mem_new(opt.n_threads, sizeof *workers);
    struct tally *sums = mem_new(N_PARTIES, sizeof *sums);
    dialogue_init(&run.dialogues[PARTY_MEASURED], &opt, NULL);
    dialogue_init(&run.dialogues[PARTY_NEIGHBOURS], &opt, opt.mark.name ? &opt.mark : NULL);
    measure(&run, workers, &result);
    add_up(workers, opt.n_threads, sums);
    report_print(&opt, &result, sums);

    bool ok = tally_faults(&sums[PARTY_MEASURED]) + tally_faults(&sums[PARTY_NEIGHBOURS]) == 0;
    for (enum party party = 0; party < N_PARTIES; party++)
        dialogue_fini(&run.dialogues[party]);
    free(workers);
    free(sums);
    return ok ? 0 : 1;
}
