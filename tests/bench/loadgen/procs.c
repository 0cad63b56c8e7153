/*
 * CPU time comes from the process's CPU clock: all its threads, in nanoseconds, where
 * /proc/PID/stat has ticks of 10 ms.
 */
#include "procs.h"

#include <stdio.h>
#include <time.h>

double procs_cpu_s(const pid_t *pids, unsigned n_pids)
{
    double sum = 0;
    for (unsigned i = 0; i < n_pids; i++) {
        clockid_t clock;
        struct timespec ts;
        if (clock_getcpuclockid(pids[i], &clock) == 0 && clock_gettime(clock, &ts) == 0)
            sum += (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
    }
    return sum;
}

static long rss_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %ld", &kb) != 1)
        ;
    fclose(f);
    return kb;
}

long procs_rss_kb(const pid_t *pids, unsigned n_pids)
{
    long sum = 0;
    for (unsigned i = 0; i < n_pids; i++)
        sum += rss_kb(pids[i]);
    return sum;
}
