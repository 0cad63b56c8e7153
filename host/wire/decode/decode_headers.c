/* decode_headers: HeaderMap's bytes -> an array of headers.
 *
 * One walk: the headers are gathered in the caller's frame, which has room for those of nearly
 * every message (where there are more, on the heap), and then copied to an array of exactly their
 * number. Names become lower case here, so that no floor above has to ask. A header's value is
 * raw_value, or value where that is empty: Envoy fills the first, others the second.
 *
 * key and value are proto3 strings, so what is not UTF-8 there is refused as any parser of proto3
 * refuses it; raw_value is bytes and taken as it is. A NUL is kept, because the proxy sent it.
 */
#include "base/str.h"
#include "wire/decode/decode_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_HEADERS = 1 };
enum { HEADER_KEY = 1, HEADER_VALUE = 2, HEADER_RAW_VALUE = 3 };

/* ---- one header ------------------------------------------------------------------------------ */

/* What few names have, in the highest bits of eight bytes at a time; zero: nothing of it. */
struct odd {
    uint64_t high; /* not ASCII */
    uint64_t upper;
};

static void odd_add(struct odd *odd, uint64_t bytes)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t low = bytes & each * 0x7f; /* no sum below is more than a byte holds */
    uint64_t from_a = low + each * (0x80 - 'A'), above_z = low + each * (0x7f - 'Z');
    odd->high |= bytes;
    odd->upper |= (from_a ^ above_z) & ~bytes;
}

