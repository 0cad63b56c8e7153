/* watch: looks at what a loop runs, from a thread of its own. */
#include "base/loop/watch.h"

#include "base/log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* After so many looks at a thread that rests it sleeps. */
enum { LOOK_MS = 50, IDLE_LOOKS = 20 };

struct watch {
    struct loop *loop;
    struct log *log;
    struct watch_state state;
    unsigned n_idle; /* looks at a thread that rests, one after another */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards `stopping`, and `unwatched` while it sleeps */
    pthread_cond_t stops;  /* it is to stop, or to wake */
    bool stopping;
};

uint64_t watch_look(struct watch_state *state, const struct running_look *look, uint64_t now_ms)
{
    uint64_t timeout_ms = look->plugin ? look->plugin->timeout_ms : 0;
    if (!timeout_ms)
        return RUNNING_UNSEEN;
    if (look->seen == RUNNING_UNSEEN) {
        *state = (struct watch_state){now_ms, timeout_ms};
        return RUNNING_SEEN;
    }
    uint64_t ms = now_ms - state->since_ms;
    if (ms < state->report_ms || ms <= RUNNING_SEEN)
        return RUNNING_UNSEEN;
    state->report_ms = ms * 2;
    return ms;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void look(struct watch *w)
{
    struct running_look look = running_look(&w->loop->running);
    uint64_t seen = watch_look(&w->state, &look, now_ms());
    if (seen == RUNNING_UNSEEN || !running_see(&w->loop->running, look, seen) ||
        seen == RUNNING_SEEN)
        return;
    struct log_context context = {.plugin = look.plugin->name, .phase = look.phase};
    log_line(w->log, EXTPROC_LEVEL_WARN, &context,
             "the plugin blocks all transactions: it has not returned for %" PRIu64
             " ms (timeout = %" PRIu64 "ms)",
             seen, look.plugin->timeout_ms);
}

/* False: it is to stop. */
static bool pause_a_while(struct watch *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&w->mutex);
    while (!w->stopping && pthread_cond_timedwait(&w->stops, &w->mutex, &until) != ETIMEDOUT)
        ;
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->mutex);
    return !stopping;
}

/* The loop's thread. */
static void wake(void *arg)
{
    struct watch *w = arg;
    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->loop->running.unwatched, false);
    pthread_cond_signal(&w->stops);
    pthread_mutex_unlock(&w->mutex);
}

/* Nothing has happened for a while: until something does. */
static void sleep_if_idle(struct watch *w)
{
    struct running *running = &w->loop->running;
    w->n_idle = atomic_load(&running->rests) ? w->n_idle + 1 : 0;
    if (w->n_idle < IDLE_LOOKS)
        return;
    w->n_idle = 0;
    pthread_mutex_lock(&w->mutex);
    if (!w->stopping && running_unwatch(running))
        while (!w->stopping && atomic_load(&running->unwatched))
            pthread_cond_wait(&w->stops, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void *run(void *arg)
{
    struct watch *w = arg;
    while (pause_a_while(w)) {
        look(w);
        sleep_if_idle(w);
    }
    return NULL;
}

static struct watch *watch_free(struct watch *w)
{
    pthread_cond_destroy(&w->stops);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

/* Signals are other threads' business. */
static int start_thread(struct watch *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int watch_start(struct loop *loop, struct log *log, struct watch **ret)
{
    struct watch *w = calloc(1, sizeof *w);
    pthread_condattr_t attributes;
    if (!w)
        return -ENOMEM;
    w->loop = loop;
    w->log = log;
    loop->wake_watch = wake;
    loop->watch = w;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stops, &attributes);
    pthread_condattr_destroy(&attributes);
    int r = start_thread(w);
    if (r < 0)
        watch_free(w);
    else
        *ret = w;
    return r;
}

struct watch *watch_stop(struct watch *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_signal(&w->stops);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    atomic_store(&w->loop->running.unwatched, false);
    return watch_free(w);
}
