#include "base/str.h"
#include "bytes.h"
#include "wire/decode/decode.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct arena arena;
static struct event event;
static const char *why;

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

TestSuite(decode_headers, .init = setup, .fini = teardown);

/* Request headers that are these HeaderMap bytes. */
static int decode(struct extproc_str map)
{
    struct extproc_str message = field(2, field(1, map));
    return decode_request(&message, 1, &arena, &event, &why);
}

static void expect(size_t i, const char *name, const char *value)
{
    cr_assert_lt(i, event.n_headers);
    cr_assert(str_eq_c(event.headers[i].name, name), "header %zu", i);
    cr_assert(str_eq_c(event.headers[i].value, value), "header %zu", i);
}

Test(decode_headers, order_and_repetition_are_kept)
{
    cr_assert_eq(
        decode(cat(header(":path", "/"), header("b", "1"), header("a", ""), header("b", "2"))), 0);
    cr_assert_eq(event.n_headers, 4);
    expect(0, ":path", "/");
    expect(1, "b", "1");
    expect(2, "a", "");
    expect(3, "b", "2");
}

Test(decode_headers, value_counts_where_raw_value_is_empty)
{
    struct extproc_str key = field(1, text("a")), value = field(2, text("v"));
    cr_assert_eq(
        decode(cat(field(1, cat(key, value)), field(1, cat(key, value, field(3, text("raw")))),
                   field(1, cat(key, value, field(3, NOTHING))), field(1, key))),
        0);
    expect(0, "a", "v");
    expect(1, "a", "raw");
    expect(2, "a", "v");
    expect(3, "a", "");
}

Test(decode_headers, the_last_of_a_scalar_counts)
{
    cr_assert_eq(decode(field(1, cat(field(1, text("a")), field(3, text("1")), field(1, text("b")),
                                     field(3, text("2"))))),
                 0);
    expect(0, "b", "2");
}

Test(decode_headers, fields_come_in_any_order_and_length)
{
    struct extproc_str key = field(1, text("a")), raw = field(3, text("1"));
    struct extproc_str length = repeat(text("x"), 300);
    cr_assert_eq(decode(cat(field(1, cat(raw, key)), field(1, cat(key, raw, number(4, 1))),
                            field(1, raw), field(1, cat(field(1, length), field(3, length))))),
                 0);
    cr_assert_eq(event.n_headers, 4);
    expect(0, "a", "1");
    expect(1, "a", "1");
    expect(2, "", "1");
    cr_assert(extproc_eq(event.headers[3].name, length));
    cr_assert(extproc_eq(event.headers[3].value, length));
}

/* Most entries are read in a quick way, which must not show: lengths on both sides of what that
 * takes, and messages in two pieces, cut at many places. */
Test(decode_headers, an_entry_is_read_alike_whatever_its_length_and_pieces)
{
    static const size_t lengths[] = {0, 1, 3, 122, 123, 124, 125, 127, 128, 200};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        for (size_t v = 0; v < sizeof lengths / sizeof *lengths; v++) {
            struct extproc_str name = repeat(text("n"), lengths[k]);
            struct extproc_str value = repeat(text("v"), lengths[v]);
            struct extproc_str entry = field(1, cat(field(1, name), field(3, value)));
            struct extproc_str m = field(2, field(1, cat(entry, header("b", "1"))));
            for (size_t cut = 0; cut <= m.len; cut += 1 + cut / 16) {
                struct extproc_str pieces[] = {{m.ptr, cut}, {m.ptr + cut, m.len - cut}};
                cr_assert_eq(decode_request(pieces, 2, &arena, &event, &why), 0);
                cr_assert_eq(event.n_headers, 2);
                cr_assert(extproc_eq(event.headers[0].name, name));
                cr_assert(extproc_eq(event.headers[0].value, value));
                expect(1, "b", "1");
            }
        }
    }
}

/* An entry that says to be longer than it is, in each of its three lengths. */
Test(decode_headers, an_entry_with_a_wrong_length_is_refused)
{
    struct extproc_str m = field(2, field(1, header("name", "value")));
    static const size_t places[] = {1, 3, 5, 7, 13}; /* of the lengths from the outside in */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char bytes[64];
        memcpy(bytes, m.ptr, m.len);
        bytes[places[i]]++;
        struct extproc_str wrong = {bytes, m.len};
        cr_expect_eq(decode_request(&wrong, 1, &arena, &event, &why), -EBADMSG, "place %zu",
                     places[i]);
    }
}

