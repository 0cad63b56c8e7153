/* turn: one event on its way through the chain. The cursor can stop at any plugin and go on later;
 * what a turn holds (the event, its memory) stays until the turn is over.
 *
 *     session ── turn_begin(event) ── turn_run() ──► TURN_DONE: turn->verdict ── turn_answer() ── turn_end()
 *                                      ▲    │
 *                          turn->wake()└────┴──► TURN_WAITS: for a result; or turn_cancel() ── turn_end()
 */
#ifndef EXTPROCD_PLUGIN_RUN_TURN_H
#define EXTPROCD_PLUGIN_RUN_TURN_H

#include "base/rows.h"
#include "http/verdict.h"
#include "plugin/failure.h"
#include "plugin/refusal.h"
#include "plugin/run/txn.h"
#include "plugin/run/undo.h"
#include "plugin/wait/wait.h"

#include <assert.h>

/* What a callback has decided so far; it counts once it returned without having failed. */
struct decided {
    bool sets_body, clears_route;
    bool answers;   /* with turn->answer */
    bool holds_end; /* of the body only, and not all of it: */
    uint8_t skips;  /* phases (bits) that it was called in until now */
    size_t held;    /* bytes */
};

struct call;

/* Where it stands:
 *
 *     WALKS ──► AWAITS ──a result, or its time is over──► WOKEN ──────► WALKS
 *       │ ──► CALLS ──the call has returned, or its time is over──► RETURNED ──► WALKS
 *       ▼
 *     OVER, from each of them
 */
enum turn_at {
    TURN_WALKS,    /* from plugin to plugin               */
    TURN_AWAITS,   /* a callback waits for a result       */
    TURN_WOKEN,    /* resume() is to be called            */
    TURN_CALLS,    /* a thread of the pool has a callback */
    TURN_RETURNED, /* what that returned is to be judged  */
    TURN_OVER,
    N_TURN_ATS
};

/* A callback that waits, and what it goes on with. */
struct turn_wait {
    struct wait *wait; /* NULL: it has not deferred, or was woken */
    enum extproc_wake why;
    void *result;
    void (*drop)(struct extproc_instance *, void *result); /* if resume() cannot be called */
    uint64_t due_ms; /* when its time is over, by the loop's clock; 0: it has not deferred yet */
};

/* A callback in the pool. */
struct turn_call {
    struct call *call; /* NULL: there is none */
    bool late;         /* its time is over, ... */
    bool runs;         /* ... and its thread has it still */
};

struct turn {
    struct txn *txn;
    struct event *event;
    struct arena *arena; /* the message's life */
    void (*wake)(void *arg);
    void (*free)(void *arg); /* see turn_end() */
    void *wake_arg;          /* of both */
    enum turn_at at;
    unsigned n_late; /* calls of plugins that run in the pool, though it has gone on */
    bool first;      /* the direction's first event */
    bool whole;      /* a body phase: event->body is complete */

    unsigned unmet;       /* see turn_check() */
    unsigned allowed;     /* rules_allow(), less what this transaction rules out */
    uint16_t cursor;      /* next place in chain->calls[event->phase] */
    uint16_t body_cursor; /* once replaced: next place in the calls of the body phase */
    bool concerns;        /* the event is one that plugins see */
    bool checks;          /* the needs of plugins are to be looked at: `unmet`, or a tunnel */
    bool overloaded;      /* the current callback could not wait at last, since too much is held */
    bool lost;            /* bytes that a plugin held: there was no memory */
    bool replaced;        /* in a headers phase: event->body is the replacement */
    bool clears_route;    /* a plugin asked for it and edited a header */

    struct turn_given *given; /* bodies of answers, to be released when the turn ends */
    struct metadata metadata;
    struct verdict verdict; /* when done */

    struct answer answer; /* of VERDICT_RESPOND */
    /* of the current callback */
    enum phase phase; /* the event's, or the body phase after a replacement */
    uint16_t place;   /* of its plugin in the chain */
    struct decided decided;
    struct undo undo;
    struct turn_wait waits;
    struct turn_call called;
    enum failure failure; /* if it has failed: why */
    struct refusal refused;
};

