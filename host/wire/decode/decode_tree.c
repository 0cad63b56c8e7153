/* decode_tree: the bytes of attributes and metadata -> values.
 *
 * A tree is walked twice by the same code: the first time it only adds up the memory that lists and
 * dicts take, the second time it fills one allocation of that size. The first walk alone is the
 * check of a message that has just come, because the tree may never be needed. It finds every
 * error, so that the later reading can fail only if memory is exhausted.
 *
 * Fields are merged as protobuf merges them, but without copying: a Value may be in several
 * parts, and the last run of parts of one member of its oneof counts (struct run). A key that comes
 * twice in a map is shown twice; value_get() takes the last, as a map does.
 *
 * Strings are taken as they are, also where they are not UTF-8: Envoy puts request.path there byte
 * for byte, and no client may stop a transaction by sending an odd one. An Any of typed metadata is
 * shown as a dict with the strings "@type", its type_url, and "value", its bytes.
 */
#include "http/message/value.h"
#include "wire/decode/decode.h"
#include "wire/decode/decode_private.h"

#include <errno.h>
#include <string.h>

#define OWN_ATTRIBUTES "envoy.filters.http.ext_proc" /* the key of what Envoy sends (1.9) */

/* Different ones. Envoy sends one; each costs a walk over the others. */
enum { MAX_ATTRIBUTE_KEYS = 16 };

enum { REQUEST_METADATA_CONTEXT = 8 };
enum { METADATA_UNTYPED = 1, METADATA_TYPED = 2 };
enum { /* of every map */
       ENTRY_KEY = 1,
       ENTRY_VALUE = 2
};
enum {
    CHILDREN = 1 /* Struct.fields, ListValue.values: one number */
};
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2 };
enum {
    VALUE_NULL = 1,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_BOOL,
    VALUE_STRUCT,
    VALUE_LIST,
    N_VALUE_FIELDS
};

/* What is built, or for now only measured. */
struct builder {
    char *memory;    /* NULL: measuring */
    size_t size;     /* taken so far    */
    const char *why; /* what is wrong   */
};

/* NULL while measuring. */
static void *carve(struct builder *b, size_t n, size_t size)
{
    void *p = b->memory ? b->memory + b->size : NULL;
    b->size += n * size;
    return p;
}

/* ---- walking --------------------------------------------------------------------------------- */

/* The fields of a message that may be in several parts. */
struct source {
    struct reader fields; /* of the part at hand                            */
    struct reader entry;  /* the map entry whose values are the other parts */
};

static struct source source_of(struct reader message)
{
    return (struct source){message, reader_of(NULL, 0)};
}
static struct source source_of_entry(struct reader entry)
{
    return (struct source){reader_of(NULL, 0), entry};
}

static int source_next(struct source *s, struct field *ret)
{
    int r;
    while ((r = reader_next(&s->fields, ret)) == 0) {
        r = reader_find(&s->entry, ENTRY_VALUE, &s->fields);
        if (r <= 0)
            break;
    }
    return r;
}

/* The elements of a repeated field of a submessage that may be in several parts. */
struct children {
    struct source parents;
    uint32_t parent; /* the submessage's number                               */
    size_t skip;     /* parts that came before another member of their oneof */
    uint32_t child;  /* the repeated field's number                           */
    struct reader at;
};

static int children_next(struct children *c, struct reader *ret)
{
    struct field f;
    int r;
    while ((r = reader_find(&c->at, c->child, ret)) == 0) {
        r = source_next(&c->parents, &f);
        if (r <= 0)
            break;
        if (f.number != c->parent || f.type != WIRE_LEN)
            continue;
        if (c->skip)
            c->skip--;
        else
            c->at = f.content;
    }
    return r;
}

static struct children children_of(struct source parents, uint32_t parent, uint32_t child)
{
    return (struct children){
        .parents = parents, .parent = parent, .child = child, .at = reader_of(NULL, 0)};
}

/* The members of the Struct that a map entry holds. */
static struct children struct_of_entry(struct reader entry)
{
    return children_of(source_of(entry), ENTRY_VALUE, CHILDREN);
}

