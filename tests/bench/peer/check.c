/*
 * Checks answers against the schema of ProcessingResponse: a field we know has the right wire type,
 * submessages are descended into, and what we do not know is at least well formed. Tables and some
 * arithmetic rather than protobuf-c, so that the server under test is not judged by its own
 * library, and checking every answer stays cheap enough for a load generator.
 *
 * Depth is bounded by the tables: nothing outside them is descended into.
 */
#include "check.h"

#include <string.h>

enum wire { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 };

struct shape;

struct slot {
    uint8_t number, wire;
    const struct shape *sub;
};

struct shape {
    const struct slot *slots;
    unsigned n_slots;
};

#define SHAPE(name, ...)                                                                           \
    static const struct slot name##_slots[] = {__VA_ARGS__};                                       \
    static const struct shape name = {name##_slots, sizeof name##_slots / sizeof *name##_slots}

enum { HEADER_VALUE_KEY = 1, HEADER_VALUE_VALUE = 2, HEADER_VALUE_RAW_VALUE = 3 };

SHAPE(header_value, {HEADER_VALUE_KEY, LEN, NULL}, {HEADER_VALUE_VALUE, LEN, NULL},
      {HEADER_VALUE_RAW_VALUE, LEN, NULL});
/* The same message where it stands in a HeaderValueOption: only there is it a header being set. */
SHAPE(set_header, {HEADER_VALUE_KEY, LEN, NULL}, {HEADER_VALUE_VALUE, LEN, NULL},
      {HEADER_VALUE_RAW_VALUE, LEN, NULL});
SHAPE(header_map, {1, LEN, &header_value});
SHAPE(header_value_option, {1, LEN, &set_header}, {2, LEN, NULL}, {3, VARINT, NULL},
      {4, VARINT, NULL});
SHAPE(header_mutation, {1, LEN, &header_value_option}, {2, LEN, NULL});
SHAPE(body_mutation, {1, LEN, NULL}, {2, VARINT, NULL}, {3, LEN, NULL});
SHAPE(common_response, {1, VARINT, NULL}, {2, LEN, &header_mutation}, {3, LEN, &body_mutation},
      {4, LEN, &header_map}, {5, VARINT, NULL});
SHAPE(headers_or_body_response, {1, LEN, &common_response});
SHAPE(trailers_response, {1, LEN, &header_mutation});
SHAPE(immediate_response, {1, LEN, NULL}, {2, LEN, &header_mutation}, {3, LEN, NULL},
      {4, LEN, NULL}, {5, LEN, NULL});
SHAPE(processing_response, {1, LEN, &headers_or_body_response}, {2, LEN, &headers_or_body_response},
      {3, LEN, &headers_or_body_response}, {4, LEN, &headers_or_body_response},
      {5, LEN, &trailers_response}, {6, LEN, &trailers_response}, {7, LEN, &immediate_response},
      {8, LEN, NULL}, {9, LEN, NULL}, {10, LEN, NULL}, {11, LEN, NULL}, {12, VARINT, NULL},
      {13, LEN, NULL}, {14, LEN, NULL}, {15, VARINT, NULL}, {16, VARINT, NULL});

struct view {
    const uint8_t *p;
    size_t len;
};

struct field {
    uint64_t number;
    unsigned wire;
    struct view bytes; /* of LEN */
};

struct walk {
    const char *name, *value;
    struct answer answer;
};

static bool read_varint(struct view *in, uint64_t *ret_v)
{
    uint64_t v = 0;
    for (unsigned shift = 0; in->len > 0 && shift < 64; shift += 7) {
        uint8_t byte = *in->p++;
        in->len--;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_v = v;
            return true;
        }
    }
    return false;
}

static bool take(struct view *in, uint64_t len, struct view *ret_bytes)
{
    if (len > in->len)
        return false;
    *ret_bytes = (struct view){in->p, (size_t)len};
    in->p += len;
    in->len -= (size_t)len;
    return true;
}

static bool read_field(struct view *in, struct field *ret_field)
{
    struct field f = {0};
    uint64_t tag, v;
    bool ok = read_varint(in, &tag) && tag >> 3 != 0;
    if (!ok)
        return false;
    f.number = tag >> 3;
    f.wire = tag & 7;
    if (f.wire == VARINT)
        ok = read_varint(in, &v);
    else if (f.wire == LEN)
        ok = read_varint(in, &v) && take(in, v, &f.bytes);
    else if (f.wire == FIXED64 || f.wire == FIXED32)
        ok = take(in, f.wire == FIXED64 ? 8 : 4, &f.bytes);
    else
        ok = false;
    if (ok)
        *ret_field = f;
    return ok;
}

static const struct slot *slot_of(const struct shape *shape, uint64_t number)
{
    for (unsigned i = 0; i < shape->n_slots; i++)
        if (shape->slots[i].number == number)
            return &shape->slots[i];
    return NULL;
}

static bool is(struct view v, const char *s)
{
    return v.len == strlen(s) && memcmp(v.p, s, v.len) == 0;
}

/* request_headers to immediate_response, and streamed_immediate_response. */
static bool is_member(uint64_t number)
{
    return number <= 7 || number == 11;
}

static bool walk(struct walk *w, const struct shape *shape, struct view in)
{
    struct view name = {0}, value = {0};
    while (in.len > 0) {
        struct field f;
        if (!read_field(&in, &f))
            return false;
        const struct slot *slot = slot_of(shape, f.number);
        if (slot && slot->wire != f.wire)
            return false;
        if (slot && slot->sub && !walk(w, slot->sub, f.bytes))
            return false;
        if (shape == &processing_response && is_member(f.number))
            w->answer.member = (unsigned)f.number;
        if (shape == &set_header && f.number == HEADER_VALUE_KEY)
            name = f.bytes;
        else if (shape == &set_header && slot)
            value = f.bytes;
    }
    if (w->name && name.p && is(name, w->name) && (!w->value || is(value, w->value)))
        w->answer.sets_header = true;
    return true;
}

bool check_answer(const uint8_t *p, size_t len, const char *name, const char *value,
                  struct answer *ret_answer)
{
    struct walk w = {.name = name, .value = value};
    if (!walk(&w, &processing_response, (struct view){p, len}))
        return false;
    *ret_answer = w.answer;
    return true;
}
