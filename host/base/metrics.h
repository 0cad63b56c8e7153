/* metrics: counters and histograms in memory that another process can read.
 *
 * All live in one shared anonymous mapping of a fixed size, so that a process forked later, or the
 * one that forked us, sees them without asking. Numbers are added with relaxed atomics: any thread,
 * no lock. Defining takes a lock and is for start-up.
 */
#ifndef EXTPROCD_BASE_METRICS_H
#define EXTPROCD_BASE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;

/* Bucket i counts values of bit length i: 0, 1, 2-3, 4-7, ... */
enum { METRIC_BUCKETS = 65 };

/* One counter or histogram, inside the mapping. */
struct metric;

/* 0 or -errno. */
int metrics_new(struct metrics **ret);
struct metrics *metrics_free(struct metrics *m);

/* The metric `name` of `owner` (a plugin's section, or NULL for the host's own); the same pair gives
 * the same metric. NULL: a bad name, another kind under that name, or no room left. */
struct metric *metrics_define(struct metrics *m, const char *owner, const char *name,
                              bool histogram, const char *help);

/* Any thread. */
void metric_add(struct metric *metric, uint64_t n);

struct metric_reading {
    const char *owner, *name, *help; /* owner "": the host's */
    bool histogram;
    uint64_t count; /* how often added to        */
    uint64_t sum;   /* the counter's value       */
    uint64_t buckets[METRIC_BUCKETS];
};
/* The i-th metric, in the order of definition. False: no more. */
bool metrics_read(const struct metrics *m, size_t i, struct metric_reading *ret);
/* The one of that name. */
bool metrics_find(const struct metrics *m, const char *owner, const char *name,
                  struct metric_reading *ret);

#endif