static int count(struct children c, size_t *ret)
{
    struct reader child;
    int r;
    while ((r = children_next(&c, &child)) > 0)
        ++*ret;
    return r;
}

/* The bytes of the last field of a number; empty where there is none. */
static int find_bytes(struct reader in, uint32_t number, struct extproc_str *ret)
{
    struct reader content = reader_of(NULL, 0);
    int r;
    while ((r = reader_find(&in, number, &content)) > 0)
        ;
    if (r == 0)
        reader_view(&content, ret); /* raw lies in one piece */
    return r;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int build_value(struct builder *b, struct source s, unsigned depth,
                       struct extproc_value *ret);

/* Builds the value of a map entry; there are several kinds of maps. */
typedef int build_entry_fn(struct builder *b, struct reader entry, unsigned depth,
                           struct extproc_value *ret);

/* Builds all children. `*fields` is the place for the first (NULL while measuring); it is moved
 * past the last. */
static int build_fields(struct builder *b, struct children c, build_entry_fn *build, unsigned depth,
                        struct extproc_field **fields)
{
    struct reader entry;
    int r;
    while ((r = children_next(&c, &entry)) > 0) {
        struct extproc_field field = {0};
        r = find_bytes(entry, ENTRY_KEY, &field.key);
        if (r == 0)
            r = build(b, entry, depth + 1, &field.value);
        if (r < 0)
            break;
        if (*fields)
            *(*fields)++ = field;
    }
    return r;
}

/* A dict of n members. Returns the place for them. */
static struct extproc_field *carve_dict(struct builder *b, size_t n, struct extproc_value *ret)
{
    struct value_dict *dict = carve(b, 1, sizeof *dict);
    struct extproc_field *fields = carve(b, n, sizeof *fields);
    if (dict)
        *dict = (struct value_dict){n, fields, value_mark(dict)};
    *ret = (struct extproc_value){.kind = EXTPROC_KIND_DICT, .as.node = dict};
    return fields;
}

static int build_dict(struct builder *b, struct children c, build_entry_fn *build, unsigned depth,
                      struct extproc_value *ret)
{
    size_t n = 0;
    int r = count(c, &n);
    if (r < 0)
        return r;
    struct extproc_field *fields = carve_dict(b, n, ret);
    return build_fields(b, c, build, depth, &fields);
}

static int build_list(struct builder *b, struct children c, unsigned depth,
                      struct extproc_value *ret)
{
    size_t n = 0;
    int r = count(c, &n);
    if (r < 0)
        return r;
    struct value_list *list = carve(b, 1, sizeof *list);
    struct extproc_value *items = carve(b, n, sizeof *items);
    if (list)
        *list = (struct value_list){n, items, value_mark(list)};
    *ret = (struct extproc_value){.kind = EXTPROC_KIND_LIST, .as.node = list};

    struct reader item;
    for (size_t i = 0; (r = children_next(&c, &item)) > 0; i++) {
        struct extproc_value value;
        r = build_value(b, source_of(item), depth + 1, &value);
        if (r < 0)
            break;
        if (items)
            items[i] = value;
    }
    return r;
}

static int build_value_entry(struct builder *b, struct reader entry, unsigned depth,
                             struct extproc_value *ret)
{
    return build_value(b, source_of_entry(entry), depth, ret);
}

/* The member of a Value's oneof that counts. */
struct run {
    struct field last; /* number 0: none was set             */
    size_t skip;       /* earlier fields of its number, which another member has replaced */
};

static int find_run(struct source s, struct run *ret)
{
    static const enum wire_type types[N_VALUE_FIELDS] = {
        [VALUE_NULL] = WIRE_VARINT, [VALUE_NUMBER] = WIRE_I64, [VALUE_STRING] = WIRE_LEN,
        [VALUE_BOOL] = WIRE_VARINT, [VALUE_STRUCT] = WIRE_LEN, [VALUE_LIST] = WIRE_LEN};
    size_t seen[N_VALUE_FIELDS] = {0};
    struct run run = {0};
    struct field f;
    int r;
    while ((r = source_next(&s, &f)) > 0) {
        if (f.number >= N_VALUE_FIELDS || f.type != types[f.number])
            continue;
        if (f.number != run.last.number)
            run.skip = seen[f.number];
        seen[f.number]++;
        run.last = f;
    }
    *ret = run;
    return r;
}

static void build_scalar(const struct field *f, struct extproc_value *ret)
{
    *ret = (struct extproc_value){.kind = EXTPROC_KIND_NULL}; /* also where no member is set */
    if (f->number == VALUE_NUMBER) {
        ret->kind = EXTPROC_KIND_NUMBER;
        memcpy(&ret->as.number, &f->value, sizeof ret->as.number);
    } else if (f->number == VALUE_BOOL) {
        ret->kind = EXTPROC_KIND_BOOL;
        ret->as.boolean = f->value != 0;
    } else if (f->number == VALUE_STRING) {
        ret->kind = EXTPROC_KIND_STRING;
        reader_view(&f->content, &ret->as.string);
    }
}

static int build_value(struct builder *b, struct source s, unsigned depth,
                       struct extproc_value *ret)
{
    struct run run;
    int r = find_run(s, &run);
    if (r < 0)
        return r;
    if (run.last.number != VALUE_STRUCT && run.last.number != VALUE_LIST) {
        build_scalar(&run.last, ret);
        return 0;
    }
    if (depth > WIRE_MAX_DEPTH) {
        b->why = "nested deeper than 64";
        return -EBADMSG;
    }
    struct children c = children_of(s, run.last.number, CHILDREN);
    c.skip = run.skip;
    return run.last.number == VALUE_LIST ? build_list(b, c, depth, ret)
                                         : build_dict(b, c, build_value_entry, depth, ret);
}

/* ---- complete trees -------------------------------------------------------------------------- */

/* A tree from its raw fields. */
typedef int build_fn(struct builder *b, struct reader raw, struct extproc_value *ret);

/* The keys of a map, and the place of the entry that counts of each: the last one replaces those
 * before it. */
struct latest {
    struct {
        struct extproc_str key;
        size_t place;
    } list[MAX_ATTRIBUTE_KEYS];
    size_t n;
};

static int latest_note(struct builder *b, struct latest *l, struct extproc_str key, size_t place)
{
    size_t i = 0;
    if (!key.ptr)
        key = EXTPROC_S("");
    while (i < l->n && !extproc_eq(l->list[i].key, key))
        i++;
    if (i == MAX_ATTRIBUTE_KEYS) {
        b->why = "more than 16 keys";
        return -EBADMSG;
    }
    l->n += i == l->n;
    l->list[i].key = key;
    l->list[i].place = place;
    return 0;
}

static int find_latest(struct builder *b, struct reader raw, struct latest *ret)
{
    struct field f;
    struct extproc_str key;
    int r;
    for (size_t place = 0; (r = reader_next(&raw, &f)) > 0; place++) {
        r = f.type == WIRE_LEN ? find_bytes(f.content, ENTRY_KEY, &key) : 0;
        if (r == 0 && f.type == WIRE_LEN)
            r = latest_note(b, ret, key, place);
        if (r < 0)
            break;
    }
    return r;
}

static bool is_latest(const struct latest *l, size_t place)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->list[i].place == place)
            return true;
    }
    return false;
}

