/* The little that every part of a run asks: the time, and whether it counts or may go on. */
#include "run.h"

#include <errno.h>
#include <stdio.h>

uint64_t clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void sleep_s(double s)
{
    struct timespec ts = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    while (nanosleep(&ts, &ts) && errno == EINTR)
        ;
}

bool share_measures(const struct share *s)
{
    return s->run->phase == RUN_MEASURE;
}

/* In an open loop what should have begun while measuring still does when that is over. */
bool share_may_begin(const struct share *s)
{
    const struct run *run = s->run;
    if (s->n_begun >= s->n_allowed)
        return false;
    return run->phase < RUN_DRAIN || (run->opt->rate > 0 && s->pace.next_ns < run->until_ns);
}

bool share_is_due(const struct share *s)
{
    return share_may_begin(s) && pace_is_due(&s->pace);
}

void share_fault(struct share *s, enum fault f, const char *detail)
{
    s->tally.faults[f]++;
    if (s->run->opt->verbose)
        fprintf(stderr, "loadgen: %s: %s\n", fault_name(f), detail);
}