static uint64_t eight(const char *p)
{
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* Fewer than eight, some of them twice. */
static uint64_t few(const char *p, size_t len)
{
    uint64_t bytes = 0;
    uint32_t first, last;
    if (len >= sizeof first) {
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + len - sizeof last, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    for (size_t i = 0; i < len; i++)
        bytes = bytes << 8 | (unsigned char)p[i];
    return bytes;
}

static struct odd odd_of(struct extproc_str name)
{
    const size_t step = sizeof(uint64_t);
    struct odd odd = {0};
    size_t i = 0;
    for (; i + step < name.len; i += step)
        odd_add(&odd, eight(name.ptr + i));
    /* The last ones, with some before them where there are any. */
    odd_add(&odd, name.len < step ? few(name.ptr, name.len) : eight(name.ptr + name.len - step));
    odd.high &= 0x8080808080808080;
    odd.upper &= 0x8080808080808080;
    return odd;
}

static int lower_copy(struct decoder *d, struct extproc_str name, struct extproc_str *ret)
{
    void *memory;
    int r = decoder_array(d, name.len, 1, &memory);
    if (r < 0)
        return r;
    char *lower = memory;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = extproc_lower(name.ptr[i]);
    *ret = (struct extproc_str){lower, name.len};
    return 0;
}

static int decode_name(struct decoder *d, struct extproc_str key, struct extproc_str *ret)
{
    struct odd odd = odd_of(key);
    if (odd.high && !extproc_is_utf8(key))
        return decoder_fail(d, "a header's key is not UTF-8");
    if (odd.upper)
        return lower_copy(d, key, ret);
    *ret = key;
    return 0;
}

static int decode_value(struct decoder *d, const struct reader *value, const struct reader *raw,
                        struct extproc_str *ret)
{
    struct extproc_str text;
    int r = 0;
    if (reader_len(value)) {
        r = decoder_str(d, value, &text);
        if (r == 0 && !extproc_is_utf8(text))
            r = decoder_fail(d, "a header's value is not UTF-8");
    }
    if (r == 0 && (reader_len(raw) || !reader_len(value)))
        r = decoder_str(d, raw, &text);
    if (r == 0)
        *ret = text;
    return r;
}

/* Any fields, in any order. */
static int decode_fields(struct decoder *d, struct reader in, struct extproc_header *ret)
{
    struct reader none = reader_of(NULL, 0), key = none, value = none, raw = none;
    struct extproc_str name;
    struct field f;
    int r;
    while ((r = reader_next(&in, &f)) > 0) {
        if (f.type != WIRE_LEN)
            continue;
        if (f.number == HEADER_KEY)
            key = f.content;
        else if (f.number == HEADER_VALUE)
            value = f.content;
        else if (f.number == HEADER_RAW_VALUE)
            raw = f.content;
    }
    if (r == 0)
        r = decoder_str(d, &key, &name);
    if (r == 0)
        r = decode_name(d, name, &ret->name);
    if (r == 0)
        r = decode_value(d, &value, &raw, &ret->value);
    return r;
}

/* ---- all headers ----------------------------------------------------------------------------- */

enum {
    ENTRY_TAG = MAP_HEADERS << 3 | WIRE_LEN,
    KEY_TAG = HEADER_KEY << 3 | WIRE_LEN,
    RAW_TAG = HEADER_RAW_VALUE << 3 | WIRE_LEN,
    USUAL_FRAME = 4 /* the tags and lengths of its key and its value */
};

/* Moves past the next entry if it is as nearly all are: a key, then a raw_value, together less than
 * 128 bytes, in the current piece. */
static bool take_usual(struct reader *map, struct extproc_header *ret)
{
    const uint8_t *at = (const uint8_t *)map->at;
    ptrdiff_t here = map->end - map->at;
    if (here < 2 + USUAL_FRAME || at[0] != ENTRY_TAG || at[1] < USUAL_FRAME || at[1] >= 0x80 ||
        at[1] > here - 2 || at[2] != KEY_TAG || at[3] > at[1] - USUAL_FRAME)
        return false;
    size_t key_len = at[3], raw_len = at[1] - key_len - USUAL_FRAME;
    const char *key = map->at + USUAL_FRAME, *raw = key + key_len;
    if (raw[0] != RAW_TAG || (uint8_t)raw[1] != raw_len)
        return false;
    ret->name = (struct extproc_str){key, key_len};
    ret->value = (struct extproc_str){raw + 2, raw_len};
    map->at = raw + 2 + raw_len;
    return true;
}

void gathered_fini(struct gathered *g)
{
    if (g->headers != g->few)
        free(g->headers);
}

/* Twice the room, but not for more than may be kept in the end. */
static int gathered_grow(struct decoder *d, struct gathered *g)
{
    size_t most = d->budget / sizeof *g->headers, room = 2 * g->room < most ? 2 * g->room : most;
    size_t size = room * sizeof *g->headers;
    if (g->n >= most)
        return decoder_spend(d, SIZE_MAX);
    bool first = g->headers == g->few;
    struct extproc_header *headers = first ? malloc(size) : realloc(g->headers, size);
    if (!headers)
        return -ENOMEM;
    if (first)
        memcpy(headers, g->few, sizeof g->few);
    g->headers = headers;
    g->room = room;
    return 0;
}

int decode_headers(struct decoder *d, struct reader map, struct gathered *g)
{
    struct reader entry;
    int r = 1;
    while (r >= 0 && reader_len(&map) > 0) {
        if (g->n == g->room && (r = gathered_grow(d, g)) < 0)
            break;
        struct extproc_header *header = &g->headers[g->n];
        if (take_usual(&map, header))
            r = decode_name(d, header->name, &header->name);
        else if ((r = reader_find(&map, MAP_HEADERS, &entry)) > 0)
            r = decode_fields(d, entry, header);
        else
            break;
        g->n += r >= 0;
    }
    return r < 0 ? r : 0;
}

int gathered_take(struct decoder *d, const struct gathered *g, const struct extproc_header **ret)
{
    void *memory;
    int r = decoder_array(d, g->n, sizeof **ret, &memory);
    if (r < 0)
        return r;
    memcpy(memory, g->headers, g->n * sizeof *g->headers);
    *ret = memory;
    return 0;
}