Test(decode_headers, names_become_lower_case)
{
    cr_assert_eq(decode(cat(header("Content-TYPE", "Text"), header("x-\xc3\x84", "1"))), 0);
    expect(0, "content-type", "Text");
    expect(1, "x-\xc3\x84", "1");
}

Test(decode_headers, every_character_of_a_name_is_looked_at)
{
    static const struct {
        char is, becomes;
    } cases[] = {{'@', '@'}, {'A', 'a'}, {'Z', 'z'}, {'[', '['}, {'a', 'a'}, {'\x7f', '\x7f'}};
    for (size_t len = 1; len <= 20; len++) {
        for (size_t at = 0; at < len; at++) {
            char name[21] = {0};
            memset(name, 'n', len);
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                name[at] = cases[i].is;
                cr_assert_eq(decode(header(name, "1")), 0);
                name[at] = cases[i].becomes;
                expect(0, name, "1");
            }
            name[at] = '\xc1'; /* 'A' with the highest bit set */
            cr_assert_eq(decode(header(name, "1")), -EBADMSG);
        }
    }
}

Test(decode_headers, what_need_not_change_is_a_view)
{
    struct extproc_str map = header("name", "value");
    struct extproc_str message = field(2, field(1, map));
    cr_assert_eq(decode_request(&message, 1, &arena, &event, &why), 0);
    const char *name = event.headers[0].name.ptr;
    cr_assert(name > message.ptr && name < message.ptr + message.len);
}

Test(decode_headers, a_nul_is_kept)
{
    struct extproc_str odd = EXTPROC_S("a\0b");
    cr_assert_eq(decode(field(1, cat(field(1, odd), field(3, odd)))), 0);
    cr_assert(extproc_eq(event.headers[0].name, odd));
    cr_assert(extproc_eq(event.headers[0].value, odd));
}

Test(decode_headers, an_empty_entry_has_an_empty_name)
{
    cr_assert_eq(decode(field(1, NOTHING)), 0);
    cr_assert_eq(event.n_headers, 1);
    cr_assert_not_null(event.headers[0].name.ptr);
    expect(0, "", "");
}

Test(decode_headers, strings_are_utf8_and_bytes_are_bytes)
{
    struct extproc_str odd = EXTPROC_S("\xff");
    cr_assert_eq(decode(field(1, cat(field(1, odd), field(3, text("v"))))), -EBADMSG);
    cr_assert_str_eq(why, "request_headers: a header's key is not UTF-8");
    cr_assert_eq(decode(field(1, cat(field(1, text("a")), field(2, odd)))), -EBADMSG);
    cr_assert_str_eq(why, "request_headers: a header's value is not UTF-8");

    cr_assert_eq(decode(field(1, cat(field(1, text("a")), field(3, odd)))), 0);
    cr_assert(extproc_eq(event.headers[0].value, odd));
}

Test(decode_headers, other_numbers_and_types_are_passed_by)
{
    cr_assert_eq(decode(cat(field(9, text("x")), number(1, 7), header("a", "1"),
                            field(1, cat(field(1, text("b")), number(3, 1), real(4, 1))))),
                 0);
    cr_assert_eq(event.n_headers, 2);
    expect(0, "a", "1");
    expect(1, "b", "");
}

Test(decode_headers, a_map_in_parts_is_one_map)
{
    struct extproc_str message = field(2, cat(field(1, header("a", "1")), field(1, NOTHING),
                                              number(3, 1), field(1, header("b", "2"))));
    cr_assert_eq(decode_request(&message, 1, &arena, &event, &why), 0);
    cr_assert_eq(event.n_headers, 2);
    cr_assert(event.end);
    expect(1, "b", "2");
}

Test(decode_headers, many_headers_in_parts_are_all_there)
{
    struct extproc_str parts = NOTHING, hundred = NOTHING;
    char text[16];
    for (int i = 0; i < 400; i++) {
        snprintf(text, sizeof text, "%d", i);
        if (i < 100)
            hundred = cat(hundred, header("a", text));
        else
            parts = cat(parts, field(1, header("a", text)));
    }
    struct extproc_str message = field(2, cat(field(1, hundred), parts));
    cr_assert_eq(decode_request(&message, 1, &arena, &event, &why), 0);
    cr_assert_eq(event.n_headers, 400);
    for (size_t i = 0; i < 400; i++) {
        snprintf(text, sizeof text, "%zu", i);
        expect(i, "a", text);
    }
}
