/* txn: one transaction as a chain sees it: the maps as they stand, and each instance's handle.
 *
 * turn: one event on its way through the chain. The cursor can stop at any plugin and go on later;
 * what a turn holds (the event, its memory) stays until the turn is over.
 *
 *     session ── turn_begin(event) ── turn_run() ──► TURN_DONE: turn->verdict ── turn_end()
 *
 * Driven by events alone: it knows neither ext_proc nor threads nor processes.
 */
#ifndef EXTPROCD_PLUGIN_TXN_H
#define EXTPROCD_PLUGIN_TXN_H

#include "base/loop.h"
#include "http/event.h"
#include "http/framing.h"
#include "http/rules.h"
#include "http/verdict.h"
#include "plugin/generation.h"
#include "plugin/undo.h"

/* What is known of a direction so far. */
struct txn_lane {
    struct headers headers, trailers;
    struct tree attributes; /* what was kept of its first message */
    enum body_mode mode;    /* UNKNOWN until it is known, by the first message or the body */
    bool headers_seen, body_seen, trailers_seen;
    bool headers_here, trailers_here; /* they can be read: they came and were not dropped */
    bool bytes_seen;                  /* of its body, one at least */
    bool changed;                     /* its body is, or is going to be */
    bool passed;                      /* the headers phase is over, or was skipped */
    bool ended;                       /* nothing more will come, or be shown to anyone */
};

struct handle; /* an instance's struct extproc_txn, and what the host keeps beside it */

struct txn {
    struct generation *generation; /* a reference */
    const struct chain *chain;     /* NULL: nobody is interested */
    const struct rules *rules;     /* of its proxy, HTTP's own until they are set; they must stay */
    struct loop *loop;             /* in which it lives */
    struct arena *arena;           /* the transaction's life */
    struct extproc_str id;         /* see txn_id() */
    const char *peer;              /* whose transaction it is, for the log; NULL: not known */
    struct txn_lane lanes[N_LANES];
    struct request_kind request; /* as the client made it, whatever plugins edit */
    uint16_t status; /* of the response, edits that were committed included; 0: unknown */
    bool observing;
    struct tree metadata;       /* the latest kept that was not empty */
    struct metadata_told *told; /* by plugins in earlier phases; NULL: nothing */
    struct extproc_str *held;   /* a request's new body until the old one has come; NULL: none */
    struct handle *handles;     /* chain->n_instances; NULL until the first call */
    struct turn *turn;          /* whose callback, or open(), runs now; NULL: close(), or none */
    size_t max_answer;          /* bytes of the largest that may be sent; 0: any */
};

/* Takes a reference to the generation. The arena must outlive the txn. No memory is taken from it
 * before the first event. */
void txn_init(struct txn *t, struct generation *g, const struct chain *chain, struct loop *loop,
              struct arena *arena);
/* close() of every instance that was opened, the reference dropped. Exactly once. */
void txn_end(struct txn *t, enum extproc_end why);

/* Will any plugin be called after what has come so far? If not, nothing of it need be kept. */
bool txn_wants_later(const struct txn *t);

/* Whether the message of a direction may have a body, by its headers as they are now. */
enum framing txn_framing(const struct txn *t, enum lane lane);
/* A body of so many bytes fits into no answer. */
static inline bool txn_exceeds_answer(const struct txn *t, size_t len)
{
    return t->max_answer && len > t->max_answer;
}

/* For the log: x-request-id, else the attribute request.id of a proxy that skips request headers, else
 * one of our own, made at the first question. */
struct extproc_str txn_id(struct txn *t);
/* Where a line about it comes from: the peer and the transaction. */
struct log_context txn_log_context(struct txn *t);
/* Where it is in the request headers: keeps it, before they are dropped. */
void txn_keep_id(struct txn *t);

/* What a callback has decided so far; it counts once it returned without having failed. */
struct decided {
    bool sets_body, clears_route;
    bool answers; /* with turn->answer */
};

struct turn {
    struct txn *txn;
    struct event *event;
    struct arena *arena; /* the message's life */
    enum body_mode mode; /* of the event's direction */
    bool first;          /* the direction's first event */
    bool whole;          /* a body phase: all of the body is in hand */

    unsigned unmet;       /* lanes (1 << LANE_x) whose body does not come as its mode tells */
    unsigned allowed;     /* rules_allow(), less what this transaction rules out */
    uint16_t cursor;      /* next place in chain->calls[event->phase] */
    uint16_t body_cursor; /* once replaced: next place in the calls of the body phase */
    bool replaced;        /* in a headers phase: event->body is the replacement */
    bool clears_route;    /* somebody asked, and edited a header */

    /* of the current callback */
    enum phase phase; /* the event's, or the body phase behind a replacement */
    struct decided decided;
    struct undo undo;

    struct metadata metadata;
    struct answer answer;
    struct verdict verdict; /* when done */
};

/* Does a change of the body in hand make the host edit content-length? */
bool turn_fits_length(const struct turn *turn);

enum turn_state {
    TURN_DONE /* turn->verdict says what is to become of the event */
};

/* Takes note of an event that has a phase (its map, what has ended) and readies the turn. 0, or
 * -ENOMEM: turn_end() is all that may follow. */
int turn_begin(struct turn *turn, struct txn *t, struct event *event, enum body_mode mode,
               struct arena *arena);
/* Runs the chain from where it stands. */
enum turn_state turn_run(struct turn *turn);
/* Is the event's phase a fallback of the instance in this place, for headers that were skipped? */
bool turn_falls_back(const struct turn *turn, uint16_t place);
/* The verdict has been told: edits are committed, what later phases may read is kept, the rest of
 * the turn is released. Also after a turn that was never run. */
void turn_end(struct turn *turn);

#endif
