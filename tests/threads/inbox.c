/* inbox: errands that several threads put into a loop are done, each thread's in their order; an
 * errand that is put repeatedly is done at least once after the last put, and no wake-up is lost.
 */
#include "base/loop/inbox.h"

#include "crew.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

enum { PUTTERS = 4, ERRANDS = 2000, PATIENCE_S = 60 };

struct scene {
    struct inbox inbox;
    sem_t wakes;
    struct errand shared; /* put by all */
    atomic_uint n_puts;   /* relaxed: it must order nothing itself */
    bool timed_out;

    /* the loop's thread */
    unsigned n_shared, n_puts_seen, n_left;
};

struct putter {
    struct scene *scene;
    unsigned n_failed;
    unsigned n_done; /* the loop's thread */
};

static void wake(void *arg)
{
    struct scene *s = arg;
    sem_post(&s->wakes);
}

/* ---- errands, in the loop's thread ----------------------------------------------------------- */

static void note_puts(void *arg)
{
    struct scene *s = arg;
    s->n_shared++;
    s->n_puts_seen = atomic_load_explicit(&s->n_puts, memory_order_relaxed);
}

static void count_one(void *arg)
{
    struct putter *p = arg;
    p->n_done++;
}

/* After all other errands of its thread. */
static void leave(void *arg)
{
    struct putter *p = arg;
    p->scene->n_left += p->n_done == ERRANDS - p->n_failed;
}

/* ---- threads --------------------------------------------------------------------------------- */

static void put(void *arg)
{
    struct putter *p = arg;
    struct scene *s = p->scene;
    for (unsigned i = 0; i < ERRANDS; i++) {
        p->n_failed += inbox_post(&s->inbox, count_one, NULL, p) < 0;
        atomic_fetch_add_explicit(&s->n_puts, 1, memory_order_relaxed);
        inbox_put(&s->inbox, &s->shared);
        sched_yield(); /* so that the loop runs out of errands, and must be woken, often */
    }
    inbox_post(&s->inbox, leave, NULL, p);
}

static void loop(void *arg)
{
    struct scene *s = arg;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    while (s->n_left < PUTTERS && !s->timed_out) {
        if (sem_timedwait(&s->wakes, &deadline) == 0)
            inbox_awake(&s->inbox);
        else
            s->timed_out = true;
    }
    inbox_run(&s->inbox); /* the shared one may come after the last that left */
}

int main(void)
{
    struct scene s = {.shared = {.fn = note_puts, .arg = &s}};
    struct putter putters[PUTTERS] = {0};
    struct crew_member crew[PUTTERS + 1] = {[PUTTERS] = {loop, &s}};
    sem_init(&s.wakes, 0, 0);
    inbox_init(&s.inbox);
    inbox_wakes(&s.inbox, wake, &s);
    for (unsigned i = 0; i < PUTTERS; i++) {
        putters[i].scene = &s;
        crew[i] = (struct crew_member){put, &putters[i]};
    }
    crew_run(crew, PUTTERS + 1);

    for (unsigned i = 0; i < PUTTERS; i++)
        CHECK(putters[i].n_failed == 0 && putters[i].n_done == ERRANDS);
    CHECK(!s.timed_out);
    CHECK(s.n_shared > 0 && s.n_shared <= PUTTERS * ERRANDS);
    CHECK(s.n_puts_seen == PUTTERS * ERRANDS);
    inbox_fini(&s.inbox);
    sem_destroy(&s.wakes);
    return check_totals();
}
