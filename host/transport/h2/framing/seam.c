/* seam: where in HTTP/2's frames the bytes of a connection stop.
 *
 * nghttp2 does not report whether it waits for the rest of a frame, and without that a client that
 * stops inside a frame cannot be distinguished from one that has nothing to send. nghttp2 checks
 * the frames; this counts bytes. A frame of a header block that is not its last completes nothing
 * (RFC 9113, 4.3).
 */
#include "transport/h2/framing/seam.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

void seam_init(struct seam *s)
{
    /* As if it were the payload of a frame. */
    *s = (struct seam){.n_head = SEAM_HEAD, .n_left = NGHTTP2_CLIENT_MAGIC_LEN};
}

static void frame_ends(struct seam *s)
{
    uint8_t type = s->head[3], flags = s->head[4];
    if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION)
        s->in_block = !(flags & NGHTTP2_FLAG_END_HEADERS);
    s->n_head = 0;
    s->n_done += !s->in_block;
}

/* True: it is complete. */
static bool take_head(struct seam *s, const uint8_t **bytes, size_t *len)
{
    size_t n = SEAM_HEAD - (size_t)s->n_head;
    n = n < *len ? n : *len;
    memcpy(s->head + s->n_head, *bytes, n);
    *bytes += n;
    *len -= n;
    s->n_head = (uint8_t)(s->n_head + n);
    s->n_left = (uint32_t)s->head[0] << 16 | (uint32_t)s->head[1] << 8 | s->head[2];
    return s->n_head == SEAM_HEAD;
}

static void take_payload(struct seam *s, const uint8_t **bytes, size_t *len)
{
    size_t n = s->n_left < *len ? s->n_left : *len;
    *bytes += n;
    *len -= n;
    s->n_left -= (uint32_t)n;
    if (!s->n_left)
        frame_ends(s);
}

bool seam_next(struct seam *s, const uint8_t **bytes, size_t *len)
{
    if (s->n_head == SEAM_HEAD) /* a payload, of any length */
        take_payload(s, bytes, len);
    return *len && take_head(s, bytes, len);
}
