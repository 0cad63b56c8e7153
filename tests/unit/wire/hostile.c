/* What a message can cost that was made to cost much: never more than four times its size, itself
 * included, whatever is in it, from 64 KiB on. Each shape fills a message of a given size with one
 * thing; what is refused must be refused cheaply too.
 */
#include "bytes.h"
#include "show.h"
#include "wire/decode/decode.h"

#include <criterion/criterion.h>
#include <errno.h>

#define OWN "envoy.filters.http.ext_proc"

TestSuite(hostile, .init = bytes_init, .fini = bytes_fini);

static struct extproc_str fill(struct extproc_str unit, size_t size)
{
    return repeat(unit, size / unit.len);
}

/* One thing, again and again, in its place. */
struct shape {
    const char *name;
    struct extproc_str (*message)(size_t size);
    int r; /* of a message of 1 MiB */
};

/* ---- headers --------------------------------------------------------------------------------- */

static struct extproc_str empty_headers(size_t size)
{
    return field(2, field(1, fill(field(1, NOTHING), size)));
}
static struct extproc_str short_headers(size_t size)
{
    return field(2, field(1, fill(header("a", ""), size)));
}
static struct extproc_str upper_case_headers(size_t size)
{
    return field(3, field(1, fill(header("ABCDEFGHIJKLMNOP", ""), size)));
}
static struct extproc_str long_upper_case_headers(size_t size)
{
    return field(3, field(1, fill(field(1, field(1, repeat(text("X"), 200))), size)));
}
static struct extproc_str header_maps(size_t size)
{
    return field(6, fill(field(1, NOTHING), size));
}
static struct extproc_str headers_in_parts(size_t size)
{
    return fill(field(2, field(1, header("name", "value of some length, to be allowed"))), size);
}
static struct extproc_str ends_in_parts(size_t size)
{
    return fill(field(2, number(3, 1)), size);
}

/* ---- bodies, unknown fields ------------------------------------------------------------------ */

static struct extproc_str body(size_t size)
{
    return field(4, field(1, fill(text("x"), size)));
}
static struct extproc_str body_in_parts(size_t size)
{
    return fill(field(4, field(1, repeat(text("x"), 1000))), size);
}
static struct extproc_str bodies_in_one(size_t size)
{
    return field(4, fill(field(1, text("x")), size));
}
static struct extproc_str oneofs(size_t size)
{
    return fill(cat(field(2, field(1, header("a", "1"))), field(4, field(1, text("b")))), size);
}
static struct extproc_str unknown_fields(size_t size)
{
    return fill(number(15, 0), size);
}
static struct extproc_str unknown_fields_inside(size_t size)
{
    return field(2, field(1, field(1, fill(field(15, NOTHING), size))));
}
static struct extproc_str groups(size_t size)
{
    return fill(EXTPROC_S("\x7b\x7c"), size);
}

/* ---- trees ----------------------------------------------------------------------------------- */

static struct extproc_str attribute(struct extproc_str value)
{
    return entry(9, OWN, entry(1, "v", value));
}
static struct extproc_str empty_list_items(size_t size)
{
    return attribute(field(6, fill(field(1, NOTHING), size)));
}
static struct extproc_str empty_lists(size_t size)
{
    return attribute(field(6, fill(field(1, field(6, NOTHING)), size)));
}
static struct extproc_str empty_dict_entries(size_t size)
{
    return attribute(field(5, fill(field(1, NOTHING), size)));
}
static struct extproc_str strings(size_t size)
{
    return attribute(field(6, fill(field(1, field(3, text("a string of 20 bytes"))), size)));
}
static struct extproc_str empty_attributes(size_t size)
{
    return fill(field(9, NOTHING), size);
}
static struct extproc_str attributes_in_parts(size_t size)
{
    return fill(entry(9, OWN, entry(1, "a.name.of.some.length", field(3, text("and a value")))),
                size);
}
static struct extproc_str metadata_in_parts(size_t size)
{
    return fill(field(8, entry(1, "namespace", NOTHING)), size);
}
static struct extproc_str typed_metadata(size_t size)
{
    return field(8, fill(entry(2, "", NOTHING), size));
}
static struct extproc_str values_in_parts(size_t size)
{
    struct extproc_str value = field(2, field(6, field(1, number(4, 1))));
    return entry(9, OWN, field(1, cat(field(1, text("v")), fill(value, size))));
}
static struct extproc_str replaced_values(size_t size)
{
    return attribute(fill(cat(field(6, field(1, NOTHING)), field(5, NOTHING)), size));
}

