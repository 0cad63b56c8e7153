/* lane: one direction of a transaction: what may come next, as a table [state][arrival].
 *
 *     IDLE ──headers──► HEADERS ──chunk──► BODY ──chunk──► ...
 *       │                  │                 │
 *       │                  └──whole──► WHOLE │        an arrival that says `end`, and trailers,
 *       │                                │   │        lead to OVER from every one of these;
 *       └── a body or trailers at once ──┴───┴──► OVER   a verdict may lead to DEAF
 */
#ifndef EXTPROCD_SESSION_LANE_H
#define EXTPROCD_SESSION_LANE_H

#include "http/event.h"

enum lane_state {
    LANE_IDLE,    /* nothing has come                            */
    LANE_HEADERS, /* headers have; a body or trailers may        */
    LANE_BODY,    /* chunks have; more of them or trailers may   */
    LANE_WHOLE,   /* the whole body has; trailers may            */
    LANE_OVER,    /* nothing may come any more                   */
    LANE_DEAF,    /* what still comes needs no answer            */
    N_LANE_STATES
};

/* What an event is to its lane. Of a body in mode BUFFERED there is one message, the whole of it; in
 * every other mode a body message is a chunk. */
enum lane_arrival {
    ARRIVAL_HEADERS,
    ARRIVAL_HEADERS_END,
    ARRIVAL_CHUNK,
    ARRIVAL_CHUNK_END,
    ARRIVAL_WHOLE,
    ARRIVAL_WHOLE_END,
    ARRIVAL_TRAILERS,
    N_ARRIVALS
};
enum lane_arrival lane_arrival(enum part part, bool end, enum body_mode mode);

enum lane_task {
    LANE_REFUSE, /* illegal here; `next` says nothing  */
    LANE_RUN,    /* one turn of the chain, one verdict */
    LANE_IGNORE  /* no verdict is owed                 */
};
struct lane_step {
    enum lane_task task;
    enum lane_state next;
};
struct lane_step lane_step(enum lane_state state, enum lane_arrival arrival);

/* Is a direction in this state complete, or would the proxy send more of it? Where neither the state
 * nor the mode can tell, `awaited` does: the parts (1 << PART_x) that the proxy sends of a message
 * that has them.
 *   Nothing has come:     its headers may have been skipped, or it was cut before they came.
 *   Headers, mode UNKNOWN: a body may follow, or pass by unseen.
 * Trailers are never waited for: the proxy sends none of a message that has none. A body of which no
 * chunk was the last is not complete: the proxy would skip its trailers in the same silence. */
bool lane_complete(enum lane_state state, enum body_mode mode, unsigned awaited);

/* "IDLE", ... */
const char *lane_state_name(enum lane_state state);
/* Why a part is refused in a state, to follow right behind the words "the request". */
const char *lane_refusal(enum lane_state state, enum part part);

#endif
