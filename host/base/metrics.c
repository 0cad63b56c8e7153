/* metrics: counters and histograms in memory that another process can read.
 *
 * The mapping is an array; a metric never moves and never goes, so a pointer to one is good for as
 * long as the mapping. A new one is filled in before the count of them grows over it, so readers
 * need no lock. Workers define the same metrics at the same time, each in its own init: the lock is
 * shared between processes, and one that died holding it has broken nothing, since what it was
 * filling in is not counted yet.
 */
#include "base/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { METRICS_MAX = 1024, OWNER_SIZE = 33, NAME_SIZE = 64, HELP_SIZE = 128 };

struct metric {
    char owner[OWNER_SIZE], name[NAME_SIZE], help[HELP_SIZE];
    bool histogram;
    _Atomic uint64_t count, sum;
    _Atomic uint64_t buckets[METRIC_BUCKETS];
};

struct metrics {
    pthread_mutex_t lock; /* of defining */
    _Atomic size_t n;
    struct metric all[METRICS_MAX];
};

int metrics_new(struct metrics **ret)
{
    struct metrics *m =
        mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return -errno;

    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    *ret = m;
    return 0;
}

struct metrics *metrics_free(struct metrics *m)
{
    if (m)
        munmap(m, sizeof *m); /* not the lock: other processes may go on */
    return NULL;
}

/* ---- defining -------------------------------------------------------------------------------- */

static bool is_metric_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return *name >= 'a' && *name <= 'z' && name[len] == '\0' && len < NAME_SIZE;
}

/* Its place; METRICS_MAX: there is none. */
static size_t find(const struct metrics *m, const char *owner, const char *name)
{
    size_t n = atomic_load_explicit(&m->n, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(m->all[i].owner, owner) == 0 && strcmp(m->all[i].name, name) == 0)
            return i;
    }
    return METRICS_MAX;
}

static struct metric *add(struct metrics *m, const char *owner, const char *name, bool histogram,
                          const char *help)
{
    size_t n = atomic_load_explicit(&m->n, memory_order_relaxed);
    if (n == METRICS_MAX)
        return NULL;
    struct metric *metric = &m->all[n];
    snprintf(metric->owner, OWNER_SIZE, "%s", owner);
    snprintf(metric->name, NAME_SIZE, "%s", name);
    snprintf(metric->help, HELP_SIZE, "%s", help);
    metric->histogram = histogram;
    atomic_store_explicit(&m->n, n + 1, memory_order_release);
    return metric;
}

struct metric *metrics_define(struct metrics *m, const char *owner, const char *name,
                              bool histogram, const char *help)
{
    owner = owner ? owner : "";
    if (!name || !is_metric_name(name) || strlen(owner) >= OWNER_SIZE)
        return NULL;

    if (pthread_mutex_lock(&m->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&m->lock);
    size_t place = find(m, owner, name);
    struct metric *metric =
        place < METRICS_MAX ? &m->all[place] : add(m, owner, name, histogram, help ? help : "");
    pthread_mutex_unlock(&m->lock);
    return metric && metric->histogram == histogram ? metric : NULL;
}

/* ---- adding, reading ------------------------------------------------------------------------- */

static void add_relaxed(_Atomic uint64_t *to, uint64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t load_relaxed(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static unsigned bit_length(uint64_t n)
{
    return n ? 64 - (unsigned)__builtin_clzll(n) : 0;
}

void metric_add(struct metric *metric, uint64_t n)
{
    add_relaxed(&metric->count, 1);
    add_relaxed(&metric->sum, n);
    if (metric->histogram)
        add_relaxed(&metric->buckets[bit_length(n)], 1);
}

static void read_metric(const struct metric *metric, struct metric_reading *ret)
{
    *ret = (struct metric_reading){.owner = metric->owner,
                                   .name = metric->name,
                                   .help = metric->help,
                                   .histogram = metric->histogram,
                                   .count = load_relaxed(&metric->count),
                                   .sum = load_relaxed(&metric->sum)};
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        ret->buckets[i] = load_relaxed(&metric->buckets[i]);
}

bool metrics_read(const struct metrics *m, size_t i, struct metric_reading *ret)
{
    if (i >= atomic_load_explicit(&m->n, memory_order_acquire))
        return false;
    read_metric(&m->all[i], ret);
    return true;
}

bool metrics_find(const struct metrics *m, const char *owner, const char *name,
                  struct metric_reading *ret)
{
    return metrics_read(m, find(m, owner ? owner : "", name), ret);
}
