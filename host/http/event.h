/* event: what the proxy reports of a transaction, in any protocol. */
#ifndef EXTPROCD_HTTP_EVENT_H
#define EXTPROCD_HTTP_EVENT_H

#include "http/message/body.h"
#include "http/message/value.h"
#include "http/mode.h"
#include "http/phase.h"

/* How the proxy means to send this transaction. */
struct protocol {
    enum body_mode body_mode[N_LANES];
};

struct event {
    bool has_phase; /* false: nothing of the message itself, so nothing to answer */
    enum phase phase;
    enum lane lane; /* the phase's; event_is() sets all three */
    enum part part;
    bool end;       /* nothing follows in this direction */
    bool observing; /* the proxy does not listen to answers */
    bool has_protocol;
    struct protocol protocol;

    /* PART_HEADERS, PART_TRAILERS: names lower case, bytes borrowed from the message */
    const struct extproc_header *headers;
    size_t n_headers;
    /* PART_BODY */
    struct body body;

    struct tree attributes; /* a DICT of this direction's attributes, by name    */
    struct tree metadata;   /* a DICT of namespaces, each a DICT                 */
};

static inline void event_is(struct event *event, enum phase phase)
{
    event->has_phase = true;
    event->phase = phase;
    event->lane = phase_lane(phase);
    event->part = phase_part(phase);
}

#endif
