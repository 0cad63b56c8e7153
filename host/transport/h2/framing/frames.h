/* frames: gRPC's framing of messages: a byte of flags, four of length, and the bytes. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_FRAMES_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of a prefix, and its first byte where the message is compressed. */
enum { FRAME_PREFIX = 5, FRAME_PACKED = 1 };

/* A message on its way in. */
struct frame_message {
    union {
        void *owner;                /* of its receiver */
        struct frame_message *next; /* that waits, or is spare */
    };
    uint32_t len;
    bool packed; /* of one that waits in a struct unpack: it is compressed */
    size_t size;
    char bytes[];
};

enum { FRAME_POOL_SIZES = 13, FRAME_POOL_IDLE = 2 * 1024 * 1024 };

/* Buffers of large messages that wait for the next: what a body brings and frees again and again
 * would else go back to the kernel each time. All zero: none. */
struct frame_pool {
    struct frame_message *spare[FRAME_POOL_SIZES];
    size_t n_bytes;
};
void frame_pool_fini(struct frame_pool *pool);
/* Frees all but `keep` bytes, the largest buffers first: FRAME_POOL_IDLE if there are no calls. */
void frame_pool_trim(struct frame_pool *pool, size_t keep);
/* A message with room for `len` bytes, or more: see its size. NULL: out of memory. */
struct frame_message *frame_new(struct frame_pool *pool, size_t len);
void frame_free(struct frame_pool *pool, struct frame_message *message);
/* Moves its first `used` bytes to a buffer for `len` or more. 0, or -ENOMEM: nothing has
 * changed. */
int frame_move(struct frame_pool *pool, struct frame_message **message, size_t len, size_t used);

/* All zero: at the beginning of a message. */
struct frames {
    struct frame_message *message; /* NULL: no byte after its prefix has come */
    uint32_t got;                  /* bytes of the prefix, or of the message */
    uint8_t prefix[FRAME_PREFIX];
    bool may_pack; /* set if the caller can decompress */
};

enum frames_event {
    FRAMES_MORE,       /* all bytes are used up                          */
    FRAMES_MESSAGE,    /* *ret is one                                    */
    FRAMES_TOO_LARGE,  /* frames_len() of more than max_message          */
    FRAMES_COMPRESSED, /* one is compressed that may not be              */
    FRAMES_MALFORMED   /* a flag that means nothing                      */
};

/* Consumes bytes from the beginning of what is left, up to the end of a message. An event, or
 * -ENOMEM; after any but the first two events nothing more can be fed. */
int frames_feed(struct frames *f, struct frame_pool *pool, size_t max_message,
                const uint8_t **bytes, size_t *len, struct frame_message **ret);
/* Bytes that the prefix names. */
uint32_t frames_len(const struct frames *f);
/* The message that has just become complete is compressed. */
static inline bool frames_packed(const struct frames *f)
{
    return f->prefix[0] == FRAME_PACKED;
}
/* Bytes of memory that the message on its way in has. */
static inline size_t frames_held(const struct frames *f)
{
    return f->message ? f->message->size : 0;
}
/* Between two messages? */
bool frames_at_rest(const struct frames *f);
void frames_fini(struct frames *f, struct frame_pool *pool);

/* Writes the prefix of a message that is not compressed. */
void frames_put_prefix(uint8_t *prefix, uint32_t len);

#endif
