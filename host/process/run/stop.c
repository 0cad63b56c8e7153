/* stop: how the service leaves its clients, step by step.
 *
 *     serving ─TERM─► lame ──lame_duck──► draining ──streams end, or drain is over──► the loop ends
 *        │              └──────TERM─────────┬──┘
 *        └───────────────────────► immediate: streams are reset, the loop ends
 *
 * Lame: health says NOT_SERVING, and everything is served still, also what comes new: so a proxy
 * has time to see it and to send its traffic elsewhere, and nothing of that is lost. Draining: only
 * then is there nothing for new clients to connect to.
 */
#include "process/run/stop.h"

#include "process/run/notify.h"

#include <assert.h>

enum { END_MS = 10 * 1000 }; /* what the end of the process itself may take: fini(), logs */

static void stop_set(struct stop *s, enum stop_state state)
{
    assert(state > s->state);
    s->state = state;
}

static unsigned long long shown(uint64_t ms)
{
    return ms;
}

/* The service manager waits for as long as the configuration says, whatever the unit's
 * TimeoutStopSec. */
static void notify_stopping(const struct stop *s)
{
    uint64_t most = UINT64_MAX / 1000 / 4;
    uint64_t lame_ms = s->lame_duck_ms < most ? s->lame_duck_ms : most;
    uint64_t drain_ms = s->drain_ms < most ? s->drain_ms : most;
    notify("STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", shown(1000 * (lame_ms + drain_ms + END_MS)));
}

static void begin_drain(void *arg)
{
    struct stop *s = arg;
    if (s->state >= STOP_DRAINING)
        return;
    stop_set(s, STOP_DRAINING);
    log_line(
        s->log, EXTPROC_LEVEL_INFO, NULL,
        "draining: new connections are refused, open streams may finish within drain (%llu ms)",
        shown(s->drain_ms));
    for (size_t i = 0; i < s->n_listeners;
         i++) /* before the backlog is taken: nothing new comes then */
        listen_unlink(&s->listeners[i]);
    s->ops->drain(s->transport, s->drain_ms);
}

static void begin_lame_duck(struct stop *s, const char *signal)
{
    stop_set(s, STOP_LAME);
    notify_stopping(s);
    log_line(
        s->log, EXTPROC_LEVEL_INFO, NULL,
        "received %s: health checks get NOT_SERVING, everything is served for lame_duck (%llu ms); "
        "send it again to stop immediately",
        signal, shown(s->lame_duck_ms));
    s->ops->lame(s->transport);
    if (s->lame_duck_ms == 0 || loop_after(s->loop, s->lame_duck_ms, begin_drain, s) < 0)
        begin_drain(s);
}

static void begin_immediate(struct stop *s, const char *signal)
{
    stop_set(s, STOP_IMMEDIATE);
    log_line(s->log, EXTPROC_LEVEL_WARN, NULL, "received %s again: stopping immediately", signal);
    s->ops->stop(s->transport);
}

void stop_asked(struct stop *s, const char *signal)
{
    if (s->state == STOP_SERVING)
        begin_lame_duck(s, signal);
    else if (s->state < STOP_IMMEDIATE)
        begin_immediate(s, signal);
}
