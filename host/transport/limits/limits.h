/* limits: clients that exceed what a listener lets them have: counted, and logged. */
#ifndef EXTPROCD_TRANSPORT_LIMITS_LIMITS_H
#define EXTPROCD_TRANSPORT_LIMITS_LIMITS_H

#include "transport/transport.h"

/* What happened. Those with one key share its counter. */
enum limit {
    LIMIT_MESSAGE,
    LIMIT_HEADER_LIST,
    LIMIT_HEADER_BURST, /* so far beyond max_header_list that the connection is closed */
    LIMIT_STREAMS,
    LIMIT_CONNECTIONS,
    LIMIT_ROOM,        /* the same, and an idle one made room */
    LIMIT_DESCRIPTORS, /* of the process; an idle connection made room */
    LIMIT_IDLE,
    LIMIT_AGE,
    LIMIT_GRACE,
    LIMIT_HANDSHAKE,
    LIMIT_FIRST_MESSAGE,
    LIMIT_MESSAGE_REST, /* of one that is not the first */
    LIMIT_FRAME_REST,   /* of a frame, a header block, a TLS record */
    LIMIT_WRITE,
    LIMIT_STALL, /* of one stream */
    LIMIT_QUEUED,
    LIMIT_HELD,
    LIMIT_CONTINUATIONS,
    LIMIT_RESETS,
    LIMIT_IDLES,
    N_LIMITS
};

struct limits {
    struct loop *loop;
    struct log *log;
    struct metric *metrics[N_LIMITS], *tls_failed; /* NULL: not counted */
};

/* Where the limit was exceeded. */
struct limit_place {
    const struct transport_listener *listener;
    const char *peer;               /* NULL: not known */
    struct extproc_str transaction; /* NULL: there is none, or it is not known yet */
    uint32_t stream;                /* its number on the connection; 0: none, or not known */
};

void limits_init(struct limits *limits, const struct transport_options *options);
/* Once more. amount: what was seen, for those whose line says it; else NULL. */
void limits_exceeded(const struct limits *limits, enum limit which, const struct limit_place *place,
                     const char *amount);
/* Not a limit, but counted and logged in the same way: TLS has failed. */
void limits_tls_failed(const struct limits *limits, const struct limit_place *place,
                       const char *why);

#endif
