/* names: names of headers compared whatever their case, and a set of them that rarely says yes to
 * one that is not in it.
 *
 * Names of one length mostly differ in their last bytes, so those are looked at first, eight at a
 * time.
 */
#ifndef EXTPROCD_HTTP_MESSAGE_NAMES_H
#define EXTPROCD_HTTP_MESSAGE_NAMES_H

#include "base/str.h"

#include <stdint.h>
#include <string.h>

/* The last bytes of a name, up to eight. */
static inline uint64_t name_tail(struct extproc_str name)
{
    const char *end = name.ptr + name.len;
    uint64_t tail = 0;
    uint32_t half[2];
    if (name.len >= sizeof tail) {
        memcpy(&tail, end - sizeof tail, sizeof tail);
    } else if (name.len >= sizeof *half) {
        memcpy(&half[0], name.ptr, sizeof *half);
        memcpy(&half[1], end - sizeof *half, sizeof *half);
        tail = (uint64_t)half[1] << 32 | half[0];
    } else {
        for (size_t i = 0; i < name.len; i++)
            tail = tail << 8 | (unsigned char)name.ptr[i];
    }
    return tail;
}

/* Without their case, and that of some marks. */
static inline uint64_t name_folded(uint64_t tail)
{
    return tail | 0x2020202020202020;
}

/* Most names are written as the map has them, in lower case. Always a part of its caller's loop:
 * gcc counts callers, and a new one must not make the others slower. */
static inline __attribute__((always_inline)) bool name_equal(struct extproc_str a,
                                                             struct extproc_str b)
{
    if (a.len != b.len)
        return false;
    uint64_t a_tail = name_tail(a), b_tail = name_tail(b);
    if (name_folded(a_tail) != name_folded(b_tail))
        return false;
    if (a.len <= sizeof a_tail && a_tail == b_tail)
        return true;
    return memcmp(a.ptr, b.ptr, a.len) == 0 || extproc_eq_nocase(a, b);
}

static inline bool name_in_list(struct extproc_str name, struct str_list list)
{
    for (size_t i = 0; i < list.n; i++) {
        if (name_equal(list.strs[i], name))
            return true;
    }
    return false;
}

enum { NAMES_BITS_LOG2 = 9, NAMES_BITS = 1 << NAMES_BITS_LOG2 };

/* A bit for each name. All zero: empty. */
struct names {
    uint64_t bits[NAMES_BITS / 64];
};

static inline unsigned names_bit(struct extproc_str name)
{
    uint64_t hash = (name_folded(name_tail(name)) ^ name.len) * 0x9e3779b97f4a7c15;
    return (unsigned)(hash >> (64 - NAMES_BITS_LOG2));
}

static inline void names_add(struct names *names, struct extproc_str name)
{
    unsigned bit = names_bit(name);
    names->bits[bit / 64] |= (uint64_t)1 << bit % 64;
}

/* False: it was never added. */
static inline bool names_may_have(const struct names *names, struct extproc_str name)
{
    unsigned bit = names_bit(name);
    return names->bits[bit / 64] >> bit % 64 & 1;
}

#endif
