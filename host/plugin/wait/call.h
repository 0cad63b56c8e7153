/* call: one call of a plugin in a thread of the pool (`blocking = yes`).
 *
 *     RUNS ──it has returned──► RETURNED
 *      │ ╲  its time is over, or the transaction is, before a thread has taken it: it never runs
 *      │  ╲──────────────────────────────────────────────────────────────────────► ENDED
 *      │ the same, while it runs                                                     ▲
 *      ▼                                                                             │
 *     REVOKED ──it has returned──────────────────────────────────────────────────────┘
 *
 * While it RUNS the transaction is the pool's thread's: the loop's does not touch anything that the
 * plugin can reach. From REVOKED on the transaction is the loop's again: what the callback still
 * calls is refused (see api/guard), and what it has returned is not looked at. But it may go on
 * reading what it was shown, so that memory has to stay until it has ENDED.
 */
#ifndef EXTPROCD_PLUGIN_WAIT_CALL_H
#define EXTPROCD_PLUGIN_WAIT_CALL_H

#include "http/phase.h"
#include "plugin/instance.h"
#include "plugin/wait/wait.h"

enum call_of { CALL_OF_OPEN, CALL_OF_PHASE, CALL_OF_RESUME, CALL_OF_CLOSE };

struct call;

/* What is to be called, and by whom. All calls of functions here are made in the loop's thread. */
struct call_plan {
    struct extproc_txn *x;
    struct instance *instance;
    struct generation *generation; /* the instance's */
    enum call_of of;
    enum phase phase; /* of CALL_OF_PHASE */
    const char *name; /* for a line about the end of the process: "open", "request_headers", ... */
    enum extproc_wake
        why; /* of CALL_OF_RESUME, with its result, which is dropped if it never runs */
    void *result;
    void (*drop)(struct extproc_instance *, void *result); /* may be NULL */
    enum extproc_end end;                                  /* of CALL_OF_CLOSE */
    uint64_t limit_ms;                                     /* UINT64_MAX: without end */
    /* In time. The caller's to call_free(). */
    void (*returned)(void *arg);
    /* The time is over. runs: call_ended follows; else the caller's to call_free(). */
    void (*late)(void *arg, bool runs);
    /* One that was revoked has ended. The caller's to call_free(). */
    void (*ended)(void *arg, struct call *call);
    void *arg;
};

/* How the callback wants to wait, until it has returned. */
enum call_asked { CALL_ASKED_NOTHING, CALL_ASKED_DEFER, CALL_ASKED_AFTER, CALL_ASKED_WORK };

/* Drawn above. */
enum plugin_call_state { CALL_RUNS, CALL_RETURNED, CALL_REVOKED, CALL_ENDED, N_PLUGIN_CALL_STATES };

struct call {
    struct call_plan plan;
    enum plugin_call_state state;
    struct waits *waits;
    struct wait *wait; /* for its end */
    bool never;        /* no thread has taken it, and none will */
    int r;             /* of open() */
    enum extproc_action action;

    /* The pool's thread has the transaction while it holds the lock and it was not revoked. */
    pthread_mutex_t mutex;
    bool revoked;

    /* What the callback asks for; when it began: */
    enum call_asked asked;
    struct wait *spare; /* for CALL_ASKED_DEFER; NULL: the plugin cannot */
    uint32_t ms;        /* of DEFER and AFTER */
    struct work work;   /* of WORK; `what` is of all */
    uint64_t now_ms;
    size_t held; /* as waits_exceed() has it; 0: within the limit */
};

/* Puts it into the pool. 0; -EAGAIN: too much waits for the threads, or it has ended; -ENOMEM.
 * CALL_OF_CLOSE may wait in any number, its time has no limit, and only `ended` is called of it. */
int call_begin(const struct call_plan *plan, struct waits *waits, struct call **ret);
/* The transaction waits for it no longer. True: it runs, and `ended` follows; false: the
 * caller's to call_free(). */
bool call_revoke(struct call *call);
/* It has RETURNED or ENDED. What it has asked for and did not get is dropped. NULL does nothing. */
struct call *call_free(struct call *call);

/* What the callback has asked for begins, now that it has returned. 0 with *ret (NULL: it has asked
 * for nothing); -EAGAIN: see wait_work(); -ENOMEM. */
int call_wait(struct call *call, uint64_t limit_ms, struct wait **ret);

/* In the pool's thread, around what the callback does to its transaction. False: that was
 * taken back. Both may be called again inside. */
bool call_enter(struct call *call);
void call_leave(struct call *call);

#endif
