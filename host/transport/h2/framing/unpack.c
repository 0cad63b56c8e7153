/* unpack: the messages of a call whose client compresses them, in their order.
 *
 * A client may send as much ahead as its window allows, and that can become a thousand times as
 * large when it is decompressed. So the window does not bound the memory, but this does: messages
 * are unpacked while those that are handed out have at most UNPACKED_MAX bytes, and the others wait
 * as they came. Whatever a client sends, a call has at most UNPACKED_MAX bytes and one message
 * unpacked at a time; a client that does not compress could have as many bytes on their way.
 *
 * Messages that are not compressed go through the same queue: none may overtake another.
 */
#include "transport/h2/framing/unpack.h"

enum { UNPACKED_MAX = 1024 * 1024 };

void unpack_init(struct unpack *u)
{
    *u = (struct unpack){.end = &u->first};
}

static struct message_buffer *pop(struct unpack *u)
{
    struct message_buffer *message = u->first;
    u->first = message->next;
    if (!u->first)
        u->end = &u->first;
    return message;
}

void unpack_fini(struct unpack *u, struct message_pool *pool)
{
    while (u->first)
        message_free(pool, pop(u));
}

void unpack_put(struct unpack *u, struct message_buffer *message)
{
    message->next = NULL;
    *u->end = message;
    u->end = &message->next;
}

int unpack_next(struct unpack *u, struct gzip *z, struct message_pool *pool, size_t max_message,
                struct message_buffer **ret)
{
    struct message_buffer *came = u->first, *message = came;
    if (!came || (came->packed && u->n_bytes > UNPACKED_MAX))
        return UNPACK_WAIT;
    /* Nothing stays nothing: gRPC's own says that it compresses such a message, and does not. */
    if (came->packed && came->len > 0) {
        int r = gzip_unpack(z, pool, max_message, came, &message);
        if (r)
            return r;
        message_free(pool, pop(u));
    } else {
        pop(u);
    }
    u->n_bytes += message->size;
    *ret = message;
    return UNPACK_MESSAGE;
}

void unpack_back(struct unpack *u, const struct message_buffer *message)
{
    u->n_bytes -= message->size;
}
