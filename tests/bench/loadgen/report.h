/* report: the one line of JSON at the end. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "options.h"
#include "tally.h"

struct result {
    double seconds;      /* measured */
    double cpu_s;        /* of the servers, in that time */
    long rss_kb;         /* of the servers, at its end */
    unsigned n_parked;   /* --hold: streams that were open and idle, */
    size_t message_len;  /* each having sent a message so long, */
    long parked_rss_kb;  /* the servers' memory then, */
    double parked_cpu_s; /* and their CPU time meanwhile */
};

/* sums: of each party. */
void report_print(const struct options *opt, const struct result *result, const struct tally *sums);

#endif
