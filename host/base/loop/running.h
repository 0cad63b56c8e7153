/* running: which plugin's code a loop's thread runs at the moment, so that a line about the end of
 * the process, or about a plugin that blocks, can name it.
 *
 * The thread writes it for every callback, and others look at it: so each word is read and written
 * in one piece, without a lock and without an instruction more than plain words would cost.
 */
#ifndef EXTPROCD_BASE_LOOP_RUNNING_H
#define EXTPROCD_BASE_LOOP_RUNNING_H

#include <stdatomic.h>
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
    _Atomic uint64_t since_ms; /* when the loop's round began: no callback reads a clock */
    _Atomic uint32_t run;      /* the number of this call of a plugin, from 1 */

    /* What a watch has found (loop/watch.h). */
    _Atomic uint32_t blocked_run; /* a call that has blocked the thread; 0: none has */
    _Atomic uint64_t blocked_ms;  /* for how long, by the last look                  */
};

/* One moment of it, for other threads. */
struct running_look {
    const struct running_plugin *plugin;
    const char *phase;
    uint64_t since_ms;
    uint32_t run;
};

#define RUNNING_SET(field, value) atomic_store_explicit(&running->field, (value), order)
#define RUNNING_GET(field)        atomic_load_explicit(&running->field, memory_order_relaxed)

static inline void running_begin(struct running *running, const struct running_plugin *plugin,
                                 const char *phase, uint64_t since_ms)
{
    const memory_order order = memory_order_relaxed;
    uint32_t run = RUNNING_GET(run) + 1;
    RUNNING_SET(phase, phase);
    RUNNING_SET(since_ms, since_ms);
    RUNNING_SET(run, run);
    atomic_store_explicit(&running->plugin, plugin, memory_order_release);
}

/* For how many milliseconds, at least, the call that ends now has blocked the thread; 0: nobody has
 * seen it block. */
static inline uint64_t running_end(struct running *running)
{
    const memory_order order = memory_order_relaxed;
    RUNNING_SET(plugin, NULL);
    return RUNNING_GET(blocked_run) == RUNNING_GET(run) ? RUNNING_GET(blocked_ms) : 0;
}

/* The watch's thread: this call, which goes on, has blocked the loop's for so long. */
static inline void running_blocked(struct running *running, uint32_t run, uint64_t ms)
{
    const memory_order order = memory_order_relaxed;
    RUNNING_SET(blocked_ms, ms);
    RUNNING_SET(blocked_run, run);
}

/* Any thread. Of a call that goes on while it is read all words belong together; of one that begins
 * or ends meanwhile they may not. */
static inline struct running_look running_look(const struct running *running)
{
    return (struct running_look){
        .plugin = atomic_load_explicit(&running->plugin, memory_order_acquire),
        .phase = RUNNING_GET(phase),
        .since_ms = RUNNING_GET(since_ms),
        .run = RUNNING_GET(run),
    };
}

#undef RUNNING_SET
#undef RUNNING_GET

#endif
