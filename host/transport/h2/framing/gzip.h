/* gzip: messages as gRPC's "gzip" has them, one member of RFC 1952 each. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_GZIP_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_GZIP_H

#include "transport/h2/framing/messages.h"

struct z_stream_s;

/* All zero: nothing was ever compressed. One for all calls of a loop: a message is done in one
 * go. */
struct gzip {
    struct z_stream_s *inflater, *deflater;
    const char *why; /* of the last GZIP_MALFORMED */
};

enum gzip_event {
    GZIP_TOO_LARGE = 1, /* more than max_message */
    GZIP_MALFORMED
};

/* A message of the pool's, unpacked; `packed` stays as it is. 0, an event, or -ENOMEM. */
int gzip_unpack(struct gzip *z, struct message_pool *pool, size_t max_message,
                const struct message_buffer *packed, struct message_buffer **ret);
/* Packs into `to`, which has room for `len` bytes. How many it took, fewer than `len`; 0: it would
 * not have become shorter, or there is no memory. */
size_t gzip_pack(struct gzip *z, const uint8_t *bytes, uint32_t len, uint8_t *to);
void gzip_fini(struct gzip *z);

#endif
