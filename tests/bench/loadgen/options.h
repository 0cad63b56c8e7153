/* options: what the command line of the load generator asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "dialogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { OPTIONS_MAX_PIDS = 64 };

struct options {
    const char *host, *port;
    const char *unix_path; /* NULL: TCP */
    unsigned n_conns, n_threads;
    unsigned n_streams; /* open at a time, per connection */
    double rate;        /* streams begun per second, in all; 0: a closed loop */
    double warmup_s, duration_s, hold_s;
    uint64_t count; /* streams in all; 0: no such limit */
    unsigned n_chunks;
    size_t chunk_len;
    bool buffered; /* the one chunk is a complete body */
    bool pipeline, reset, verbose;
    double neighbours_rate; /* of streams beside those that are measured; 0: there are none */
    struct header mark;     /* in the requests of those */
    const char *set_name, *set_value; /* the header that must be set; NULL: none, any value */
    pid_t pids[OPTIONS_MAX_PIDS];
    unsigned n_pids;
};

/* Ends the program after --help (0) and on wrong usage (2). */
void options_parse(int argc, char **argv, struct options *ret_options);

#endif
