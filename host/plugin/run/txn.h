/* txn: one transaction as a chain sees it: both directions, the maps as they stand, and each
 * instance's handle. Events run through it in turns (turn.h).
 *
 * Driven by events alone: it knows neither protocols nor threads nor processes.
 */
#ifndef EXTPROCD_PLUGIN_RUN_TXN_H
#define EXTPROCD_PLUGIN_RUN_TXN_H

#include "base/loop/loop.h"
#include "http/direction.h"
#include "http/message/metadata.h"
#include "http/rules/framing.h"
#include "http/rules/rules.h"
#include "plugin/generation.h"

struct turn;

/* What is kept of a direction. */
struct txn_lane {
    struct direction direction;
    struct headers headers, trailers;
    struct tree attributes;           /* of its first message */
    struct turn *waiting;             /* for a plugin; NULL: none */
    bool headers_here, trailers_here; /* they can be read: they came and were not dropped */
    bool changed;                     /* its body is, or is going to be */
    bool editing; /* a turn may edit its maps, whose memory is that turn's: for others they are not
                   * there */
};

struct trial;
struct handle; /* an instance's struct extproc_txn, and what the host keeps beside it */

struct txn {
    struct generation *generation; /* a reference */
    const struct chain *chain;     /* NULL: not selected yet, or no plugin is interested */
    const struct rules *rules;     /* of its proxy, HTTP's own until they are set; they must stay */
    struct loop *loop;             /* in which it lives */
    struct arena *arena;           /* the transaction's life */
    struct arena_budget memory;    /* of its arena and its messages', where it has a limit */
    struct extproc_str id;         /* see txn_id() */
    const char *listener;          /* where it came in, for the log; NULL: not known */
    const char *peer;              /* whose transaction it is, the same */
    /* A value of the metadata that its stream began with, by name; NULL: there is none. */
    struct extproc_str (*field)(const struct txn *t, const char *name);
    struct txn_lane lanes[N_LANES];
    struct request_kind request; /* as the client made it, whatever plugins edit */
    uint16_t status; /* of the response, edits that were committed included; 0: unknown */
    bool observing;
    bool lent; /* to a thread of the pool, whose callback may reach all of it: hands off */
    struct tree metadata;       /* the latest kept that was not empty */
    struct metadata_sent *sent; /* by plugins in earlier phases; NULL: nothing */
    struct extproc_str *held;   /* a request's new body until the old one has come; NULL: none */
    struct kept *kept;          /* bytes that plugins hold; NULL: none */
    struct handle *handles;     /* chain->n_instances; NULL until the first call */
    struct trial *trials;       /* of its chain's plugins in shadow; NULL: none has begun */
    struct turn *turn;          /* whose callback, or open(), runs now; NULL: close(), or none */
    struct txn_calls *calls;    /* of callbacks in the pool; NULL: there was none */
    size_t max_answer;          /* bytes of the largest that may be sent; 0: any */
};

/* Takes a reference to the generation. The arena must outlive the txn. No memory is taken from it
 * before the first event. */
void txn_init(struct txn *t, struct generation *g, struct loop *loop, struct arena *arena);
/* close() of every instance that was opened, the reference dropped. Exactly once. False: a callback
 * still runs in the pool, and ended(arg) follows: until then the transaction's memory stays. */
bool txn_end(struct txn *t, enum extproc_end why, void (*ended)(void *arg), void *arg);

/* For the arena of one of its messages. NULL: there is no limit. */
static inline struct arena_budget *txn_budget(struct txn *t)
{
    return t->arena->budget;
}
/* If memory was refused since the last call: logs and counts it. context NULL: the transaction's
 * own. */
void txn_report_memory(struct txn *t, const struct log_context *context);

/* True if nothing further of a direction will come, or none of it will be shown to plugins. What
 * follows the headers of a body that is held is not shown. */
static inline bool txn_is_over(const struct txn *t, enum lane lane)
{
    return direction_is_over(&t->lanes[lane].direction) || (t->held && lane == LANE_REQUEST);
}
/* Makes the handles of its chain's instances, where they are not there. False: out of memory. */
bool txn_ready_handles(struct txn *t);
/* Will any plugin be called after what has come so far? If not, nothing of it need be kept. */
bool txn_wants_later(const struct txn *t);

/* What is looked at of a transaction now: the event at hand (NULL: none is), which may not have
 * been taken yet, and the metadata that plugins send with its answer (NULL: none). */
struct txn_view {
    struct txn *txn;
    struct event *event;
    struct arena *arena; /* the event's, else the transaction's */
    const struct metadata *sent;
};
/* As plugins see them. */
struct extproc_value txn_attribute(const struct txn_view *view, struct extproc_str name);
struct extproc_value txn_metadata(const struct txn_view *view, struct extproc_str ns);
/* For conditions; a view of the view. */
struct facts txn_facts(struct txn_view *view);

/* Judges the conditions of the instance in a place of the chain, as far as a direction depends on
 * them: once, when it is first asked. Those on the response decide about the response only. Phases
 * that it does not take part in are noted as skipped in its handle, which must be there. False: it
 * cannot be decided, because of *ret_failed. */
bool txn_judge(struct txn_view *view, uint16_t place, enum lane lane,
               const struct condition **ret_failed);

/* Whether the message of a direction may have a body, by its headers as they are now. */
enum framing txn_framing(const struct txn *t, enum lane lane);
/* A body of this length does not fit into an answer. */
static inline bool txn_exceeds_answer(const struct txn *t, size_t len)
{
    return t->max_answer && len > t->max_answer;
}

/* For the log: x-request-id, else the attribute of a proxy that skips request headers
 * (rules->hints.id), else one of our own, made at the first question. */
struct extproc_str txn_id(struct txn *t);
/* Where a line about it comes from: the listener, the peer and the transaction. */
struct log_context txn_log_context(struct txn *t);
/* Where it is in the request headers: keeps it, before they are dropped. */
void txn_keep_id(struct txn *t);

#endif
