/* writer: a thread that appends lines to files, so that no other thread waits for a disk or a
 * reader.
 *
 * A line that comes into an empty queue wakes the thread. Lines that come while it is writing cost
 * a memcpy() and are written together: the thread looks at a queue until it is empty.
 *
 * `lock` guards the list of outputs and all that is not atomic in them. The thread holds it except
 * while it waits; before the start and after the stop, the thread that writes a line holds it.
 * Appending does not take it while the thread runs.
 */
#include "base/log/writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    CLOSE_MS = 1000,     /* for what a closed output still holds             */
    SAY_MS = 5000,       /* between two reports of dropped lines of an output */
    STOP_MS = 1000,      /* when a writer is freed that was not stopped      */
    N_POLLED_MAX = 1024, /* blocked outputs that are watched at a time       */
};

enum writer_state {
    WRITER_UNSTARTED, /* the appending thread writes                           */
    WRITER_RUNNING,
    WRITER_STUCK /* the thread did not return from a write, and owns all */
};

struct writer {
    pthread_mutex_t lock;
    struct output *outputs;
    writer_say_fn *say; /* may be NULL */
    void *say_arg;
    pthread_t thread;
    int wake; /* eventfd */
    atomic_int state;
    atomic_bool reopens, stops;
    atomic_bool looks; /* without a thread: who looks at the queues has to look again */
    uint64_t stop_ms;  /* when it ends, whatever is left */
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- reports --------------------------------------------------------------------------------- */

EXTPROC_PRINTF(3, 4)
static void say(struct writer *w, enum extproc_level level, const char *fmt, ...)
{
    va_list ap;
    if (!w->say)
        return;
    va_start(ap, fmt);
    w->say(w->say_arg, level, fmt, ap);
    va_end(ap);
}

static void say_dropped(struct writer *w, struct output *o, uint64_t now_ms)
{
    uint64_t n = atomic_exchange(&o->n_dropped, 0);
    o->said_ms = now_ms;
    say(w, EXTPROC_LEVEL_WARN,
        "%llu %s dropped: %s did not take them in time (its queue holds %zu KiB)",
        (unsigned long long)n, o->what, o->name, o->queue.size / 1024);
}

static bool owes_report(struct output *o)
{
    return atomic_load(&o->n_dropped) > 0 && queue_len(&o->queue) <= o->queue.size / 2;
}

/* What has changed, for the operator. */
static void report(struct writer *w, struct output *o, enum output_state before, uint64_t now_ms)
{
    if (o->state == OUTPUT_FAILED && before != OUTPUT_FAILED)
        say(w, EXTPROC_LEVEL_ERROR, "cannot write to %s: %s", o->name, strerror(o->error));
    if (o->state != OUTPUT_FAILED && before == OUTPUT_FAILED)
        say(w, EXTPROC_LEVEL_INFO, "writing to %s again", o->name);
    if (owes_report(o) && now_ms >= o->said_ms + SAY_MS)
        say_dropped(w, o, now_ms);
}

/* ---- one look at every output ---------------------------------------------------------------- */

static void reopen(struct writer *w, struct output *o)
{
    char why[FILE_WHY];
    if (output_reopen(o, why) < 0)
        say(w, EXTPROC_LEVEL_ERROR, "cannot reopen %s: %s (the previous file stays in use)",
            o->name, why);
}

static void reopen_all(struct writer *w)
{
    for (struct output *o = w->outputs; o; o = o->next)
        reopen(w, o);
}

/* Another output has begun a line in the same file. */
static bool must_wait(const struct writer *w, const struct output *o)
{
    for (const struct output *other = w->outputs; other; other = other->next)
        if (other != o && output_is_torn(other) && output_is_same_file(other, o))
            return true;
    return false;
}

static void look_at(struct writer *w, struct output *o, uint64_t now_ms)
{
    enum output_state before = o->state;
    if (output_is_due(o, now_ms) && !must_wait(w, o))
        output_write(o, now_ms);
    report(w, o, before, now_ms);
}

/* Lines that were begun come first: others may wait for them. */
static void look_at_all(struct writer *w, uint64_t now_ms)
{
    for (struct output *o = w->outputs; o; o = o->next)
        if (output_is_torn(o))
            look_at(w, o, now_ms);
    for (struct output *o = w->outputs; o; o = o->next)
        look_at(w, o, now_ms);
}

static void drop_rest(struct output *o)
{
    output_drop(o, queue_discard(&o->queue));
}

static void say_rest(struct writer *w, struct output *o, uint64_t now_ms)
{
    if (atomic_load(&o->n_dropped) > 0)
        say_dropped(w, o, now_ms);
}

/* Frees the closed ones that are empty or have had their time. */
static void sweep(struct writer *w, uint64_t now_ms)
{
    for (struct output **at = &w->outputs; *at;) {
        struct output *o = *at;
        if (atomic_load(&o->closing) && (now_ms >= o->close_ms || queue_len(&o->queue) == 0)) {
            drop_rest(o);
            say_rest(w, o, now_ms);
            *at = o->next;
            output_free(o);
        } else {
            at = &o->next;
        }
    }
}

static void look(struct writer *w, uint64_t now_ms)
{
    if (atomic_exchange(&w->reopens, false))
        reopen_all(w);
    look_at_all(w, now_ms);
    sweep(w, now_ms);
}

/* Nothing is left that could be written: a disk that is full is not waited for. */
static bool is_settled(struct writer *w)
{
    for (struct output *o = w->outputs; o; o = o->next)
        if (o->state != OUTPUT_FAILED && queue_len(&o->queue) > 0)
            return false;
    return true;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void sooner(int *timeout_ms, uint64_t at_ms, uint64_t now_ms)
{
    uint64_t in = at_ms > now_ms ? at_ms - now_ms : 0;
    if (*timeout_ms < 0 || in < (uint64_t)*timeout_ms)
        *timeout_ms = (int)in;
}

/* How long nothing can be done by itself; -1: for ever. */
static int time_to_wait(struct writer *w, uint64_t now_ms)
{
    int timeout_ms = -1;
    for (struct output *o = w->outputs; o; o = o->next) {
        if (o->state == OUTPUT_FAILED && queue_len(&o->queue) > 0)
            sooner(&timeout_ms, o->retry_ms, now_ms);
        if (atomic_load(&o->closing))
            sooner(&timeout_ms, o->close_ms, now_ms);
        if (owes_report(o))
            sooner(&timeout_ms, o->said_ms + SAY_MS, now_ms);
    }
    if (atomic_load(&w->stops))
        sooner(&timeout_ms, w->stop_ms, now_ms);
    return timeout_ms;
}

/* Until there is something to do. Outputs that take more become OPEN. Without the lock while it
 * waits: an output leaves the list in the thread only. */
static void wait_for_work(struct writer *w, int timeout_ms)
{
    struct pollfd fds[N_POLLED_MAX] = {{.fd = w->wake, .events = POLLIN}};
    struct output *polled[N_POLLED_MAX];
    nfds_t n = 1;
    uint64_t ignored;
    for (struct output *o = w->outputs; o && n < N_POLLED_MAX; o = o->next)
        if (o->state == OUTPUT_BLOCKED) {
            polled[n] = o;
            fds[n++] = (struct pollfd){.fd = o->fd, .events = POLLOUT};
        }
    pthread_mutex_unlock(&w->lock);
    poll(fds, n, timeout_ms);
    pthread_mutex_lock(&w->lock);
    if (fds[0].revents && read(w->wake, &ignored, sizeof ignored) < 0)
        assert(errno == EAGAIN);
    for (nfds_t i = 1; i < n; i++)
        if (fds[i].revents)
            polled[i]->state = OUTPUT_OPEN;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Lines that an output does not accept are dropped, before the first report of that: the log is one
 * of the outputs, and its reports must be written. Lines that came since the last look are left for
 * the next. */
static void end(struct writer *w, uint64_t now_ms)
{
    for (struct output *o = w->outputs; o; o = o->next)
        if (o->state != OUTPUT_OPEN)
            drop_rest(o);
    for (struct output *o = w->outputs; o; o = o->next)
        say_rest(w, o, now_ms);
    look(w, now_ms);
    atomic_store(&w->stops, false);
}

static void *run(void *arg)
{
    struct writer *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        uint64_t now_ms = monotonic_ms();
        look(w, now_ms);
        if (atomic_load(&w->stops) && (now_ms >= w->stop_ms || is_settled(w)))
            break;
        wait_for_work(w, time_to_wait(w, now_ms));
    }
    end(w, monotonic_ms());
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void wake(struct writer *w)
{
    uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0)
        assert(errno == EAGAIN); /* it has not read those before */
}

/* Signals are other threads' business. */
int writer_start(struct writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&w->state, WRITER_RUNNING);
    int r = -pthread_create(&w->thread, NULL, run, w);
    if (r < 0)
        atomic_store(&w->state, WRITER_UNSTARTED);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* A second more than the thread takes for itself, since a write to a disk may take longer. */
static bool join(struct writer *w, unsigned timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1 + timeout_ms / 1000;
    return pthread_timedjoin_np(w->thread, NULL, &until) == 0;
}

/* The holder of the lock, another thread or (for a report) this one, looks again for us. */
static void write_here(struct writer *w)
{
    atomic_store(&w->looks, true);
    while (atomic_load(&w->looks) && pthread_mutex_trylock(&w->lock) == 0) {
        atomic_store(&w->looks, false);
        look(w, monotonic_ms());
        pthread_mutex_unlock(&w->lock);
    }
}

void writer_stop(struct writer *w, unsigned timeout_ms)
{
    int state = atomic_load(&w->state);
    w->stop_ms = monotonic_ms() + timeout_ms;
    atomic_store(&w->stops, true);
    if (state == WRITER_UNSTARTED) {
        run(w);
    } else if (state == WRITER_RUNNING) {
        wake(w);
        atomic_store(&w->state, join(w, timeout_ms) ? WRITER_UNSTARTED : WRITER_STUCK);
        if (atomic_load(&w->state) == WRITER_UNSTARTED)
            write_here(w); /* what came while the thread ended */
    }
}

/* ---- from any thread ------------------------------------------------------------------------- */

static void have_it_done(struct writer *w)
{
    if (atomic_load(&w->state) == WRITER_UNSTARTED)
        write_here(w);
    else
        wake(w);
}

bool writer_append(struct output *o, struct extproc_str line)
{
    enum queue_put put = queue_put(&o->queue, line);
    if (put == QUEUE_DROPPED)
        output_drop(o, 1);
    if (put == QUEUE_KEPT_FIRST || atomic_load(&o->writer->state) == WRITER_UNSTARTED)
        have_it_done(o->writer);
    return put != QUEUE_DROPPED;
}

void writer_reopen(struct writer *w)
{
    atomic_store(&w->reopens, true);
    have_it_done(w);
}

/* ---- life ------------------------------------------------------------------------------------ */

int writer_open(struct writer *w, const struct output_options *options, struct output **ret,
                char ret_why[static FILE_WHY])
{
    struct output *o;
    int r = output_new(options, &o, ret_why);
    if (r < 0)
        return r;
    pthread_mutex_lock(&w->lock);
    o->writer = w;
    o->next = w->outputs;
    w->outputs = o;
    pthread_mutex_unlock(&w->lock);
    *ret = o;
    return 0;
}

void writer_close(struct output *o)
{
    o->close_ms = monotonic_ms() + CLOSE_MS;
    atomic_store(&o->closing, true);
    have_it_done(o->writer);
}

int writer_new(struct writer **ret)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake < 0) {
        int r = -errno;
        free(w);
        return r;
    }
    pthread_mutex_init(&w->lock, NULL);
    *ret = w;
    return 0;
}

void writer_say_to(struct writer *w, writer_say_fn *fn, void *arg)
{
    w->say = fn;
    w->say_arg = arg;
}

struct writer *writer_free(struct writer *w)
{
    if (!w)
        return NULL;
    writer_stop(w, STOP_MS);
    if (atomic_load(&w->state) == WRITER_STUCK)
        return NULL;
    for (struct output *o = w->outputs, *next; o; o = next) {
        next = o->next;
        output_free(o);
    }
    pthread_mutex_destroy(&w->lock);
    close(w->wake);
    free(w);
    return NULL;
}
