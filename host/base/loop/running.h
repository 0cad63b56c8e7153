/* running: which plugin's code a loop's thread runs at the moment, so that a line about the end of
 * the process, or about a plugin that blocks, can name it.
 *
 * The thread writes it for every callback, and others look at it: so each word is read and written
 * in one piece, without a lock and without an instruction more than plain words would cost.
 */
#ifndef EXTPROCD_BASE_LOOP_RUNNING_H
#define EXTPROCD_BASE_LOOP_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One [plugin:NAME] section, as messages name it. Lives as long as its plugin may run. */
struct running_plugin {
    const char *name;
    const char *object; /* the shared object's path; NULL: linked in */
    const char *shown;  /* the same for messages: what is hidden of it is masked */
    const char *file;   /* where the section stands; NULL: nowhere  */
    unsigned line;
    uint64_t timeout_ms; /* of a callback; 0: none */
};

struct running {
    _Atomic(const struct running_plugin *) plugin; /* NULL: the host's own code */
    _Atomic(const char *) phase;                   /* "load", "init", "request_headers", ... */
    _Atomic uint64_t seen; /* what a watch has seen of this call: see running_look */
    atomic_bool rests;     /* the thread waits for something to do */
    atomic_bool unwatched; /* a watch sleeps until it goes on      */
};

enum { RUNNING_UNSEEN, RUNNING_SEEN };

/* One moment of it, for other threads. */
struct running_look {
    const struct running_plugin *plugin;
    const char *phase;
    uint64_t seen; /* RUNNING_UNSEEN, RUNNING_SEEN, or for how many milliseconds it has blocked */
};

#define RUNNING_SET(field, value)                                                                  \
    atomic_store_explicit(&running->field, (value), memory_order_relaxed)
#define RUNNING_GET(field) atomic_load_explicit(&running->field, memory_order_relaxed)

static inline void running_begin(struct running *running, const struct running_plugin *plugin,
                                 const char *phase)
{
    RUNNING_SET(phase, phase);
    RUNNING_SET(seen, RUNNING_UNSEEN);
    atomic_store_explicit(&running->plugin, plugin, memory_order_release);
}

/* For how many milliseconds, at least, the call that ends now has blocked the thread; 0: no watch
 * has seen it block. */
static inline uint64_t running_end(struct running *running)
{
    uint64_t seen = RUNNING_GET(seen);
    RUNNING_SET(plugin, NULL);
    return seen > RUNNING_SEEN ? seen : 0;
}

/* Any thread. Of a call that goes on while it is read all words belong together; of one that begins
 * or ends meanwhile they may not. */
static inline struct running_look running_look(const struct running *running)
{
    return (struct running_look){
        .plugin = atomic_load_explicit(&running->plugin, memory_order_acquire),
        .phase = RUNNING_GET(phase),
        .seen = RUNNING_GET(seen),
    };
}

/* The watch's thread notes what it has seen. False: another call has begun since the look. */
static inline bool running_see(struct running *running, struct running_look look, uint64_t seen)
{
    return atomic_compare_exchange_strong_explicit(&running->seen, &look.seen, seen,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* The thread waits for something to do from now on. */
static inline void running_rest(struct running *running)
{
    RUNNING_SET(rests, true);
}

/* It goes on. True: a watch has to be woken. In one order with running_unwatch(), or both would
 * miss each other; the thread comes from a system call, which costs many times as much. */
static inline bool running_go_on(struct running *running)
{
    atomic_store(&running->rests, false);
    return atomic_load(&running->unwatched);
}

/* The watch's thread wants to sleep. False: the loop's thread does something. */
static inline bool running_unwatch(struct running *running)
{
    atomic_store(&running->unwatched, true);
    if (!atomic_load(&running->rests))
        atomic_store(&running->unwatched, false);
    return atomic_load(&running->unwatched);
}

#undef RUNNING_SET
#undef RUNNING_GET

#endif
