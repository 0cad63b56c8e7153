/* messages: gRPC's messages as they come, each after a prefix: a byte of flags, four of length. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_MESSAGES_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of a prefix, and its first byte where the message is compressed. */
enum { MESSAGE_PREFIX = 5, MESSAGE_PACKED = 1 };

/* A message on its way in. */
struct message_buffer {
    union {
        void *owner;                 /* of its receiver */
        struct message_buffer *next; /* that waits, or is spare */
    };
    uint32_t len;
    bool packed; /* of one that waits in a struct unpack: it is compressed */
    size_t size;
    char bytes[];
};

enum { MESSAGE_POOL_SIZES = 13, MESSAGE_POOL_IDLE = 2 * 1024 * 1024 };

/* Buffers of large messages that wait for the next: what a body brings and frees again and again
 * would else go back to the kernel each time. All zero: none. */
struct message_pool {
    struct message_buffer *spare[MESSAGE_POOL_SIZES];
    size_t n_bytes;
};
void message_pool_fini(struct message_pool *pool);
/* Frees all but `keep` bytes, the largest buffers first; MESSAGE_POOL_IDLE: no call is open. */
void message_pool_trim(struct message_pool *pool, size_t keep);
/* A message with room for `len` bytes, or more: see its size. NULL: out of memory. */
struct message_buffer *message_new(struct message_pool *pool, size_t len);
void message_free(struct message_pool *pool, struct message_buffer *message);
/* Moves its first `used` bytes to a buffer for `len` or more. 0, or -ENOMEM: nothing has
 * changed. */
int message_move(struct message_pool *pool, struct message_buffer **message, size_t len,
                 size_t used);

/* All zero: at the beginning of a message. */
struct messages {
    struct message_buffer *message; /* NULL: no byte after its prefix has come */
    uint32_t got;                   /* bytes of the prefix, or of the message */
    uint8_t prefix[MESSAGE_PREFIX];
    bool may_pack; /* set if the caller can decompress */
};

enum messages_event {
    MESSAGES_MORE,       /* all bytes are used up                          */
    MESSAGES_COMPLETE,   /* *ret is one                                    */
    MESSAGES_TOO_LARGE,  /* messages_len() of more than max_message          */
    MESSAGES_COMPRESSED, /* one is compressed that may not be              */
    MESSAGES_MALFORMED   /* a flag that means nothing                      */
};

/* Consumes bytes from the beginning of what is left, up to the end of a message. An event, or
 * -ENOMEM; after any but the first two events nothing more can be fed. */
int messages_feed(struct messages *f, struct message_pool *pool, size_t max_message,
                  const uint8_t **bytes, size_t *len, struct message_buffer **ret);
/* Bytes that the prefix names. */
uint32_t messages_len(const struct messages *f);
/* The message that has just become complete is compressed. */
static inline bool messages_packed(const struct messages *f)
{
    return f->prefix[0] == MESSAGE_PACKED;
}
/* Bytes of memory that the message on its way in has. */
static inline size_t messages_held(const struct messages *f)
{
    return f->message ? f->message->size : 0;
}
/* Between two messages? */
bool messages_at_rest(const struct messages *f);
void messages_fini(struct messages *f, struct message_pool *pool);

/* Writes the prefix of a message that is not compressed. */
void messages_put_prefix(uint8_t *prefix, uint32_t len);

#endif
