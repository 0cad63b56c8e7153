/* metrics: threads that define and add concurrently, loops and others, lose nothing, and a reader
 * beside them sees numbers that only grow.
 */
#include "base/metrics.h"

#include "crew.h"

#include <stdatomic.h>

enum { ADDERS = 4, ADDS = 20000, SUM = ADDERS * (ADDS * (ADDS - 1) / 2) };

struct scene {
    struct metrics *metrics;
    atomic_uint n_done;
};

struct adder {
    struct scene *scene;
    bool has_shard;
    struct metric *counter, *histogram;
};

struct reader {
    struct scene *scene;
    unsigned n_readings, n_shrunk, n_too_many;
};

static void add(void *arg)
{
    struct adder *a = arg;
    struct metrics *m = a->scene->metrics;
    struct metric_definition d = {
        .name = "seen", .own = true, .labels = {[METRIC_PLUGIN] = "tags"}};
    struct metrics_shard *shard = a->has_shard ? metrics_take_shard(m) : NULL;
    if (shard)
        metrics_enter(m, shard);
    a->counter = metrics_define(m, &d);
    d.name = "bytes";
    d.kind = METRIC_HISTOGRAM;
    a->histogram = metrics_define(m, &d);
    for (unsigned i = 0; i < ADDS; i++) {
        metric_add(a->counter, i);
        metric_add(a->histogram, i);
    }
    if (shard)
        metrics_leave_shard(m, shard);
    atomic_fetch_add(&a->scene->n_done, 1);
}

/* At least once before any thread has begun, and once after all have ended. */
static void read_until_done(void *arg)
{
    struct reader *r = arg;
    uint64_t last = 0;
    bool done;
    do {
        struct metric_reading reading;
        done = atomic_load(&r->scene->n_done) == ADDERS;
        for (size_t i = 0; metrics_read(r->scene->metrics, i, &reading); i++)
            r->n_too_many += reading.sum > SUM || reading.count > ADDERS * ADDS;
        if (!metrics_find(r->scene->metrics, "tags", "seen", &reading))
            continue;
        r->n_readings++;
        r->n_shrunk += reading.sum < last;
        last = reading.sum;
    } while (!done);
}

static uint64_t sum_of_buckets(const struct metric_reading *reading)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < METRIC_BUCKETS; i++)
        sum += reading->buckets[i];
    return sum;
}

int main(void)
{
    struct scene scene = {0};
    struct adder adders[ADDERS] = {0};
    struct reader reader = {.scene = &scene};
    struct crew_member crew[ADDERS + 1] = {[ADDERS] = {read_until_done, &reader}};
    struct metric_reading reading;
    if (metrics_new(&scene.metrics) < 0)
        return 1;
    for (unsigned i = 0; i < ADDERS; i++) {
        adders[i].scene = &scene;
        adders[i].has_shard = i % 2;
        crew[i] = (struct crew_member){add, &adders[i]};
    }
    crew_run(crew, ADDERS + 1);

    for (unsigned i = 0; i < ADDERS; i++) {
        CHECK(adders[i].counter && adders[i].counter == adders[0].counter);
        CHECK(adders[i].histogram && adders[i].histogram == adders[0].histogram);
    }
    CHECK(!metrics_read(scene.metrics, 2, &reading));
    CHECK(metrics_find(scene.metrics, "tags", "seen", &reading));
    CHECK(reading.sum == SUM);
    CHECK(metrics_find(scene.metrics, "tags", "bytes", &reading));
    CHECK(reading.sum == SUM && reading.count == ADDERS * ADDS);
    CHECK(sum_of_buckets(&reading) == ADDERS * ADDS);
    CHECK(reading.buckets[1] == ADDERS); /* the value 1, once each */
    CHECK(reader.n_readings > 0);
    CHECK(reader.n_shrunk == 0);
    CHECK(reader.n_too_many == 0);

    metrics_free(scene.metrics);
    return check_totals();
}
