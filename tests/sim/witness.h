/* witness: what must hold when a plugin is called, and what must follow when it returns.
 *
 * Undo is exact: a callback that fails or holds has spoilt all it can, and the next one that is
 * called must see what it has seen when it began. Nothing else changes a message: each callback
 * sees what the one before it has left, in its own message and in later ones.
 */
#ifndef EXTPROCD_TESTS_SIM_WITNESS_H
#define EXTPROCD_TESTS_SIM_WITNESS_H

#include "record.h"

enum {
    WITNESS_REQUEST =
        EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_REQUEST_TRAILERS,
    WITNESS_RESPONSE = EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY |
                       EXTPROC_PHASE_RESPONSE_TRAILERS,
    WITNESS_BODIES = EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY,
    WITNESS_TRAILERS = EXTPROC_PHASE_REQUEST_TRAILERS | EXTPROC_PHASE_RESPONSE_TRAILERS,
    WITNESS_STATUS = 403 /* of the plugins' own responses */
};

/* x->ctx is the plugin's seat. */
static inline bool is_body(const struct extproc_txn *x)
{
    return (uint32_t)x->phase & WITNESS_BODIES;
}
static inline bool is_trailers(const struct extproc_txn *x)
{
    return (uint32_t)x->phase & WITNESS_TRAILERS;
}
static inline enum lane lane_of(const struct extproc_txn *x)
{
    return extproc_is_response(x) ? LANE_RESPONSE : LANE_REQUEST;
}
static inline struct memo *memo_of(struct extproc_txn *x)
{
    struct seat *seat = x->ctx;
    return &seat->memos[lane_of(x)];
}

/* A callback begins, or goes on after a wait. */
void witness_enter(struct extproc_txn *x, bool resumes);
/* It ends with this, which is returned. */
enum extproc_action witness_leave(struct extproc_txn *x, enum extproc_action action);

#endif
