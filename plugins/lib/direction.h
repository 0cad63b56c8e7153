/* direction: which of a transaction's two messages a callback is about. For plugins that do the
 * same to both, with one callback and one array of two. */
#ifndef EXTPROC_LIB_DIRECTION_H
#define EXTPROC_LIB_DIRECTION_H

#include <extproc/plugin.h>

enum direction { REQUEST, RESPONSE, N_DIRECTIONS };

static const char *const direction_names[N_DIRECTIONS] = {"request", "response"};

/* In a phase; open() and close() have none. */
static inline enum direction direction_of(const struct extproc_txn *x)
{
    unsigned responses =
        EXTPROC_ON_RESPONSE_HEADERS | EXTPROC_ON_RESPONSE_BODY | EXTPROC_ON_RESPONSE_TRAILERS;

    return x->phase & responses ? RESPONSE : REQUEST;
}

#endif
