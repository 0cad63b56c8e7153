/* worker: one thread of the load with its connections. */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "conn.h"
#include "run.h"

#include <pthread.h>
#include <stdint.h>

/* What it has of one party. */
struct side {
    struct share share;
    double rate; /* of its streams, in an open loop */
    struct conn *conns;
    unsigned n_conns, n_turns;
};

struct worker {
    pthread_t thread;
    struct run *run;
    struct side sides[N_PARTIES];
    int epoll_fd;
    uint64_t seed; /* of its paces */
};

/* The i-th of the run's. */
void worker_start(struct worker *w, struct run *run, unsigned i);
/* Waits for its end; then the tally of its share may be read. */
void worker_join(struct worker *w);

#endif
