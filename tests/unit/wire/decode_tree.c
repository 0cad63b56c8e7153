#include "bytes.h"
#include "show.h"
#include "wire/decode/decode.h"
#include "wire/decode/decode_private.h"

#include <criterion/criterion.h>
#include <errno.h>

#define OWN "envoy.filters.http.ext_proc"

static struct arena arena;
static char *shown;

static void setup(void)
{
    bytes_init();
    arena_init(&arena, 0);
}
static void teardown(void)
{
    free(shown);
    arena_fini(&arena);
    bytes_fini();
}

TestSuite(decode_tree, .init = setup, .fini = teardown);

static const char *show(struct extproc_value v)
{
    size_t len;
    free(shown);
    FILE *out = open_memstream(&shown, &len);
    show_value(out, v);
    fclose(out);
    return shown;
}

/* As a value of the attribute "v". Checked, then read. */
static const char *value(struct extproc_str value)
{
    struct decoder d = {.budget = SIZE_MAX, .why = "malformed"};
    struct extproc_str raw = entry(9, OWN, entry(1, "v", value));
    struct extproc_value tree;
    int r = decode_check_attributes(&d, raw);
    cr_assert_eq(decode_attributes(raw, &arena, &tree), r, "the check sees what reading does");
    return r < 0 ? d.why : show(value_get(tree, EXTPROC_S("v")));
}

static const char *metadata(struct extproc_str content)
{
    struct decoder d = {.budget = SIZE_MAX, .why = "malformed"};
    struct extproc_str raw = field(8, content);
    struct extproc_value tree;
    int r = decode_check_metadata(&d, raw);
    cr_assert_eq(decode_metadata(raw, &arena, &tree), r);
    return r < 0 ? d.why : show(tree);
}

static struct extproc_str list(struct extproc_str values)
{
    return field(6, values);
}
static struct extproc_str dict(struct extproc_str entries)
{
    return field(5, entries);
}

/* ---- values ---------------------------------------------------------------------------------- */

Test(decode_tree, every_kind)
{
    cr_assert_str_eq(value(number(1, 0)), "null");
    cr_assert_str_eq(value(real(2, 0.25)), "0.25");
    cr_assert_str_eq(value(field(3, text("s"))), "\"s\"");
    cr_assert_str_eq(value(field(3, NOTHING)), "\"\"");
    cr_assert_str_eq(value(number(4, 1)), "true");
    cr_assert_str_eq(value(number(4, 0)), "false");
    cr_assert_str_eq(value(dict(NOTHING)), "{}");
    cr_assert_str_eq(value(list(NOTHING)), "[]");
    cr_assert_str_eq(value(NOTHING), "null", "no member set");
}

Test(decode_tree, nested)
{
    struct extproc_str inner = dict(cat(entry(1, "a", number(4, 1)), entry(1, "b", real(2, 2))));
    cr_assert_str_eq(value(list(cat(field(1, inner), field(1, list(NOTHING)), field(1, NOTHING)))),
                     "[{a:true b:2} [] null]");
}

Test(decode_tree, strings_are_taken_as_they_are)
{
    struct extproc_value tree;
    struct extproc_str odd = EXTPROC_S("a\0\xff");
    struct extproc_str raw = entry(9, OWN, entry(1, "v", field(3, odd)));
    cr_assert_eq(decode_attributes(raw, &arena, &tree), 0);
    cr_assert(extproc_eq(value_get(tree, EXTPROC_S("v")).as.string, odd));
}

Test(decode_tree, an_entry_without_key_or_value)
{
    struct extproc_value tree;
    cr_assert_eq(decode_attributes(entry(9, OWN, field(1, NOTHING)), &arena, &tree), 0);
    cr_assert_str_eq(show(tree), "{:null}");
}

