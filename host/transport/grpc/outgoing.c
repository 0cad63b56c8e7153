/* outgoing: messages of a call that wait to be sent. */
#include "transport/grpc/outgoing.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include <stdlib.h>

struct outgoing *outgoing_new(size_t len, uint8_t **ret_bytes)
{
    struct outgoing *out = malloc(sizeof *out);
    if (!out)
        return NULL;
    grpc_slice slice = grpc_slice_malloc(len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    out->buffer = buffer;
    out->len = len;
    /* The buffer's own slice: a short one holds its bytes in itself. */
    *ret_bytes = GRPC_SLICE_START_PTR(buffer->data.raw.slice_buffer.slices[0]);
    return out;
}

struct outgoing *outgoing_free(struct outgoing *out)
{
    if (out)
        grpc_byte_buffer_destroy(out->buffer);
    free(out);
    return NULL;
}

void outgoing_push(struct outgoing_queue *q, struct outgoing *out)
{
    out->next = NULL;
    *q->end = out;
    q->end = &out->next;
}

struct outgoing *outgoing_pop(struct outgoing_queue *q)
{
    struct outgoing *out = q->first;
    q->first = out->next;
    if (!q->first)
        q->end = &q->first;
    return out;
}

void outgoing_fini(struct outgoing_queue *q)
{
    while (q->first)
        outgoing_free(outgoing_pop(q));
}
