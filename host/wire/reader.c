/* reader: a cursor over protobuf's wire format, in bytes that lie in several pieces.
 *
 * Invariant: [at, end) and `more` bytes of the pieces from `next` on are the rest of exactly
 * one message, so nothing is ever read after its end, wherever the pieces end. Nearly every
 * message lies in one or two pieces; only a read that reaches a piece's border pays for it.
 *
 * What is accepted is what protobuf's own parsers accept: varints of up to ten bytes, longer than
 * necessary or not; groups, which are obsolete, are skipped with their fields.
 */
#include "wire/reader.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { VARINT_MAX_BYTES = 10, GROUP_MAX_DEPTH = 64 };

/* Where a piece is used up, begins the next one that is not empty. */
static void reader_settle(struct reader *in)
{
    while (in->at == in->end && in->more) {
        size_t len = in->next->len < in->more ? in->next->len : in->more;
        if (len) {
            in->at = in->next->ptr;
            in->end = in->at + len;
        }
        in->more -= len;
        in->next++;
    }
}

struct reader reader_of(const struct extproc_str *pieces, size_t n_pieces)
{
    struct reader in = {.at = "", .next = pieces};
    in.end = in.at;
    for (size_t i = 0; i < n_pieces; i++)
        in.more += pieces[i].len;
    reader_settle(&in);
    return in;
}

struct reader reader_of_str(struct extproc_str bytes)
{
    const char *at = bytes.ptr ? bytes.ptr : "";
    return (struct reader){.at = at, .end = at + bytes.len};
}

size_t reader_len(const struct reader *in)
{
    return (size_t)(in->end - in->at) + in->more;
}

struct reader reader_take(struct reader *in, size_t len)
{
    reader_settle(in);
    struct reader part = *in;
    size_t here = (size_t)(in->end - in->at);
    if (len <= here) {
        part.end = part.at + len;
        part.more = 0;
        in->at += len;
        return part;
    }
    assert(len - here <= in->more);
    part.more = len - here;
    for (size_t left = len; left; left -= here) {
        reader_settle(in);
        here = (size_t)(in->end - in->at) < left ? (size_t)(in->end - in->at) : left;
        in->at += here;
    }
    return part;
}

/* ---- scalars --------------------------------------------------------------------------------- */

static int read_long_varint(struct reader *in, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        if (in->at == in->end)
            reader_settle(in);
        if (in->at == in->end)
            return -EBADMSG;
        uint8_t byte = (uint8_t)*in->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i); /* of the tenth byte one bit has room */
        if (byte < 0x80) {
            *ret = value;
            return 0;
        }
    }
    return -EBADMSG;
}

/* Nearly every tag is one byte, and nearly every length is one or two. */
static inline int read_varint(struct reader *in, uint64_t *ret)
{
    const uint8_t *at = (const uint8_t *)in->at;
    ptrdiff_t here = in->end - in->at;
    if (here > 0 && at[0] < 0x80) {
        *ret = at[0];
        in->at++;
        return 0;
    }
    if (here > 1 && at[1] < 0x80) {
        *ret = (uint64_t)at[1] << 7 | (at[0] & 0x7f);
        in->at += 2;
        return 0;
    }
    return read_long_varint(in, ret);
}

static int read_fixed(struct reader *in, unsigned n_bytes, uint64_t *ret)
{
    if (reader_len(in) < n_bytes)
        return -EBADMSG;
    uint64_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        reader_settle(in);
        value |= (uint64_t)(uint8_t)*in->at++ << (8 * i);
    }
    *ret = value;
    return 0;
}

static int read_content(struct reader *in, struct reader *ret)
{
    uint64_t len;
    if (read_varint(in, &len) < 0)
        return -EBADMSG;
    if (len <= (size_t)(in->end - in->at)) { /* nearly all of them */
        *ret = (struct reader){.at = in->at, .end = in->at + len};
        in->at += len;
        return 0;
    }
    if (len > reader_len(in))
        return -EBADMSG;
    *ret = reader_take(in, (size_t)len);
    return 0;
}

static int read_tag(struct reader *in, uint32_t *ret_number, enum wire_type *ret_type)
{
    uint64_t tag;
    if (read_varint(in, &tag) < 0 || tag > UINT32_MAX || tag >> 3 == 0)
        return -EBADMSG;
    *ret_number = (uint32_t)tag >> 3;
    *ret_type = (enum wire_type)(tag & 7);
    return 0;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* The payload of any field but a group's marks. */
static int read_payload(struct reader *in, struct field *f)
{
    switch (f->type) {
    case WIRE_VARINT:
        return read_varint(in, &f->value);
    case WIRE_I64:
        return read_fixed(in, 8, &f->value);
    case WIRE_LEN:
        return read_content(in, &f->content);
    case WIRE_I32:
        return read_fixed(in, 4, &f->value);
    default: /* six and seven are not valid types */
        return -EBADMSG;
    }
}

/* Moves past the end of a group whose start tag was read. It is not recursive, because the sender
 * chooses the depth. */
static int skip_group(struct reader *in, uint32_t number)
{
    uint32_t open[GROUP_MAX_DEPTH] = {number};
    size_t depth = 1;
    while (depth) {
        struct field f;
        if (read_tag(in, &f.number, &f.type) < 0)
            return -EBADMSG;
        if (f.type == WIRE_GROUP) {
            if (depth == GROUP_MAX_DEPTH)
                return -EBADMSG;
            open[depth++] = f.number;
        } else if (f.type == WIRE_GROUP_END) {
            if (open[--depth] != f.number)
                return -EBADMSG;
        } else if (read_payload(in, &f) < 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

int reader_next(struct reader *in, struct field *ret)
{
    if (reader_len(in) == 0)
        return 0;
    int r = read_tag(in, &ret->number, &ret->type);
    if (r == 0)
        r = ret->type == WIRE_GROUP ? skip_group(in, ret->number) : read_payload(in, ret);
    return r < 0 ? r : 1;
}

int reader_find(struct reader *in, uint32_t number, struct reader *ret_content)
{
    struct field f;
    int r;
    while ((r = reader_next(in, &f)) > 0) {
        if (f.number == number && f.type == WIRE_LEN) {
            *ret_content = f.content;
            return 1;
        }
    }
    return r;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

bool reader_view(const struct reader *in, struct extproc_str *ret)
{
    if (in->more)
        return false;
    *ret = (struct extproc_str){in->at, (size_t)(in->end - in->at)};
    return true;
}

size_t reader_pieces(struct reader in, struct extproc_str *ret)
{
    size_t n = 0;
    for (reader_settle(&in); in.at != in.end; reader_settle(&in)) {
        if (ret)
            ret[n] = (struct extproc_str){in.at, (size_t)(in.end - in.at)};
        n++;
        in.at = in.end;
    }
    return n;
}

char *reader_copy(struct reader in, char *to)
{
    for (reader_settle(&in); in.at != in.end; reader_settle(&in)) {
        size_t len = (size_t)(in.end - in.at);
        memcpy(to, in.at, len);
        to += len;
        in.at = in.end;
    }
    return to;
}
