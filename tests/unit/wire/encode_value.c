/* The trees that a response carries, read back by the decoder and, in encode.c, by protobuf-c. */
#include "bytes.h"
#include "show.h"
#include "wire/encode/encode.h"
#include "wire/reader.h"

#include <criterion/criterion.h>
#include <math.h>

static struct arena arena;
static struct metadata metadata;

static void setup(void)
{
    bytes_init();
    arena_init(&arena, 0);
}
static void teardown(void)
{
    arena_fini(&arena);
    bytes_fini();
}

TestSuite(encode_value, .init = setup, .fini = teardown);

static void set(const char *ns, const char *key, struct extproc_value v)
{
    cr_assert_eq(metadata_set(&metadata, &arena, text(ns), text(key), v), 0);
}

/* The Struct in dynamic_metadata, as it goes out. */
static struct extproc_str encoded(void)
{
    struct verdict v = {.phase = PHASE_REQUEST_HEADERS, .metadata = &metadata};
    struct encoded e;
    struct reader content;
    struct extproc_str view;
    cr_assert_eq(encode_verdict(&v, &arena, &e), 0);
    uint8_t *bytes = arena_alloc(&arena, e.len);
    encode_pack(&e, bytes);
    struct reader r = reader_of_str((struct extproc_str){(char *)bytes, e.len});
    cr_assert_eq(reader_find(&r, 8, &content), 1);
    cr_assert(reader_view(&content, &view));
    return view;
}

static struct extproc_str namespace_of(struct extproc_str fields)
{
    return entry(1, "ns", field(5, fields));
}

static void expect(struct extproc_value v, struct extproc_str wire)
{
    set("ns", "k", v);
    cr_assert(extproc_eq(encoded(), namespace_of(entry(1, "k", wire))));
}

Test(encode_value, every_kind)
{
    expect(extproc_null(), number(1, 0));
    expect(extproc_bool(true), number(4, 1));
    expect(extproc_bool(false), number(4, 0));
    expect(extproc_number(0), real(2, 0));
    expect(extproc_number(-1.5e300), real(2, -1.5e300));
    expect(extproc_number(INFINITY), real(2, INFINITY));
    expect(extproc_string(EXTPROC_S("text")), field(3, text("text")));
    expect(extproc_string(EXTPROC_S("")), field(3, NOTHING));
}

Test(encode_value, a_nul_does_not_cut_a_string)
{
    struct extproc_str odd = EXTPROC_S("a\0b");
    expect(extproc_string(odd), field(3, odd));
    metadata = (struct metadata){0};
    cr_assert_eq(metadata_set(&metadata, &arena, odd, odd, extproc_bool(true)), 0);
    struct extproc_str inner = field(1, cat(field(1, odd), field(2, number(4, 1))));
    cr_assert(extproc_eq(encoded(), field(1, cat(field(1, odd), field(2, field(5, inner))))));
}

Test(encode_value, lists_and_dicts_keep_their_order)
{
    struct extproc_value items[] = {extproc_number(1), extproc_bool(false), extproc_null()};
    struct extproc_value list, dict;
    cr_assert_eq(value_list(&arena, items, 3, &list), 0);
    struct extproc_field fields[] = {{EXTPROC_STR("b"), list}, {EXTPROC_STR("a"), items[0]}};
    cr_assert_eq(value_dict(&arena, fields, 2, &dict), 0);

    struct extproc_str list_wire =
        field(6, cat(field(1, real(2, 1)), field(1, number(4, 0)), field(1, number(1, 0))));
    expect(list, list_wire);
    expect(dict, field(5, cat(entry(1, "b", list_wire), entry(1, "a", real(2, 1)))));
    expect((struct extproc_value){.kind = EXTPROC_KIND_LIST, .as.node = &(struct value_list){0}},
           field(6, NOTHING));
}

Test(encode_value, lengths_of_several_bytes)
{
    struct extproc_str s = repeat(text("x"), 70000);
    expect(extproc_string(s), field(3, s));
}

Test(encode_value, every_namespace_is_there)
{
    set("b", "x", extproc_number(1));
    set("b", "y", extproc_number(2));
    set("a", "z", extproc_number(3));
    struct extproc_str wire = encoded();
    struct extproc_str a = entry(1, "a", field(5, entry(1, "z", real(2, 3))));
    struct extproc_str b =
        entry(1, "b", field(5, cat(entry(1, "y", real(2, 2)), entry(1, "x", real(2, 1)))));
    cr_assert(extproc_eq(wire, cat(a, b)), "in whatever order: it is a map");
}
