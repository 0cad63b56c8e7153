/* procs: what the servers under test have used, as the kernel reports it. */
#ifndef BENCH_PROCS_H
#define BENCH_PROCS_H

#include <sys/types.h>

/* Sums over the processes; one that is gone counts nothing. */
double procs_cpu_s(const pid_t *pids, unsigned n_pids);
long procs_rss_kb(const pid_t *pids, unsigned n_pids);

#endif
