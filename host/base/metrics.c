/* metrics: counters, gauges and histograms in memory that another process can read.
 *
 * The mapping has the definitions and the shards. A definition never moves and never goes, so a
 * pointer to one is good for as long as the mapping. A new one is filled in before the count of
 * them grows over it, so readers need no lock. Workers define the same metrics at the same time,
 * each in its own init: the lock is shared between processes, and one that died holding it has
 * broken nothing, since what it was filling in is not counted yet.
 *
 * Which thread adds to which shard is each process's own: fork() copies it, and threads of two
 * processes have the same names. A shard begins on a page, so that no cache line belongs to two of
 * them.
 */
#include "base/metrics.h"

#include "base/rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    METRICS_MAX = 1024,
    NUMBERS_MAX = 32 * 1024, /* of a shard */
    SHARDS_MAX = 32,
    PAGE = 4096,
    NAME_SIZE = 64,
    HELP_SIZE = 128,
    LABEL_SIZE = 33
};

struct metric {
    struct metrics *home;
    char name[NAME_SIZE], help[HELP_SIZE], labels[N_METRIC_LABELS][LABEL_SIZE];
    enum metric_kind kind;
    bool own;
    uint32_t place; /* of its first number in each shard: the sum, and then the buckets */
};

struct metrics_shard {
    _Alignas(PAGE) _Atomic uint64_t numbers[NUMBERS_MAX];
};

struct mapping {
    pthread_mutex_t lock; /* of defining */
    _Atomic size_t n;
    uint32_t n_numbers;
    atomic_flag taken[SHARDS_MAX];
    _Atomic size_t n_shards; /* that were ever taken */
    struct metric all[METRICS_MAX];
    struct metrics_shard foreign, shards[SHARDS_MAX];
};

/* The part that belongs to this process. */
struct metrics {
    struct mapping *map;
    _Atomic pthread_t threads[SHARDS_MAX]; /* that add to a shard; 0: none does */
    _Atomic size_t n_threads;              /* places that were ever used */
};

int metrics_new(struct metrics **ret)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    m->map = mmap(NULL, sizeof *m->map, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->map == MAP_FAILED) {
        int r = -errno;
        free(m);
        return r;
    }

    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&m->map->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    *ret = m;
    return 0;
}

struct metrics *metrics_free(struct metrics *m)
{
    if (!m)
        return NULL;
    munmap(m->map, sizeof *m->map); /* not the lock: other processes may go on */
    free(m);
    return NULL;
}

/* ---- defining -------------------------------------------------------------------------------- */

const char *metric_label_name(enum metric_label label)
{
    static const char *const names[N_METRIC_LABELS] = {"chain", "plugin", "phase", "reason"};
    ROWS(names, N_METRIC_LABELS, 4);
    return names[label];
}

static const char *label_of(const struct metric_definition *d, enum metric_label label)
{
    return d->labels[label] ? d->labels[label] : "";
}

bool metric_is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return *name >= 'a' && *name <= 'z' && name[len] == '\0' && len < NAME_SIZE;
}

static bool is_good(const struct metric_definition *d)
{
    for (enum metric_label l = 0; l < N_METRIC_LABELS; l++)
        if (strlen(label_of(d, l)) >= LABEL_SIZE)
            return false;
    return d->name && metric_is_name(d->name);
}

static bool is_it(const struct metric *metric, const struct metric_definition *d)
{
    if (metric->own != d->own || strcmp(metric->name, d->name) != 0)
        return false;
    for (enum metric_label l = 0; l < N_METRIC_LABELS; l++)
        if (strcmp(metric->labels[l], label_of(d, l)) != 0)
            return false;
    return true;
}

static uint32_t numbers_of(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
    case METRIC_GAUGE:
        break;
    case METRIC_HISTOGRAM:
        return 1 + METRIC_BUCKETS;
    }
    return 1;
}

static struct metric *add(struct metrics *m, const struct metric_definition *d)
{
    struct mapping *map = m->map;
    size_t n = atomic_load_explicit(&map->n, memory_order_relaxed);
    uint32_t n_numbers = numbers_of(d->kind);
    if (n == METRICS_MAX || NUMBERS_MAX - map->n_numbers < n_numbers)
        return NULL;
    struct metric *metric = &map->all[n];
    metric->home = m;
    snprintf(metric->name, NAME_SIZE, "%s", d->name);
    snprintf(metric->help, HELP_SIZE, "%s", d->help ? d->help : "");
    for (enum metric_label l = 0; l < N_METRIC_LABELS; l++)
        snprintf(metric->labels[l], LABEL_SIZE, "%s", label_of(d, l));
    metric->kind = d->kind;
    metric->own = d->own;
    metric->place = map->n_numbers;
    map->n_numbers += n_numbers;
    atomic_store_explicit(&map->n, n + 1, memory_order_release);
    return metric;
}

