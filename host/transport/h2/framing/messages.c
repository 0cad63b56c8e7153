/* messages: gRPC's messages as they come, each after a prefix: a byte of flags, four of length.
 *
 * The length that a prefix announces, at most max_message, is not believed: a message's buffer has
 * GROWTH times the bytes that have come, and grows with them, so that an announcement costs its
 * sender as much as it costs us. Where a buffer of the announced length is spare it is taken, which
 * saves the moves and costs nothing that was not there.
 */
#include "transport/h2/framing/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The sizes of the buffers in a pool (4 KiB, 8 KiB, ...) and the most bytes in it. */
enum { POOLED_MIN = 4096, POOL_BYTES = 32 * 1024 * 1024 };

enum { GROWTH = 4 };

/* ---- buffers --------------------------------------------------------------------------------- */

/* The smallest size of the pool's that is enough; MESSAGE_POOL_SIZES: none is. */
static unsigned size_class(size_t len, size_t *ret_size)
{
    unsigned i = 0;
    size_t size = POOLED_MIN;
    for (; i < MESSAGE_POOL_SIZES && size < len; i++)
        size *= 2;
    *ret_size = i < MESSAGE_POOL_SIZES ? size : len;
    return i;
}

struct message_buffer *message_new(struct message_pool *pool, size_t len)
{
    struct message_buffer *message = NULL;
    size_t size = len;
    unsigned i = len < POOLED_MIN ? MESSAGE_POOL_SIZES : size_class(len, &size);
    if (i < MESSAGE_POOL_SIZES && pool->spare[i]) {
        message = pool->spare[i];
        pool->spare[i] = message->next;
        pool->n_bytes -= size;
    } else {
        message = malloc(sizeof *message + size);
    }
    if (!message)
        return NULL;
    message->len = (uint32_t)len;
    message->size = size;
    return message;
}

void message_free(struct message_pool *pool, struct message_buffer *message)
{
    size_t size;
    unsigned i = MESSAGE_POOL_SIZES;
    if (message->size >= POOLED_MIN && pool->n_bytes + message->size <= POOL_BYTES)
        i = size_class(message->size, &size);
    if (i == MESSAGE_POOL_SIZES) {
        free(message);
        return;
    }
    message->next = pool->spare[i];
    pool->spare[i] = message;
    pool->n_bytes += message->size;
}

int message_move(struct message_pool *pool, struct message_buffer **message, size_t len,
                 size_t used)
{
    struct message_buffer *to = message_new(pool, len);
    if (!to)
        return -ENOMEM;
    memcpy(to->bytes, (*message)->bytes, used);
    message_free(pool, *message);
    *message = to;
    return 0;
}

static bool is_spare(const struct message_pool *pool, size_t len)
{
    size_t size;
    unsigned i = size_class(len, &size);
    return i < MESSAGE_POOL_SIZES && pool->spare[i];
}

void message_pool_trim(struct message_pool *pool, size_t keep)
{
    for (unsigned i = MESSAGE_POOL_SIZES; i-- > 0;)
        while (pool->spare[i] && pool->n_bytes > keep) {
            struct message_buffer *message = pool->spare[i];
            pool->spare[i] = message->next;
            pool->n_bytes -= message->size;
            free(message);
        }
}

void message_pool_fini(struct message_pool *pool)
{
    message_pool_trim(pool, 0);
}

/* ---- framing --------------------------------------------------------------------------------- */

uint32_t messages_len(const struct messages *f)
{
    const uint8_t *p = f->prefix;
    return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}

static size_t take(const uint8_t **bytes, size_t *len, size_t wanted, void *to)
{
    size_t n = *len < wanted ? *len : wanted;
    if (n)
        memcpy(to, *bytes, n);
    *bytes += n;
    *len -= n;
    return n;
}

/* The prefix is complete: what is wrong with it. */
static int check_prefix(const struct messages *f, size_t max_message)
{
    if (f->prefix[0] > MESSAGE_PACKED)
        return MESSAGES_MALFORMED;
    if (messages_packed(f) && !f->may_pack)
        return MESSAGES_COMPRESSED;
    return messages_len(f) > max_message ? MESSAGES_TOO_LARGE : MESSAGES_MORE;
}

/* Makes room for `more` bytes of the message, but not beyond its end. 0 or -ENOMEM. */
static int make_room(struct messages *f, struct message_pool *pool, size_t more)
{
    size_t len = messages_len(f), got = f->message ? f->got : 0;
    size_t wanted = more < len - got ? got + more : len, size = len;
    if (f->message && wanted <= f->message->size)
        return 0;
    if (wanted < len && len > POOLED_MIN && !is_spare(pool, len))
        size = GROWTH * (wanted < POOLED_MIN / GROWTH ? POOLED_MIN / GROWTH : wanted);
    if (size > len)
        size = len;
    if (f->message)
        return message_move(pool, &f->message, size, got);
    f->message = message_new(pool, size);
    f->got = 0;
    return f->message ? 0 : -ENOMEM;
}

int messages_feed(struct messages *f, struct message_pool *pool, size_t max_message,
                  const uint8_t **bytes, size_t *len, struct message_buffer **ret)
{
    if (!f->message) {
        f->got += (uint32_t)take(bytes, len, MESSAGE_PREFIX - f->got, f->prefix + f->got);
        int r = f->got < MESSAGE_PREFIX ? MESSAGES_MORE : check_prefix(f, max_message);
        bool begins = f->got == MESSAGE_PREFIX && (*len || messages_len(f) == 0);
        if (r || !begins)
            return r;
    }
    int r = make_room(f, pool, *len);
    if (r)
        return r;
    uint32_t all = messages_len(f);
    f->got += (uint32_t)take(bytes, len, all - f->got, f->message->bytes + f->got);
    if (f->got < all)
        return MESSAGES_MORE;
    *ret = f->message;
    (*ret)->len = all;
    f->message = NULL;
    f->got = 0;
    return MESSAGES_COMPLETE;
}

bool messages_at_rest(const struct messages *f)
{
    return !f->message && f->got == 0;
}

void messages_fini(struct messages *f, struct message_pool *pool)
{
    if (f->message)
        message_free(pool, f->message);
    f->message = NULL;
}

void messages_put_prefix(uint8_t *prefix, uint32_t len)
{
    prefix[0] = 0;
    prefix[1] = (uint8_t)(len >> 24);
    prefix[2] = (uint8_t)(len >> 16);
    prefix[3] = (uint8_t)(len >> 8);
    prefix[4] = (uint8_t)len;
}
