/* metrics: counters, gauges and histograms in memory that another process can read.
 *
 * They are defined once. Their numbers are in shards, one for each loop: the loop's thread adds to
 * its shard with a plain load and store; all other threads share one shard, where adding is atomic.
 * A reader adds the shards up. All of it is one shared anonymous mapping of a fixed size, so that a
 * process forked later, or the process that forked this one, can read the numbers directly.
 */
#ifndef EXTPROCD_BASE_METRICS_H
#define EXTPROCD_BASE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metrics_shard;
/* One metric, inside the mapping. */
struct metric;

/* Bucket i counts values of bit length i: 0, 1, 2-3, 4-7, ... */
enum { METRIC_BUCKETS = 65 };

enum metric_kind {
    METRIC_COUNTER,  /* only grows                        */
    METRIC_GAUGE,    /* what there is now: also goes down */
    METRIC_HISTOGRAM /* how often which value             */
};

enum metric_label { METRIC_CHAIN, METRIC_PLUGIN, METRIC_PHASE, METRIC_REASON, N_METRIC_LABELS };

/* 0 or -errno. */
int metrics_new(struct metrics **ret);
struct metrics *metrics_free(struct metrics *m);

/* ---- defining -------------------------------------------------------------------------------- */

struct metric_definition {
    const char *name, *help; /* see metric_is_name() */
    enum metric_kind kind;
    bool own;                            /* the plugin's own, and not the host's about it */
    const char *labels[N_METRIC_LABELS]; /* NULL: without it */
};

/* Takes a lock, and is for start-up and for what happens rarely. The same name, labels and `own`
 * return the same metric. NULL: a bad name, another kind under it, or no room left. */
struct metric *metrics_define(struct metrics *m, const struct metric_definition *definition);

/* [a-z][a-z0-9_]*, and not too long? */
bool metric_is_name(const char *name);
/* The name of a label, as it is shown. */
const char *metric_label_name(enum metric_label label);

/* ---- adding ---------------------------------------------------------------------------------- */

/* A shard for a loop; NULL: there is none left, and it is to use the one of the other threads. */
struct metrics_shard *metrics_take_shard(struct metrics *m);
/* From now on only the calling thread adds to it, and that to no other. */
void metrics_enter(struct metrics *m, struct metrics_shard *shard);
/* It may be another loop's. What was added stays. */
void metrics_leave_shard(struct metrics *m, struct metrics_shard *shard);

/* By the shard's thread. n of a gauge may be less than 0. */
void metrics_shard_add(struct metrics_shard *shard, const struct metric *metric, uint64_t n);
/* Any thread: to its own shard, if it has one. */
void metric_add(const struct metric *metric, uint64_t n);

/* ---- reading --------------------------------------------------------------------------------- */

struct metric_reading {
    const char *name, *help;
    const char *labels[N_METRIC_LABELS]; /* "": without it */
    enum metric_kind kind;
    bool own;
    uint64_t sum;   /* the value of a counter or a gauge */
    uint64_t count; /* of a histogram's values */
    uint64_t buckets[METRIC_BUCKETS];
};
/* The i-th metric, in the order of definition. False: there are fewer. */
bool metrics_read(const struct metrics *m, size_t i, struct metric_reading *ret);
/* All of that name together: a plugin's own, or (NULL or "") the host's, whatever the other labels
 * say. False: there is none. */
bool metrics_find(const struct metrics *m, const char *plugin, const char *name,
                  struct metric_reading *ret);

#endif
