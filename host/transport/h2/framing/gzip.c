/* gzip: messages as gRPC's "gzip" has them, one member of RFC 1952 each. Only this file calls zlib.
 *
 * The size that a message states is not trusted: its buffer starts at twice the bytes that came,
 * doubles as it is filled, and ends at max_message. So while a message is unpacked, it takes at
 * most three times its unpacked length so far (its last buffer, and the one before), or a page or
 * two; when it is done, it takes at most twice its length. One message is unpacked at a time,
 * whatever the number of calls.
 *
 * A second member after the first is refused, although RFC 1952 allows it: no implementation of
 * gRPC writes one, and gRPC's own does not read one either.
 */
#include "transport/h2/framing/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
    GZIP_WINDOW = MAX_WBITS + 16, /* and 16 means gzip, no other format */
    FIRST_BUFFER = 4096
};

/* ---- unpacking ------------------------------------------------------------------------------- */

/* At the beginning of a message; NULL: out of memory. */
static z_stream *inflater(struct gzip *z)
{
    if (z->inflater) {
        inflateReset(z->inflater);
        return z->inflater;
    }
    z_stream *s = calloc(1, sizeof *s);
    if (s && inflateInit2(s, GZIP_WINDOW) != Z_OK) {
        free(s);
        return NULL;
    }
    return z->inflater = s;
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

/* What zlib says of a message that did not end where it should. */
static int fault(struct gzip *z, int r)
{
    if (r == Z_MEM_ERROR)
        return -ENOMEM;
    if (r == Z_STREAM_END)
        z->why = "bytes after the end of the gzip data";
    else if (r == Z_BUF_ERROR)
        z->why = "the gzip data is truncated";
    else
        z->why = z->inflater->msg ? z->inflater->msg : "the gzip data is corrupt";
    return GZIP_MALFORMED;
}

static int inflate_all(struct gzip *z, struct message_pool *pool, size_t max,
                       struct message_buffer **message)
{
    z_stream *s = z->inflater;
    for (;;) {
        size_t size = at_most((*message)->size, max);
        s->next_out = (Bytef *)(*message)->bytes + s->total_out;
        s->avail_out = (uInt)(size - s->total_out);
        int r = inflate(s, Z_FINISH);
        if (r == Z_STREAM_END && s->avail_in == 0)
            return 0;
        if (r != Z_BUF_ERROR || s->avail_out > 0)
            return fault(z, r);
        if (size == max)
            return GZIP_TOO_LARGE;
        r = message_move(pool, message, at_most(2 * size, max), size);
        if (r)
            return r;
    }
}

int gzip_unpack(struct gzip *z, struct message_pool *pool, size_t max_message,
                const struct message_buffer *packed, struct message_buffer **ret)
{
    size_t max = at_most(max_message, UINT32_MAX), first = 2 * (size_t)packed->len;
    z_stream *s = inflater(z);
    struct message_buffer *message =
        s ? message_new(pool, at_most(first > FIRST_BUFFER ? first : FIRST_BUFFER, max)) : NULL;
    if (!message)
        return -ENOMEM;
    s->next_in = (const Bytef *)packed->bytes;
    s->avail_in = packed->len;
    int r = inflate_all(z, pool, max, &message);
    if (r == 0 && message->size / 2 > s->total_out)
        r = message_move(pool, &message, s->total_out, s->total_out);
    if (r) {
        message_free(pool, message);
        return r;
    }
    message->len = (uint32_t)s->total_out;
    *ret = message;
    return 0;
}

/* ---- packing --------------------------------------------------------------------------------- */

/* The same. The fastest level: it takes a third of the time of the usual one and leaves a tenth
 * more, and the time is the request's that waits for this answer. */
static z_stream *deflater(struct gzip *z)
{
    if (z->deflater) {
        deflateReset(z->deflater);
        return z->deflater;
    }
    z_stream *s = calloc(1, sizeof *s);
    if (s && deflateInit2(s, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL - 1,
                          Z_DEFAULT_STRATEGY) != Z_OK) {
        free(s);
        return NULL;
    }
    return z->deflater = s;
}

size_t gzip_pack(struct gzip *z, const uint8_t *bytes, uint32_t len, uint8_t *to)
{
    z_stream *s = len ? deflater(z) : NULL;
    if (!s)
        return 0;
    s->next_in = bytes;
    s->avail_in = len;
    s->next_out = to;
    s->avail_out = len - 1;
    return deflate(s, Z_FINISH) == Z_STREAM_END ? s->total_out : 0;
}

void gzip_fini(struct gzip *z)
{
    if (z->inflater)
        inflateEnd(z->inflater);
    if (z->deflater)
        deflateEnd(z->deflater);
    free(z->inflater);
    free(z->deflater);
    *z = (struct gzip){0};
}