Test(decode_tree, a_key_that_comes_twice_has_its_last_value)
{
    struct extproc_str twice = cat(entry(1, "k", real(2, 1)), entry(1, "k", real(2, 2)));
    struct extproc_value tree;
    cr_assert_eq(decode_attributes(entry(9, OWN, twice), &arena, &tree), 0);
    cr_assert_eq(value_get(tree, EXTPROC_S("k")).as.number, 2);
}

/* Complete Structs, as the entries of a map do. */
Test(decode_tree, an_outer_key_that_comes_twice_has_its_last_struct)
{
    struct extproc_str one = entry(1, "a", real(2, 1)), two = entry(1, "b", real(2, 2));
    struct extproc_value tree;
    cr_assert_eq(decode_attributes(cat(entry(9, OWN, one), entry(9, OWN, two)), &arena, &tree), 0);
    cr_assert_str_eq(show(tree), "{b:2}");
    struct extproc_str others = cat(entry(9, "x", one), entry(9, OWN, one), entry(9, "x", two));
    cr_assert_eq(decode_attributes(others, &arena, &tree), 0);
    cr_assert_str_eq(show(tree), "{b:2 a:1}");
    cr_assert_eq(decode_attributes(cat(entry(9, OWN, one), entry(9, OWN, NOTHING)), &arena, &tree),
                 0);
    cr_assert_str_eq(show(tree), "{}");
}

Test(decode_tree, outer_keys_are_few)
{
    char key[] = "a";
    struct extproc_str all = NOTHING;
    struct extproc_value tree;
    for (; key[0] < 'a' + 16; key[0]++)
        all = cat(all, entry(9, key, entry(1, "v", real(2, 1))), entry(9, key, NOTHING));
    cr_assert_eq(decode_attributes(all, &arena, &tree), 0);
    cr_assert_eq(decode_attributes(cat(all, entry(9, key, NOTHING)), &arena, &tree), -EBADMSG);
}

/* ---- oneofs and merging ---------------------------------------------------------------------- */

Test(decode_tree, the_last_member_of_a_value_counts)
{
    cr_assert_str_eq(value(cat(real(2, 1), field(3, text("s")))), "\"s\"");
    cr_assert_str_eq(value(cat(list(field(1, number(4, 1))), number(1, 0))), "null");
    cr_assert_str_eq(value(cat(real(2, 1), real(2, 2))), "2");
    cr_assert_str_eq(value(cat(real(2, 1), field(2, text("no double")), field(9, NOTHING))), "1");
}

Test(decode_tree, parts_of_the_same_member_are_merged)
{
    struct extproc_str one = list(field(1, real(2, 1))), two = list(field(1, real(2, 2)));
    cr_assert_str_eq(value(cat(one, two)), "[1 2]");
    cr_assert_str_eq(value(cat(one, number(1, 0), two)), "[2]", "another one was between");
    cr_assert_str_eq(value(cat(one, dict(NOTHING), two, one)), "[2 1]");
    cr_assert_str_eq(value(cat(dict(entry(1, "a", real(2, 1))), dict(entry(1, "b", real(2, 2))))),
                     "{a:1 b:2}");
}

Test(decode_tree, values_of_an_entry_are_merged)
{
    struct extproc_str one = list(field(1, real(2, 1))), two = list(field(1, real(2, 2)));
    struct extproc_str split = field(1, cat(field(2, one), field(1, text("v")), field(2, two)));
    struct extproc_str replaced =
        field(1, cat(field(1, text("w")), field(2, one), field(2, NOTHING),
                     field(2, cat(number(4, 1), two))));
    struct extproc_value tree;
    cr_assert_eq(decode_attributes(entry(9, OWN, cat(split, replaced)), &arena, &tree), 0);
    cr_assert_str_eq(show(tree), "{v:[1 2] w:[2]}");
}

/* ---- complete trees -------------------------------------------------------------------------- */

