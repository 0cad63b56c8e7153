/*
 * The arrivals of an open loop: a Poisson process. A proxy's requests come from many clients that
 * do not know of each other, so they come in bursts; evenly spaced ones would hardly ever meet in
 * the server, and their latencies say nothing of one. The sum of the threads' processes is one
 * again.
 *
 * The schedule does not know what the server does. Streams that could not begin in time are taken
 * later, each with the moment when it was to begin, so what a slow moment cost is in all latencies
 * that it delayed. The seeds are the run's own: every run has the same arrivals.
 */
#include "pace.h"

#include "run.h"

#include <math.h>

/* Above 0 and up to 1: xorshift, which is enough for gaps between streams. */
static double next_random(struct pace *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return (double)((p->random >> 11) + 1) / (double)(1ull << 53);
}

static void move_on(struct pace *p)
{
    p->next_ns += (uint64_t)(-log(next_random(p)) * p->mean_ns);
}

void pace_init(struct pace *p, double streams_per_s, uint64_t seed)
{
    *p = (struct pace){
        .mean_ns = 1e9 / streams_per_s,
        .next_ns = clock_ns(),
        .random = (seed + 1) * 0x9e3779b97f4a7c15u, /* not 0, and neighbours far apart */
    };
    move_on(p);
}

bool pace_is_due(const struct pace *p)
{
    return p->mean_ns <= 0 || p->next_ns <= clock_ns();
}

uint64_t pace_take(struct pace *p)
{
    if (p->mean_ns <= 0)
        return clock_ns();
    uint64_t due_ns = p->next_ns;
    move_on(p);
    return due_ns;
}

uint64_t pace_backlog(const struct pace *p, uint64_t until_ns)
{
    struct pace later = *p;
    uint64_t n = 0;
    for (; later.mean_ns > 0 && later.next_ns < until_ns; n++)
        move_on(&later);
    return n;
}