/* The entry of one key alone, or all the others. */
static int attributes_each(struct builder *b, struct reader raw, const struct latest *latest,
                           bool own, struct extproc_field **fields, size_t *n)
{
    struct field f;
    struct extproc_str key;
    int r;
    for (size_t place = 0; (r = reader_next(&raw, &f)) > 0; place++) {
        if (!is_latest(latest, place))
            continue;
        r = find_bytes(f.content, ENTRY_KEY, &key);
        if (r == 0 && extproc_eq(key, EXTPROC_S(OWN_ATTRIBUTES)) == own)
            r = n ? count(struct_of_entry(f.content), n)
                  : build_fields(b, struct_of_entry(f.content), build_value_entry, 1, fields);
        if (r < 0)
            break;
    }
    return r;
}

/* The members of every entry's Struct in one dict. Envoy's own are the last ones, so that nothing
 * under another key hides them. */
static int build_attributes(struct builder *b, struct reader raw, struct extproc_value *ret)
{
    struct latest latest = {.n = 0};
    size_t n = 0;
    int r = find_latest(b, raw, &latest);
    if (r == 0)
        r = attributes_each(b, raw, &latest, false, NULL, &n);
    if (r == 0)
        r = attributes_each(b, raw, &latest, true, NULL, &n);
    if (r < 0)
        return r;
    struct extproc_field *fields = carve_dict(b, n, ret);
    r = attributes_each(b, raw, &latest, false, &fields, NULL);
    return r < 0 ? r : attributes_each(b, raw, &latest, true, &fields, NULL);
}