static const struct shape shapes[] = {
    {"empty headers", empty_headers, -EBADMSG},
    {"short headers", short_headers, -EBADMSG},
    {"upper case headers", upper_case_headers, -EBADMSG},
    {"long upper case headers", long_upper_case_headers, 0},
    {"header maps", header_maps, 0},
    {"headers in parts", headers_in_parts, -EBADMSG},
    {"ends in parts", ends_in_parts, 0},
    {"a body", body, 0},
    {"a body in parts", body_in_parts, 0},
    {"bodies in one", bodies_in_one, 0},
    {"oneofs", oneofs, 0},
    {"unknown fields", unknown_fields, 0},
    {"unknown fields inside", unknown_fields_inside, 0},
    {"groups", groups, 0},
    {"empty list items", empty_list_items, -EBADMSG},
    {"empty lists", empty_lists, -EBADMSG},
    {"empty dict entries", empty_dict_entries, -EBADMSG},
    {"strings", strings, 0},
    {"empty attributes", empty_attributes, 0},
    {"attributes in parts", attributes_in_parts, 0},
    {"metadata in parts", metadata_in_parts, -EBADMSG},
    {"typed metadata", typed_metadata, -EBADMSG},
    {"values in parts", values_in_parts, -EBADMSG},
    {"replaced values", replaced_values, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Decodes, reads the trees, and counts it all. */
static int decode_cheaply(const char *name, const struct extproc_str *pieces, size_t n, size_t size)
{
    struct arena arena;
    struct event event;
    const char *why;
    arena_init(&arena, 4096);
    int r = decode_request(pieces, n, &arena, &event, &why);
    if (r == 0) {
        bool attributes = event.attributes.raw.ptr, metadata = event.metadata.raw.ptr;
        cr_assert_eq(tree_value(&event.attributes, &arena).kind != EXTPROC_KIND_ABSENT, attributes);
        cr_assert_eq(tree_value(&event.metadata, &arena).kind != EXTPROC_KIND_ABSENT, metadata);
    }
    size_t memory = size + arena_size(&arena);
    cr_assert_leq(memory, 4 * size, "%s: %zu bytes cost %zu", name, size, memory);
    arena_fini(&arena);
    return r;
}

static void try_all(size_t size)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct extproc_str m = shapes[i].message(size);
        struct extproc_str halves[] = {{m.ptr, m.len / 2}, {m.ptr + m.len / 2, m.len - m.len / 2}};
        decode_cheaply(shapes[i].name, halves, 2, m.len);
        bytes_fini();
    }
}

Test(hostile, messages_of_64_KiB)
{
    try_all(64 * 1024);
}
Test(hostile, messages_of_300_KB)
{
    try_all(300 * 1000);
}
Test(hostile, messages_of_16_MiB)
{
    try_all(16 << 20);
}

Test(hostile, what_is_refused_and_what_is_not)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct extproc_str m = shapes[i].message(1 << 20);
        cr_expect_eq(decode_cheaply(shapes[i].name, &m, 1, m.len), shapes[i].r, "%s",
                     shapes[i].name);
        bytes_fini();
    }
}

Test(hostile, pieces_of_one_byte)
{
    enum { SIZE = 64 * 1024 };
    struct extproc_str *pieces = malloc((SIZE + 1024) * sizeof *pieces);
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct extproc_str m = shapes[i].message(SIZE);
        for (size_t at = 0; at < m.len; at++)
            pieces[at] = (struct extproc_str){m.ptr + at, 1};
        decode_cheaply(shapes[i].name, pieces, m.len, m.len);
        bytes_fini();
    }
    free(pieces);
}

Test(hostile, lists_29_KB_deep)
{
    struct extproc_str list = NOTHING;
    while (list.len < 29 * 1024)
        list = field(6, field(1, list));
    struct extproc_str m = attribute(list);
    struct arena arena;
    struct event event;
    const char *why;
    arena_init(&arena, 4096);
    cr_assert_eq(decode_request(&m, 1, &arena, &event, &why), -EBADMSG);
    cr_assert_str_eq(why, "attributes: nested deeper than 64");
    arena_fini(&arena);
}

Test(hostile, groups_a_million_deep)
{
    struct extproc_str m = repeat(EXTPROC_S("\x7b"), 1 << 20);
    cr_assert_eq(decode_cheaply("deep groups", &m, 1, m.len), -EBADMSG);
}

Test(hostile, small_messages_of_many_elements_are_not)
{
    struct extproc_str m = cat(field(2, field(1, repeat(header("a", "1"), 500))),
                               attribute(field(6, repeat(field(1, number(4, 1)), 500))));
    struct arena arena;
    struct event event;
    const char *why;
    arena_init(&arena, 4096);
    cr_assert_eq(decode_request(&m, 1, &arena, &event, &why), 0);
    arena_fini(&arena);
}
