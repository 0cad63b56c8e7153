/* writer: the protobuf wire format, written from the end to the beginning: when the length before a
 * submessage is written, the submessage has been written already. The same code without a buffer
 * counts the bytes that it needs.
 */
#ifndef EXTPROCD_WIRE_WRITER_H
#define EXTPROCD_WIRE_WRITER_H

#include "wire/reader.h"

#include <string.h>

/* Grows towards the front. */
struct writer {
    uint8_t *end; /* of the buffer; NULL: only counts */
    size_t len;   /* written so far                   */
};

static inline void put(struct writer *w, const void *bytes, size_t len)
{
    w->len += len;
    if (w->end && len)
        memcpy(w->end - w->len, bytes, len);
}

static inline __attribute__((always_inline)) void put_varint(struct writer *w, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    if (value < 0x80) { /* nearly all of them */
        w->len++;
        if (w->end)
            *(w->end - w->len) = (uint8_t)value;
        return;
    }
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    put(w, bytes, n);
}

static inline void put_tag(struct writer *w, uint32_t number, enum wire_type type)
{
    put_varint(w, (uint64_t)number << 3 | type);
}

/* Makes what was written since a mark (an earlier len) a field. */
static inline void close_field(struct writer *w, uint32_t number, size_t mark)
{
    put_varint(w, w->len - mark);
    put_tag(w, number, WIRE_LEN);
}

static inline void put_string(struct writer *w, uint32_t number, struct extproc_str s)
{
    size_t mark = w->len;
    put(w, s.ptr, s.len);
    close_field(w, number, mark);
}

static inline void put_bool(struct writer *w, uint32_t number, bool flag)
{
    put_varint(w, flag);
    put_tag(w, number, WIRE_VARINT);
}

#endif
