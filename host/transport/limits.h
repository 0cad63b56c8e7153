/* limits: clients that go beyond what a listener lets them: counted, and told. */
#ifndef EXTPROCD_TRANSPORT_LIMITS_H
#define EXTPROCD_TRANSPORT_LIMITS_H

#include "transport/transport.h"

enum limit {
    LIMIT_MESSAGE,
    LIMIT_HEADER_LIST,
    LIMIT_STREAMS,
    LIMIT_CONNECTIONS,
    LIMIT_IDLE,
    LIMIT_AGE,
    LIMIT_HANDSHAKE,
    LIMIT_TLS,
    LIMIT_WRITE,
    LIMIT_QUEUED,
    LIMIT_CONTINUATIONS,
    LIMIT_RESETS,
    LIMIT_IDLES,
    N_LIMITS
};

struct limits {
    struct log *log;
    struct metric *metrics[N_LIMITS]; /* NULL: not counted */
};

void limits_init(struct limits *limits, const struct transport_options *options);
/* Once more; `detail` is what the log adds, NULL: nothing. */
void limits_exceeded(const struct limits *limits, enum limit which,
                     const struct transport_listener *listener, const char *detail);

#endif
