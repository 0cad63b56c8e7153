/* coverage: what the proxies of one listener are known to send, and which plugins miss a phase of
 * it.
 *
 * A processing mode may skip any phase, and of headers and trailers the proxy never says which.
 * What is known beside the protocol is what the operator has written down and what has come before.
 * One of each listener in a loop; its sessions share it.
 */
#ifndef EXTPROCD_SESSION_COVERAGE_H
#define EXTPROCD_SESSION_COVERAGE_H

#include "plugin/run/txn.h"

struct turn;

/* What the configuration says of a listener, as far as it is of sessions. */
struct session_listener {
    const char *name;              /* of its section, for the log                          */
    const struct rules *rules;     /* of its proxies, lent to every session; NULL: HTTP's own */
    enum body_mode modes[N_LANES]; /* of its keys, for proxies that do not say             */
};

struct coverage {
    const struct session_listener *listener;
    uint32_t seen; /* phase bits: have come in some transaction */

    const struct generation *generation;
    struct coverage_chain *chains; /* what was reported of each of its chains */
    uint32_t interest;             /* phase bits: of all of them */
    unsigned holding;              /* directions (1 << LANE_x) of coverage_holds_tunnels() */
    unsigned n_unanswered; /* transactions without a response, before the first that had one */
};

/* Lives in the arena. The listener and the generation must stay. 0 or -ENOMEM. */
int coverage_init(struct coverage *c, const struct session_listener *listener,
                  const struct generation *g, struct arena *arena);

/* Phases that do not come in this transaction: once for each plugin that takes part in one, and for
 * each that has a condition on one, a warning that names the proxy's setting; and for the former
 * the counter phases_missed. turn: the event that shows
 * it, which may be a fallback for headers; NULL: the end of the transaction. */
void coverage_report(struct coverage *c, struct txn *t, const struct turn *turn, uint32_t missing);
/* A response has come and nothing of its request, on a listener whose proxies send requests, and a
 * plugin needs the request's body, which this mode does not send: once a warning. The proxy may
 * have answered by itself, or this route may skip what others send, and nothing in the response
 * says which. */
void coverage_unseen(struct coverage *c, struct txn *t, const struct turn *turn,
                     enum body_mode mode);
/* The proxy skips a direction's headers and sends its body complete: once a warning, since it holds
 * an upgrade back until there is a body. */
void coverage_holds_tunnels(struct coverage *c, struct txn *t, struct log *log, enum lane lane);
/* The transaction has ended without a response, and none has ever come; these phases of it are
 * missing. It may be that the client has left: so the first one is only noted. */
void coverage_unanswered(struct coverage *c, struct txn *t, uint32_t missing);

#endif
