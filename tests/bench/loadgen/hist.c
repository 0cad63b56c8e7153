/*
 * A log-linear histogram: values below HIST_SLICES have a bucket each, and every power of two above
 * is cut into HIST_SLICES equal ones. Adding costs a few instructions and no memory, and histograms
 * of several threads merge by addition, which is why it is not a list of samples.
 */
#include "hist.h"

static unsigned bucket_of(uint64_t ns)
{
    if (ns < HIST_SLICES)
        return (unsigned)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - HIST_SLICE_BITS;
    unsigned i = shift * HIST_SLICES + (unsigned)(ns >> shift);
    return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

static uint64_t upper_edge(unsigned i)
{
    if (i < 2 * HIST_SLICES)
        return i;
    unsigned shift = i / HIST_SLICES - 1;
    return ((uint64_t)(HIST_SLICES + i % HIST_SLICES + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t ns)
{
    h->n++;
    h->sum_ns += ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
    h->buckets[bucket_of(ns)]++;
}

void hist_merge(struct hist *to, const struct hist *from)
{
    to->n += from->n;
    to->sum_ns += from->sum_ns;
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
}

double hist_mean_us(const struct hist *h)
{
    return h->n ? (double)h->sum_ns / (double)h->n / 1e3 : 0;
}

double hist_quantile_us(const struct hist *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->n), seen = 0;
    if (rank < 1)
        rank = 1;
    for (unsigned i = 0; i < HIST_BUCKETS && h->n; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t ns = upper_edge(i);
            return (double)(ns < h->max_ns ? ns : h->max_ns) / 1e3;
        }
    }
    return (double)h->max_ns / 1e3;
}
