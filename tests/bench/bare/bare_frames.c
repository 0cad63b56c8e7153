/* gRPC's framing, as little of it as is needed: a message that comes in one piece is parsed in
 * place, any other is joined first. Compression was not offered, so no client may use it. */
#include "bare_frames.h"

#include <string.h>

enum {
    PREFIX_LEN = 5,
    MAX_LEN = 4 << 20, /* gRPC's default */
    MAX_ANSWER_LEN = 127,
};

void bare_frames_reset(struct bare_frames *f)
{
    f->in.len = f->out.len = f->out_off = 0;
}

static bool answer(struct bare_frames *f, struct bare_parser *parser, const uint8_t *p, size_t len)
{
    struct bare_answer a;
    uint8_t frame[PREFIX_LEN + MAX_ANSWER_LEN] = {0};
    unsigned asked = bare_parse(parser, p, len);
    if (asked == 0)
        return false;
    bare_answer_init(&a, asked);
    size_t answer_len = bare_answer_len(&a); /* some 20 bytes */
    frame[PREFIX_LEN - 1] = (uint8_t)answer_len;
    bare_answer_pack(&a, frame + PREFIX_LEN);
    bytes_add(&f->out, frame, PREFIX_LEN + answer_len);
    return true;
}

/* How long the message is that begins at p, with its prefix and as far as that is known. */
static size_t frame_len(const uint8_t *p, size_t len)
{
    if (len < PREFIX_LEN)
        return PREFIX_LEN;
    return PREFIX_LEN +
           ((size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4]);
}

/* Adds the part of p that belongs to the message that has begun. Its length, or 0 if it is
 * invalid. */
static size_t join(struct bare_frames *f, struct bare_parser *parser, const uint8_t *p, size_t len)
{
    size_t n = frame_len(f->in.p, f->in.len) - f->in.len;
    if (n > MAX_LEN)
        return 0;
    if (n > len)
        n = len;
    bytes_add(&f->in, p, n);
    if (f->in.len >= PREFIX_LEN && f->in.len == frame_len(f->in.p, f->in.len)) {
        if (!answer(f, parser, f->in.p + PREFIX_LEN, f->in.len - PREFIX_LEN))
            return 0;
        f->in.len = 0;
    }
    return n;
}

bool bare_frames_hear(struct bare_frames *f, struct bare_parser *parser, const uint8_t *p,
                      size_t len)
{
    while (len > 0) {
        size_t n = frame_len(p, len);
        if (f->in.len > 0 || n > len)
            n = join(f, parser, p, len);
        else if (!answer(f, parser, p + PREFIX_LEN, n - PREFIX_LEN))
            n = 0;
        if (n == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

size_t bare_frames_say(struct bare_frames *f, uint8_t *buf, size_t cap)
{
    size_t len = f->out.len - f->out_off;
    if (len > cap)
        len = cap;
    if (len == 0)
        return 0;
    memcpy(buf, f->out.p + f->out_off, len);
    f->out_off += len;
    if (f->out_off == f->out.len)
        f->out_off = f->out.len = 0;
    return len;
}

bool bare_frames_said_all(const struct bare_frames *f)
{
    return f->out.len == 0;
}
