/* hist: a histogram of nanoseconds with a relative error below 1/128. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

/* Every power of two is cut into HIST_SLICES equal buckets. */
enum { HIST_SLICE_BITS = 7, HIST_SLICES = 1 << HIST_SLICE_BITS, HIST_BUCKETS = 40 * HIST_SLICES };

struct hist {
    uint64_t n, sum_ns, max_ns;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t ns);
void hist_merge(struct hist *to, const struct hist *from);

/* 0 where nothing was added. */
double hist_mean_us(const struct hist *h);
double hist_quantile_us(const struct hist *h, double q);

#endif