Test(decode_tree, what_envoy_sends_itself_wins_over_other_keys)
{
    struct extproc_str own = cat(entry(1, "a", real(2, 1)), entry(1, "b", real(2, 1)));
    struct extproc_str other = cat(entry(1, "b", real(2, 2)), entry(1, "c", real(2, 2)));
    struct extproc_value tree;
    cr_assert_eq(
        decode_attributes(cat(entry(9, OWN, own), entry(9, "other", other)), &arena, &tree), 0);
    cr_assert_str_eq(show(tree), "{b:2 c:2 a:1 b:1}");
    cr_assert_eq(value_get(tree, EXTPROC_S("b")).as.number, 1);
}

Test(decode_tree, typed_metadata_wins_over_untyped)
{
    struct extproc_str any = cat(field(1, text("type/x")), field(2, text("bytes")));
    cr_assert_str_eq(metadata(cat(entry(2, "ns", any), entry(1, "ns", entry(1, "k", real(2, 1))))),
                     "{ns:{k:1} ns:{@type:\"type/x\" value:\"bytes\"}}");
    cr_assert_str_eq(metadata(entry(2, "ns", NOTHING)), "{ns:{@type:\"\" value:\"\"}}");
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* The attribute is the first level. */
static struct extproc_str nested_list(unsigned levels)
{
    struct extproc_str v = number(4, 1);
    for (unsigned i = 1; i < levels; i++)
        v = list(field(1, v));
    return v;
}
static struct extproc_str nested_dict(unsigned levels)
{
    struct extproc_str v = number(4, 1);
    for (unsigned i = 1; i < levels; i++)
        v = dict(entry(1, "", v));
    return v;
}

Test(decode_tree, lists_and_dicts_nest_64_deep)
{
    cr_assert_neq(*value(nested_list(WIRE_MAX_DEPTH)), 'n');
    cr_assert_str_eq(value(nested_list(WIRE_MAX_DEPTH + 1)), "nested deeper than 64");
    cr_assert_neq(*value(nested_dict(WIRE_MAX_DEPTH)), 'n');
    cr_assert_str_eq(value(nested_dict(WIRE_MAX_DEPTH + 1)), "nested deeper than 64");
}

Test(decode_tree, broken_at_any_depth_it_is_refused)
{
    struct extproc_str broken = EXTPROC_S("\x0a\x7f");
    cr_assert_str_eq(value(broken), "malformed");
    cr_assert_str_eq(value(list(broken)), "malformed");
    cr_assert_str_eq(value(dict(field(1, broken))), "malformed");
    cr_assert_str_eq(value(list(field(1, dict(entry(1, "k", broken))))), "malformed");
    cr_assert_str_eq(metadata(broken), "malformed");
    cr_assert_str_eq(metadata(field(1, broken)), "malformed");
    cr_assert_str_eq(metadata(entry(1, "ns", broken)), "malformed");
    cr_assert_str_eq(metadata(entry(2, "ns", broken)), "malformed");
}

Test(decode_tree, the_check_spends_what_reading_takes)
{
    struct extproc_str raw = entry(9, OWN,
                                   cat(entry(1, "l", list(repeat(field(1, number(4, 1)), 1000))),
                                       entry(1, "d", dict(repeat(entry(1, "k", NOTHING), 1000)))));
    struct decoder d = {.budget = 1 << 20, .why = ""};
    struct extproc_value tree;
    cr_assert_eq(decode_check_attributes(&d, raw), 0);
    size_t spent = (1 << 20) - d.budget;
    cr_assert_eq(decode_attributes(raw, &arena, &tree), 0);
    cr_assert_geq(arena_size(&arena), spent);
    cr_assert_lt(arena_size(&arena), spent + 256);
    cr_assert_geq(spent, 1000 * (sizeof(struct extproc_value) + sizeof(struct extproc_field)));

    d.budget = spent - 1;
    cr_assert_eq(decode_check_attributes(&d, raw), -EBADMSG);
    cr_assert_str_eq(d.why, "too many elements for the message's size");
}