static struct metric *find_or_add(struct metrics *m, const struct metric_definition *d)
{
    size_t n = atomic_load_explicit(&m->map->n, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        if (is_it(&m->map->all[i], d))
            return &m->map->all[i];
    return add(m, d);
}

struct metric *metrics_define(struct metrics *m, const struct metric_definition *d)
{
    if (!is_good(d))
        return NULL;
    if (pthread_mutex_lock(&m->map->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&m->map->lock);
    struct metric *metric = find_or_add(m, d);
    pthread_mutex_unlock(&m->map->lock);
    return metric && metric->kind == d->kind ? metric : NULL;
}

/* ---- shards ---------------------------------------------------------------------------------- */

static void grow(_Atomic size_t *n, size_t least)
{
    size_t before = atomic_load(n);
    while (before < least && !atomic_compare_exchange_weak(n, &before, least))
        ;
}

struct metrics_shard *metrics_take_shard(struct metrics *m)
{
    for (size_t i = 0; i < SHARDS_MAX; i++)
        if (!atomic_flag_test_and_set(&m->map->taken[i])) {
            grow(&m->map->n_shards, i + 1);
            return &m->map->shards[i];
        }
    return NULL;
}

static size_t index_of(const struct metrics *m, const struct metrics_shard *shard)
{
    return (size_t)(shard - m->map->shards);
}

void metrics_enter(struct metrics *m, struct metrics_shard *shard)
{
    size_t n = atomic_load(&m->n_threads);
    pthread_t self = pthread_self();
    for (size_t j = 0; j < n; j++) /* a fork of a thread that had one has its name */
        if (atomic_load(&m->threads[j]) == self)
            atomic_store(&m->threads[j], 0);
    atomic_store(&m->threads[index_of(m, shard)], self);
    grow(&m->n_threads, index_of(m, shard) + 1);
}

void metrics_leave_shard(struct metrics *m, struct metrics_shard *shard)
{
    size_t i = index_of(m, shard);
    atomic_store(&m->threads[i], 0);
    atomic_flag_clear(&m->map->taken[i]);
}

/* NULL: this thread has none. */
static struct metrics_shard *shard_here(struct metrics *m)
{
    size_t n = atomic_load_explicit(&m->n_threads, memory_order_relaxed);
    pthread_t self = pthread_self();
    for (size_t i = 0; i < n; i++)
        if (atomic_load_explicit(&m->threads[i], memory_order_relaxed) == self)
            return &m->map->shards[i];
    return NULL;
}

/* ---- adding, reading ------------------------------------------------------------------------- */

static unsigned bit_length(uint64_t n)
{
    return n ? 64 - (unsigned)__builtin_clzll(n) : 0;
}

static uint64_t load_relaxed(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static void add_alone(_Atomic uint64_t *to, uint64_t n)
{
    atomic_store_explicit(to, load_relaxed(to) + n, memory_order_relaxed);
}

static void add_among_others(_Atomic uint64_t *to, uint64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void metrics_shard_add(struct metrics_shard *shard, const struct metric *metric, uint64_t n)
{
    _Atomic uint64_t *numbers = &shard->numbers[metric->place];
    add_alone(numbers, n);
    if (metric->kind == METRIC_HISTOGRAM)
        add_alone(numbers + 1 + bit_length(n), 1);
}

void metric_add(const struct metric *metric, uint64_t n)
{
    struct metrics_shard *shard = shard_here(metric->home);
    if (shard) {
        metrics_shard_add(shard, metric, n);
        return;
    }
    _Atomic uint64_t *numbers = &metric->home->map->foreign.numbers[metric->place];
    add_among_others(numbers, n);
    if (metric->kind == METRIC_HISTOGRAM)
        add_among_others(numbers + 1 + bit_length(n), 1);
}

static void read_shard(const struct metrics_shard *shard, const struct metric *metric,
                       struct metric_reading *ret)
{
    const _Atomic uint64_t *numbers = &shard->numbers[metric->place];
    ret->sum += load_relaxed(numbers);
    for (size_t i = 0; metric->kind == METRIC_HISTOGRAM && i < METRIC_BUCKETS; i++) {
        uint64_t n = load_relaxed(numbers + 1 + i);
        ret->buckets[i] += n;
        ret->count += n;
    }
}

static void read_numbers(const struct mapping *map, const struct metric *metric,
                         struct metric_reading *ret)
{
    read_shard(&map->foreign, metric, ret);
    size_t n = atomic_load_explicit(&map->n_shards, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        read_shard(&map->shards[i], metric, ret);
}

static struct metric_reading describe(const struct metric *metric)
{
    struct metric_reading reading = {
        .name = metric->name, .help = metric->help, .kind = metric->kind, .own = metric->own};
    for (enum metric_label l = 0; l < N_METRIC_LABELS; l++)
        reading.labels[l] = metric->labels[l];
    return reading;
}

bool metrics_read(const struct metrics *m, size_t i, struct metric_reading *ret)
{
    if (i >= atomic_load_explicit(&m->map->n, memory_order_acquire))
        return false;
    *ret = describe(&m->map->all[i]);
    read_numbers(m->map, &m->map->all[i], ret);
    return true;
}

bool metrics_find(const struct metrics *m, const char *plugin, const char *name,
                  struct metric_reading *ret)
{
    size_t n = atomic_load_explicit(&m->map->n, memory_order_acquire);
    bool own = plugin && *plugin, found = false;
    for (size_t i = 0; i < n; i++) {
        const struct metric *metric = &m->map->all[i];
        if (metric->own != own || strcmp(metric->name, name) != 0 ||
            (own && strcmp(metric->labels[METRIC_PLUGIN], plugin) != 0))
            continue;
        if (!found)
            *ret = describe(metric);
        found = true;
        read_numbers(m->map, metric, ret);
    }
    return found;
}
