/* direction: one direction of a transaction: what has come, what may come, what is owed.
 *
 * Two tables. What may come next, [state][arrival]:
 *
 *     IDLE ──headers──► HEADERS ──chunk──► BODY ──chunk──► ...
 *       │                  │                 │
 *       │                  └──whole──► WHOLE │        an arrival that says `end`, and trailers,
 *       │                                │   │        lead to OVER from every one of these;
 *       └── a body or trailers first ────┴───┴──► OVER   an answer may lead to DEAF
 *
 * What is owed for it, [owed][answer]: nothing where the proxy only observes, else one answer of
 * its own kind, or many where the mode of the body says so.
 */
#ifndef EXTPROCD_HTTP_DIRECTION_H
#define EXTPROCD_HTTP_DIRECTION_H

#include "http/event.h"

enum direction_state {
    DIRECTION_IDLE,    /* nothing has come                            */
    DIRECTION_HEADERS, /* headers have; a body or trailers may        */
    DIRECTION_BODY,    /* chunks have; more of them or trailers may   */
    DIRECTION_WHOLE,   /* the complete body has; trailers may         */
    DIRECTION_OVER,    /* nothing further may come                    */
    DIRECTION_DEAF,    /* what still comes needs no answer            */
    N_DIRECTION_STATES
};

/* What an event is to its direction. If one message has the complete body, it is WHOLE; in every
 * other mode a body message is a chunk. */
enum arrival {
    ARRIVAL_HEADERS,
    ARRIVAL_HEADERS_END,
    ARRIVAL_CHUNK,
    ARRIVAL_CHUNK_END,
    ARRIVAL_WHOLE,
    ARRIVAL_WHOLE_END,
    ARRIVAL_TRAILERS,
    N_ARRIVALS
};

enum task {
    TASK_REFUSE, /* invalid here                      */
    TASK_RUN,    /* to be taken, and run by the chain */
    TASK_IGNORE  /* no answer is owed                 */
};

enum owed {
    OWED_NOTHING,
    OWED_HEADERS, /* one answer to the headers, ... */
    OWED_BODY,
    OWED_TRAILERS,
    OWED_STREAM,  /* any number of body answers     */
    OWED_NO_MORE, /* and it never will be           */
    N_OWED
};

enum answer_kind {
    ANSWER_HEADERS,
    ANSWER_BODY,
    ANSWER_TRAILERS,
    ANSWER_REPLACE, /* the headers', with a body in place of what would come */
    ANSWER_INSTEAD, /* an immediate response: for both directions, the last  */
    N_ANSWERS
};

struct direction {
    enum direction_state state;
    enum owed owed;
    enum body_mode mode; /* as the proxy sent it, else as configured */
    uint8_t came;        /* parts (1 << PART_x) that were taken     */
    bool has_bytes;      /* of its body, one at least came          */
};

/* ---- what may come --------------------------------------------------------------------------- */

/* What to do with an event. */
enum task direction_asks(const struct direction *d, const struct event *event);
/* Takes an event that will be run: it has come, and its answer is owed. */
void direction_take(struct direction *d, const struct event *event);
/* Ends it: no event of it is expected, and one that still comes is ignored. */
void direction_close(struct direction *d);

/* Why a part is refused in a state; follows directly after the words "the request". */
const char *direction_refusal(const struct direction *d, enum part part);
/* "IDLE", ... */
const char *direction_name(enum direction_state state);

/* ---- what is owed ---------------------------------------------------------------------------- */

bool direction_owes(const struct direction *d, enum answer_kind answer);
/* It is given. It was owed. */
void direction_answer(struct direction *d, enum answer_kind answer);

/* ---- questions ------------------------------------------------------------------------------- */

static inline bool direction_came(const struct direction *d, enum part part)
{
    return d->came & 1u << part;
}
/* True if no answer is due now. A stream may be answered at any time. */
static inline bool direction_is_settled(const struct direction *d)
{
    return d->owed == OWED_NOTHING || d->owed == OWED_STREAM || d->owed == OWED_NO_MORE;
}
/* Nothing further will come, or none of it will be shown to plugins. */
static inline bool direction_is_over(const struct direction *d)
{
    return d->state == DIRECTION_OVER || d->state == DIRECTION_DEAF;
}
/* The proxy has gone on with its headers, as far as it is up to us: they were answered or skipped,
 * and are not held back for the body. */
bool direction_has_passed(const struct direction *d);
/* Parts (1 << PART_x) that may still come. */
unsigned direction_may_come(const struct direction *d);

/* Is it complete, or would the proxy send more of it? If neither the state nor the mode decides
 * that, `awaited` does: the parts (1 << PART_x) that the proxy sends of a message that has them.
 *   Nothing has come:     its headers may have been skipped, or it was aborted before they came.
 *   Headers, mode UNKNOWN: a body may follow, or may not be sent to us.
 * Trailers are never waited for: the proxy sends none for a message that has none. A body without a
 * last chunk is not complete, although the proxy also sends nothing when it skips the trailers. */
bool direction_is_complete(const struct direction *d, unsigned awaited);

#endif
