/* outgoing: messages of a call that wait to be sent. */
#ifndef EXTPROCD_TRANSPORT_GRPC_OUTGOING_H
#define EXTPROCD_TRANSPORT_GRPC_OUTGOING_H

#include <grpc/grpc.h>

#include <stdint.h>

struct outgoing {
    struct outgoing *next;
    grpc_byte_buffer *buffer;
    size_t len;
};

/* With room for `len` bytes, at *ret_bytes. NULL: out of memory. */
struct outgoing *outgoing_new(size_t len, uint8_t **ret_bytes);
/* Returns NULL. */
struct outgoing *outgoing_free(struct outgoing *out);

/* In the order in which they are to be sent. */
struct outgoing_queue {
    struct outgoing *first, **end;
};

static inline void outgoing_init(struct outgoing_queue *q)
{
    *q = (struct outgoing_queue){.end = &q->first};
}
void outgoing_push(struct outgoing_queue *q, struct outgoing *out);
/* Never of an empty queue. */
struct outgoing *outgoing_pop(struct outgoing_queue *q);
void outgoing_fini(struct outgoing_queue *q);

#endif
