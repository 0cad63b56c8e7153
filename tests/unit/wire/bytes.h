/* bytes: protobuf messages put together by hand, inside out, for tests of the decoder.
 *
 *     field(2, cat(field(1, header("a", "1")), number(3, 1)))
 *
 * All live in one arena that the test begins and ends.
 */
#ifndef EXTPROCD_UNIT_WIRE_BYTES_H
#define EXTPROCD_UNIT_WIRE_BYTES_H

#include "base/arena.h"

#include <string.h>

static struct arena bytes_arena;

static inline void bytes_init(void)
{
    arena_init(&bytes_arena, 4096);
}
static inline void bytes_fini(void)
{
    arena_fini(&bytes_arena);
}

static inline struct extproc_str cat_n(const struct extproc_str *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *all = arena_alloc(&bytes_arena, len), *at = all;
    for (size_t i = 0; i < n; i++) {
        memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return (struct extproc_str){all, len};
}
#define cat(...)                                                                                   \
    cat_n((struct extproc_str[]){__VA_ARGS__},                                                     \
          sizeof((struct extproc_str[]){__VA_ARGS__}) / sizeof(struct extproc_str))

#define NOTHING EXTPROC_S("")

/* A part of a message in memory of its own: who reads on after its end reads other bytes than those
 * that follow. */
static inline struct extproc_str apart(const char *at, size_t len)
{
    struct extproc_str part = cat(((struct extproc_str){at, len}), EXTPROC_S("\1\1\1\1\1\1\1\1"));
    return (struct extproc_str){part.ptr, len};
}

static inline struct extproc_str varint(uint64_t value)
{
    char *bytes = arena_alloc(&bytes_arena, 10);
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(value | 0x80);
    bytes[n++] = (char)value;
    return (struct extproc_str){bytes, n};
}

static inline struct extproc_str text(const char *s)
{
    return (struct extproc_str){s, strlen(s)};
}

static inline struct extproc_str field(uint32_t number, struct extproc_str content)
{
    return cat(varint((uint64_t)number << 3 | 2), varint(content.len), content);
}

static inline struct extproc_str number(uint32_t number, uint64_t value)
{
    return cat(varint((uint64_t)number << 3), varint(value));
}

static inline struct extproc_str real(uint32_t number, double value)
{
    struct extproc_str bytes = {(char *)&value, sizeof value}; /* tests run on little endian */
    return cat(varint((uint64_t)number << 3 | 1), bytes);
}

/* A HeaderMap's entry, as Envoy fills it. */
static inline struct extproc_str header(const char *name, const char *value)
{
    return field(1, cat(field(1, text(name)), field(3, text(value))));
}

/* An entry of a map, under its field's number. */
static inline struct extproc_str entry(uint32_t number, const char *key, struct extproc_str value)
{
    return field(number, cat(field(1, text(key)), field(2, value)));
}

/* The content of n times the same. */
static inline struct extproc_str repeat(struct extproc_str s, size_t n)
{
    size_t len = s.len * n;
    char *all = arena_alloc(&bytes_arena, len);
    for (size_t done = 0; done < len;) { /* what is there is doubled */
        size_t step = done ? (done < len - done ? done : len - done) : s.len;
        memcpy(all + done, done ? all : s.ptr, step);
        done += step;
    }
    return (struct extproc_str){all, len};
}

#endif