/* What runs plugins in shadow, above this floor's room: see plugin/trial. */
struct trials_ops {
    /* The event as it is now comes to the plugin in this place. */
    void (*show)(struct trials_ops *ops, struct turn *turn, uint16_t place);
    /* The transaction is over, and has begun trials. */
    void (*over)(struct trials_ops *ops, struct txn *t, enum extproc_end why);
};

/* Bytes that a plugin lends until the turn has ended, whatever happens to the answer. */
struct turn_given {
    struct turn_given *next;
    void (*release)(void *);
    void *arg;
};

/* The direction of the event. */
static inline struct txn_lane *turn_lane(const struct turn *turn)
{
    return &turn->txn->lanes[turn->event->lane];
}
static inline const struct mode *turn_mode(const struct turn *turn)
{
    return mode_of(turn_lane(turn)->direction.mode);
}

/* The one place where it changes. */
static inline void turn_become(struct turn *turn, enum turn_at next)
{
    static const uint8_t may[N_TURN_ATS] = {
        [TURN_WALKS] = 1 << TURN_AWAITS | 1 << TURN_CALLS | 1 << TURN_OVER,
        [TURN_AWAITS] = 1 << TURN_WOKEN | 1 << TURN_OVER,
        [TURN_WOKEN] = 1 << TURN_WALKS | 1 << TURN_OVER,
        [TURN_CALLS] = 1 << TURN_RETURNED | 1 << TURN_OVER,
        [TURN_RETURNED] = 1 << TURN_WALKS | 1 << TURN_OVER,
        [TURN_OVER] = 0,
    };
    ROWS(may, N_TURN_ATS, 6);
    assert(may[turn->at] & 1 << next);
    turn->at = next;
}

/* What the timeout of a section leaves of the current phase, counted from the first question;
 * UINT64_MAX: there is no limit. */
static inline uint64_t turn_left_ms(struct turn *turn, const struct instance *in)
{
    uint64_t now = turn->txn->loop->now_ms, timeout = in->policy.timeout_ms;
    if (!turn->waits.due_ms)
        turn->waits.due_ms = timeout ? now + timeout : UINT64_MAX;
    if (turn->waits.due_ms == UINT64_MAX)
        return UINT64_MAX;
    return turn->waits.due_ms > now ? turn->waits.due_ms - now : 0;
}

/* Does a change of the current body make the host edit content-length? */
bool turn_fits_length(const struct turn *turn);

enum turn_state {
    TURN_DONE, /* turn->verdict says what to do with the event           */
    TURN_WAITS /* turn->wake(turn->wake_arg) will ask for a turn_run() */
};

/* Takes an event that its direction may run, and readies the turn. 0, or -ENOMEM: turn_end() is all
 * that may follow. */
int turn_begin(struct turn *turn, struct txn *t, struct event *event, struct arena *arena);
/* These directions (1 << LANE_x) are to be checked against the needs of plugins. */
void turn_check(struct turn *turn, unsigned unmet);
/* Runs the chain from where it stands. */
enum turn_state turn_run(struct turn *turn);
/* What waits are woken with: see struct wait_for. */
void turn_woken(void *arg, enum extproc_wake why, void *result);
bool turn_busy(void *arg);
/* One that waits will not go on: turn_end() is all that may follow. */
void turn_cancel(struct turn *turn);
/* Is the event's phase a fallback of the instance in this place, for headers that were skipped? */
bool turn_falls_back(const struct turn *turn, uint16_t place);
/* Notes that the verdict, which is not CLOSE, is sent as an answer that is owed. Not for a proxy
 * that only observes. */
void turn_answer(struct turn *turn);
/* Call it after the verdict was sent: it commits edits, keeps what later phases may read, and
 * releases the rest of the turn. Also after a turn that was never run. False: a callback that was
 * too late still runs in the pool, and may read all of it; turn->free(turn->wake_arg) follows, and
 * is to call turn_release(). */
bool turn_end(struct turn *turn);
void turn_release(struct turn *turn);

#endif