static int build_struct_entry(struct builder *b, struct reader entry, unsigned depth,
                              struct extproc_value *ret)
{
    return build_dict(b, struct_of_entry(entry), build_value_entry, depth, ret);
}

static int build_any_entry(struct builder *b, struct reader entry, unsigned depth,
                           struct extproc_value *ret)
{
    struct extproc_value type = {.kind = EXTPROC_KIND_STRING, .as.string = EXTPROC_STR("")};
    struct extproc_value value = type;
    struct source any = source_of_entry(entry);
    struct field f;
    int r;
    while ((r = source_next(&any, &f)) > 0) {
        if (f.number == ANY_TYPE_URL && f.type == WIRE_LEN)
            reader_view(&f.content, &type.as.string);
        else if (f.number == ANY_VALUE && f.type == WIRE_LEN)
            reader_view(&f.content, &value.as.string);
    }
    struct extproc_field *fields = carve_dict(b, 2, ret);
    if (fields) {
        fields[0] = (struct extproc_field){EXTPROC_STR("@type"), type};
        fields[1] = (struct extproc_field){EXTPROC_STR("value"), value};
    }
    return r;
}

/* Typed metadata comes after untyped, so that for a namespace in both the typed entry counts. */
static int build_metadata(struct builder *b, struct reader raw, struct extproc_value *ret)
{
    struct source s = source_of(raw);
    struct children untyped = children_of(s, REQUEST_METADATA_CONTEXT, METADATA_UNTYPED);
    struct children typed = children_of(s, REQUEST_METADATA_CONTEXT, METADATA_TYPED);
    size_t n = 0;
    int r = count(untyped, &n);
    if (r == 0)
        r = count(typed, &n);
    if (r < 0)
        return r;
    struct extproc_field *fields = carve_dict(b, n, ret);
    r = build_fields(b, untyped, build_struct_entry, 1, &fields);
    return r < 0 ? r : build_fields(b, typed, build_any_entry, 1, &fields);
}

/* ---- checked now, read later ----------------------------------------------------------------- */

static int tree_check(build_fn *build, struct decoder *d, struct extproc_str raw)
{
    struct builder b = {.why = d->why};
    struct extproc_value unused;
    int r = build(&b, reader_of_str(raw), &unused);
    return r == -EBADMSG ? decoder_fail(d, b.why) : decoder_spend(d, b.size);
}

static int tree_read(build_fn *build, struct extproc_str raw, struct arena *arena,
                     struct extproc_value *ret)
{
    struct builder b = {0};
    struct extproc_value value;
    int r = build(&b, reader_of_str(raw), &value);
    if (r < 0)
        return r;
    b.memory = arena_alloc(arena, b.size);
    if (!b.memory)
        return -ENOMEM;
    b.size = 0;
    r = build(&b, reader_of_str(raw), &value);
    if (r == 0)
        *ret = value;
    return r;
}

int decode_check_attributes(struct decoder *d, struct extproc_str raw)
{
    return tree_check(build_attributes, d, raw);
}
int decode_check_metadata(struct decoder *d, struct extproc_str raw)
{
    return tree_check(build_metadata, d, raw);
}

int decode_attributes(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    return tree_read(build_attributes, raw, arena, ret);
}
int decode_metadata(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    return tree_read(build_metadata, raw, arena, ret);
}
