/* unpack: the messages of a call whose client compresses them, in their order. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_UNPACK_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_UNPACK_H

#include "transport/h2/framing/gzip.h"

struct unpack {
    struct message_buffer *first, **end; /* those that wait */
    size_t n_bytes;                      /* of those that were handed out and are not back */
};

void unpack_init(struct unpack *u);
void unpack_fini(struct unpack *u, struct message_pool *pool);

/* One has come; `packed` says how. */
void unpack_put(struct unpack *u, struct message_buffer *message);

enum unpack_event {
    UNPACK_MESSAGE = GZIP_MALFORMED + 1,
    UNPACK_WAIT /* for one to come, or one to be back */
};
/* The next message, decompressed. An event, one of gzip_unpack()'s, or -ENOMEM; after the last two
 * nothing more can be unpacked. */
int unpack_next(struct unpack *u, struct gzip *z, struct message_pool *pool, size_t max_message,
                struct message_buffer **ret);
/* It is back. */
void unpack_back(struct unpack *u, const struct message_buffer *message);

static inline bool unpack_waits(const struct unpack *u)
{
    return u->first != NULL;
}

#endif
