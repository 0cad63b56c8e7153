/* handle: one instance's view of one transaction: what the plugin sees, and what the host keeps
 * beside it. One cache line.
 */
#ifndef EXTPROCD_PLUGIN_RUN_HANDLE_H
#define EXTPROCD_PLUGIN_RUN_HANDLE_H

#include "plugin/run/turn.h"
#include "plugin/wait/call.h"

enum { ALL_PHASES = (1 << N_PHASES) - 1 };

struct handle {
    struct extproc_txn pub; /* first: what the plugin sees; all zero until open() */
    struct txn *txn;
    uint8_t skipped; /* phase bits: not called again */
    uint8_t judged;  /* of its conditions: see txn_chooses() */
    bool opened;     /* close() is owed */
    bool failed;     /* no callback of it may decide anything further */
};

/* Of a transaction whose plugins have callbacks in the pool. */
struct txn_calls {
    unsigned n_late; /* calls that run, and that no turn waits for */
    /* Once the transaction ends: calls it when that may go on. */
    void (*go_on)(struct txn *t);
    enum extproc_end why;
    uint16_t closing; /* the next place to be closed; 0: none was */
    void (*ended)(void *arg);
    void *ended_arg;
    struct call *of[]; /* of each place; NULL: none */
};

static inline struct handle *handle_of(struct extproc_txn *x)
{
    return (struct handle *)x;
}
static inline const struct instance *handle_instance(const struct handle *h)
{
    return (const struct instance *)h->pub.instance;
}

/* The call of its plugin that the pool has; NULL: none. Any thread, while that call runs. */
static inline struct call *handle_call_of(const struct handle *h)
{
    const struct txn *t = h->txn;
    return t->calls ? t->calls->of[h - t->handles] : NULL;
}

/* Where memory until the callback returns comes from; in close() there is no turn. */
static inline struct arena *handle_scratch(const struct handle *h)
{
    return h->txn->turn ? h->txn->turn->arena : h->txn->arena;
}

/* The turn of a callback; NULL in open() and close(). */
static inline struct turn *handle_turn(const struct handle *h)
{
    return h->pub.phase ? h->txn->turn : NULL;
}

/* Calls the plugin in a place of the chain, in a phase of the turn: open() first where it is owed,
 * then the callback. CONTINUE, RESPOND (turn->answer is set), WAIT (turn->waits.wait is), HOLD, or
 * FAIL: of a failure the log has the reason. */
enum extproc_action handle_call(struct turn *turn, uint16_t place, enum phase phase);
/* The same for the plugin that waited, with what has woken it. */
enum extproc_action handle_resume(struct turn *turn);
/* The proxy does not send the body of a direction as the plugin in this place needs it: open()
 * first where it is owed (but not in the pool), which may skip the body's phase. CONTINUE where it
 * is skipped; else FAIL, and the log has the reason. called: it is the plugin that was just called,
 * and the mark before that stays. */
enum extproc_action handle_miss(struct turn *turn, uint16_t place, enum lane lane, bool called);
/* Whether the plugin in this place takes part cannot be decided, because of a condition: FAIL, and
 * the log has the reason. */
enum extproc_action handle_undecided(struct turn *turn, uint16_t place, enum phase phase,
                                     const struct condition *condition);
/* close(), where it is owed. */
void handle_close(struct handle *h, enum extproc_end why);

/* Remembers why a call of the plugin's was refused, for the line that is logged if its callback
 * fails. r, for the caller to return; without a why extproc_strerror() has the words. */
int handle_refuse(struct handle *h, const char *call, struct extproc_str subject, int r);
int handle_refuse_why(struct handle *h, const char *call, struct extproc_str subject, int r,
                      const char *why);
/* The plugin says itself why it fails. key absent: the text. */
void handle_fail(struct handle *h, struct extproc_str key, struct extproc_str why);

/* A line with transaction, plugin and phase. */
EXTPROC_PRINTF(3, 4)
void handle_log(struct handle *h, enum extproc_level level, const char *fmt, ...);
EXTPROC_PRINTF(3, 0)
void handle_vlog(struct handle *h, enum extproc_level level, const char *fmt, va_list ap);
void handle_log_text(struct handle *h, enum extproc_level level, struct extproc_str key,
                     struct extproc_str text);

#endif
