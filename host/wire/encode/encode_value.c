/* encode_value: strings and trees -> bytes, without protobuf-c's objects.
 *
 * protobuf-c ends strings at a NUL, and would silently truncate a string that contains one; it
 * would also need three objects for every value. So messages that contain strings are written here.
 */
#include "wire/encode/encode_private.h"
#include "wire/writer.h"

#include <errno.h>
#include <string.h>

enum { STRUCT_FIELDS = 1, ENTRY_KEY = 1, ENTRY_VALUE = 2, LIST_VALUES = 1 };
enum { VALUE_NULL = 1, VALUE_NUMBER, VALUE_STRING, VALUE_BOOL, VALUE_STRUCT, VALUE_LIST };

static void put_number(struct writer *w, uint32_t number, double d)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &d, sizeof bits);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    put(w, bytes, sizeof bytes);
    put_tag(w, number, WIRE_I64);
}

static void put_value(struct writer *w, struct extproc_value v);

/* A map entry: whatever was written since the mark becomes its value. */
static void close_entry(struct writer *w, struct extproc_str key, size_t mark)
{
    close_field(w, ENTRY_VALUE, mark);
    put_string(w, ENTRY_KEY, key);
    close_field(w, STRUCT_FIELDS, mark);
}

static void put_dict(struct writer *w, const struct value_dict *dict)
{
    for (size_t i = dict->n; i-- > 0;) {
        size_t mark = w->len;
        put_value(w, dict->fields[i].value);
        close_entry(w, dict->fields[i].key, mark);
    }
}

static void put_list(struct writer *w, const struct value_list *list)
{
    for (size_t i = list->n; i-- > 0;) {
        size_t mark = w->len;
        put_value(w, list->items[i]);
        close_field(w, LIST_VALUES, mark);
    }
}

/* Its depth was limited when it was built. */
static void put_value(struct writer *w, struct extproc_value v)
{
    size_t mark = w->len;
    switch (v.kind) {
    case EXTPROC_KIND_ABSENT: /* nowhere in a tree that was built by value.c */
    case EXTPROC_KIND_NULL:
        put_bool(w, VALUE_NULL, false);
        break;
    case EXTPROC_KIND_BOOL:
        put_bool(w, VALUE_BOOL, v.as.boolean);
        break;
    case EXTPROC_KIND_NUMBER:
        put_number(w, VALUE_NUMBER, v.as.number);
        break;
    case EXTPROC_KIND_STRING:
        put_string(w, VALUE_STRING, v.as.string);
        break;
    case EXTPROC_KIND_LIST:
        put_list(w, v.as.node);
        close_field(w, VALUE_LIST, mark);
        break;
    case EXTPROC_KIND_DICT:
        put_dict(w, v.as.node);
        close_field(w, VALUE_STRUCT, mark);
        break;
    }
}

/* Every key of the namespace that an entry begins. */
static void put_namespace(struct writer *w, const struct metadata_entry *begin)
{
    size_t mark = w->len;
    for (const struct metadata_entry *e = begin; e; e = e->next) {
        size_t entry_mark = w->len;
        if (e->superseded || !extproc_eq(e->ns, begin->ns))
            continue;
        put_value(w, e->value);
        close_entry(w, e->key, entry_mark);
    }
    close_field(w, VALUE_STRUCT, mark);
    close_entry(w, begin->ns, mark);
}

/* The order of a map's entries says nothing, so the list's order may turn round. */
static void put_metadata(struct writer *w, const struct metadata *m)
{
    for (const struct metadata_entry *e = m->first; e; e = e->next) {
        if (metadata_opens(m, e))
            put_namespace(w, e);
    }
}

/* ---- fields as protobuf-c takes them --------------------------------------------------------- */

/* Adds to the message a field of the size that a first run has measured, for a second run to
 * fill. */
static int field_add(ProtobufCMessage *to, uint32_t number, struct arena *arena, struct writer *w)
{
    uint8_t *data = arena_alloc(arena, w->len);
    ProtobufCMessageUnknownField *field = arena_alloc(arena, sizeof *field);
    if (!data || !field)
        return -ENOMEM;
    *field = (ProtobufCMessageUnknownField){.tag = number,
                                            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                            .len = w->len,
                                            .data = data};
    to->n_unknown_fields = 1;
    to->unknown_fields = field;
    *w = (struct writer){.end = data + w->len};
    return 0;
}

/* Like a field, but the tag is protobuf-c's to write. */
static void put_text(struct writer *w, struct extproc_str text)
{
    put(w, text.ptr, text.len);
    put_varint(w, text.len);
}

int encode_string(ProtobufCMessage *to, uint32_t number, struct extproc_str text,
                  struct arena *arena)
{
    struct writer w = {0};
    put_text(&w, text);
    int r = field_add(to, number, arena, &w);
    if (r == 0)
        put_text(&w, text);
    return r;
}

static void put_struct(struct writer *w, const struct metadata *m)
{
    put_metadata(w, m);
    put_varint(w, w->len);
}

int encode_metadata(ProtobufCMessage *to, uint32_t number, const struct metadata *m,
                    struct arena *arena)
{
    struct writer w = {0};
    put_struct(&w, m);
    int r = field_add(to, number, arena, &w);
    if (r == 0)
        put_struct(&w, m);
    return r;
}
