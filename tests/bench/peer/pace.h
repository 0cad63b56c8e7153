/* pace: when the next stream of a thread is to begin. */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a closed loop: a stream is due whenever there is room for one. */
struct pace {
    double mean_ns; /* from one stream to the next */
    uint64_t next_ns;
    uint64_t random;
};

/* An open loop from now on. */
void pace_init(struct pace *p, double streams_per_s, uint64_t seed);

bool pace_is_due(const struct pace *p);
/* When the stream that is due was to begin: that may be long ago. */
uint64_t pace_take(struct pace *p);
/* How many were to begin before that moment and have not; none in a closed loop. */
uint64_t pace_backlog(const struct pace *p, uint64_t until_ns);

#endif
