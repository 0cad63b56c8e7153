/* seam: where in HTTP/2's frames the bytes of a connection stop. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_SEAM_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_SEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAM_HEAD = 9 };

struct seam {
    uint8_t head[SEAM_HEAD]; /* of the frame that is being read */
    uint8_t n_head;          /* bytes of it that have come      */
    bool in_block;           /* a header block goes on in CONTINUATION frames */
    uint32_t n_left;         /* bytes of its payload to come, where the head is complete */
    uint32_t n_done;         /* complete frames and header blocks, ever */
};

/* A connection that begins: with the client's preface. */
void seam_init(struct seam *s);
/* Takes the next bytes, up to where the head of a frame is complete, or all of them: false. */
bool seam_next(struct seam *s, const uint8_t **bytes, size_t *len);

/* What has come is complete: no part of a frame or of a header block is waited for. */
static inline bool seam_is_clean(const struct seam *s)
{
    return !s->n_head && !s->in_block;
}

#endif
