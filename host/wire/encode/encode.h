/* encode: a verdict -> a ProcessingResponse's bytes, packed by protobuf-c. */
#ifndef EXTPROCD_WIRE_ENCODE_ENCODE_H
#define EXTPROCD_WIRE_ENCODE_ENCODE_H

#include "http/verdict.h"

#include <stdint.h>

/* An answer put together, not yet packed: the size is known, so that it can be packed straight into
 * a buffer of the transport's. Lives in the arena, borrows from the verdict. */
struct encoded {
    size_t len;
    const void *message; /* of protobuf-c; NULL: the bytes are there already */
    const uint8_t *bytes;
};

/* 0, -ENOMEM, or -EINVAL: VERDICT_CLOSE has no answer. */
int encode_verdict(const struct verdict *v, struct arena *arena, struct encoded *ret);
/* Writes exactly e->len bytes. */
void encode_pack(const struct encoded *e, uint8_t *out);

#endif
