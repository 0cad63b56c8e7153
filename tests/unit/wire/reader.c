#include "wire/reader.h"

#include "base/str.h"
#include "bytes.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(reader, .init = bytes_init, .fini = bytes_fini);

/* How a message ends when all its fields are read: 0 or -EBADMSG. */
static int walk(struct extproc_str message)
{
    struct reader in = reader_of_str(message);
    struct field f;
    int r;
    while ((r = reader_next(&in, &f)) > 0)
        ;
    return r;
}

Test(reader, every_wire_type)
{
    struct extproc_str message =
        cat(number(1, 300), real(2, 1.5), field(3, text("abc")), EXTPROC_S("\x25\x01\x02\x03\x04"));
    struct reader in = reader_of_str(message);
    struct field f;
    struct extproc_str content;

    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert(f.number == 1 && f.type == WIRE_VARINT && f.value == 300);
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert(f.number == 2 && f.type == WIRE_I64 && f.value == 0x3ff8000000000000);
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert(f.number == 3 && f.type == WIRE_LEN && reader_view(&f.content, &content));
    cr_assert(str_eq_c(content, "abc"));
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert(f.number == 4 && f.type == WIRE_I32 && f.value == 0x04030201);
    cr_assert_eq(reader_next(&in, &f), 0);
}

Test(reader, nothing_is_an_empty_message)
{
    cr_assert_eq(walk(NOTHING), 0);
    cr_assert_eq(walk(STR_ABSENT), 0);
    struct reader in = reader_of(NULL, 0);
    struct extproc_str view;
    cr_assert(reader_view(&in, &view));
    cr_assert(view.ptr && view.len == 0);
}

Test(reader, varints_have_up_to_ten_bytes)
{
    struct reader in = reader_of_str(number(1, UINT64_MAX));
    struct field f;
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert_eq(f.value, UINT64_MAX);

    cr_assert_eq(walk(EXTPROC_S("\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00")), 0, "overlong");
    cr_assert_eq(walk(EXTPROC_S("\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00")), -EBADMSG);
}

Test(reader, what_no_message_can_be)
{
    static const struct extproc_str bad[] = {
        EXTPROC_STR("\x00"),                     /* field number 0               */
        EXTPROC_STR("\x02\x00"),                 /* the same, with a length      */
        EXTPROC_STR("\x0e\x00"),                 /* wire type 6                  */
        EXTPROC_STR("\x0f\x00"),                 /* wire type 7                  */
        EXTPROC_STR("\x88\x80\x80\x80\x10\x00"), /* a tag of more than 32 bits   */
        EXTPROC_STR("\x08"),                     /* no value                     */
        EXTPROC_STR("\x08\x80"),                 /* a value that does not end    */
        EXTPROC_STR("\x09\x01\x02\x03\x04"),     /* half a double                */
        EXTPROC_STR("\x0d\x01\x02\x03"),         /* three bytes of four          */
        EXTPROC_STR("\x0a\x02\x61"),             /* longer than there is         */
        EXTPROC_STR("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* much     */
        EXTPROC_STR("\x0c"),     /* the end of no group          */
        EXTPROC_STR("\x0b"),     /* a group without end          */
        EXTPROC_STR("\x0b\x14"), /* the end of another one       */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(walk(bad[i]), -EBADMSG, "case %zu", i);
}

Test(reader, a_group_is_one_unknown_field)
{
    struct extproc_str group = cat(EXTPROC_S("\x0b"), number(1, 5), field(2, text("x")),
                                   EXTPROC_S("\x13\x14"), EXTPROC_S("\x0c"));
    struct reader in = reader_of_str(cat(group, number(7, 1)));
    struct field f;
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert(f.number == 1 && f.type == WIRE_GROUP);
    cr_assert_eq(reader_next(&in, &f), 1);
    cr_assert_eq(f.number, 7);
    cr_assert_eq(reader_next(&in, &f), 0);
}

Test(reader, groups_nest_64_deep)
{
    struct extproc_str begin = EXTPROC_S("\x0b"), end = EXTPROC_S("\x0c");
    cr_assert_eq(walk(cat(repeat(begin, 64), repeat(end, 64))), 0);
    cr_assert_eq(walk(cat(repeat(begin, 65), repeat(end, 65))), -EBADMSG);
}

Test(reader, find_passes_by_other_numbers_and_other_types)
{
    struct extproc_str message = cat(number(2, 1), field(1, text("a")), field(2, text("b")));
    struct reader in = reader_of_str(message), content;
    struct extproc_str view;
    cr_assert_eq(reader_find(&in, 2, &content), 1);
    cr_assert(reader_view(&content, &view));
    cr_assert(str_eq_c(view, "b"));
    cr_assert_eq(reader_find(&in, 2, &content), 0);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

Test(reader, reads_over_every_border)
{
    struct extproc_str m = cat(number(1, 300), real(2, 1.5), field(3, text("abcdef")));
    for (size_t i = 0; i <= m.len; i++) {
        struct extproc_str pieces[] = {apart(m.ptr, i), {NULL, 0}, apart(m.ptr + i, m.len - i)};
        struct reader in = reader_of(pieces, 3);
        struct field f;
        char copy[6];
        cr_assert_eq(reader_next(&in, &f), 1);
        cr_assert_eq(f.value, 300);
        cr_assert_eq(reader_next(&in, &f), 1);
        cr_assert_eq(f.value, 0x3ff8000000000000);
        cr_assert_eq(reader_next(&in, &f), 1);
        cr_assert_eq(reader_len(&f.content), 6);
        cr_assert_eq(reader_copy(f.content, copy), copy + 6);
        cr_assert_arr_eq(copy, "abcdef", 6);
        cr_assert_eq(reader_next(&in, &f), 0);
    }
}

Test(reader, what_lies_in_one_piece_is_a_view)
{
    struct extproc_str m = field(1, text("abc"));
    struct extproc_str whole[] = {{m.ptr, 2}, {m.ptr + 2, 3}}, cut[] = {{m.ptr, 3}, {m.ptr + 3, 2}};
    struct reader in = reader_of(whole, 2), content;
    struct extproc_str view;
    cr_assert_eq(reader_find(&in, 1, &content), 1);
    cr_assert(reader_view(&content, &view), "begins just after a border");
    cr_assert_eq(view.ptr, m.ptr + 2);

    in = reader_of(cut, 2);
    cr_assert_eq(reader_find(&in, 1, &content), 1);
    cr_assert_not(reader_view(&content, &view));
}

Test(reader, pieces_are_shown_as_they_lie)
{
    struct extproc_str m = field(1, text("abcdef"));
    struct extproc_str given[] = {{m.ptr, 4}, {NULL, 0}, {m.ptr + 4, 3}, {m.ptr + 7, 1}};
    struct reader in = reader_of(given, 4), content;
    struct extproc_str pieces[3];
    cr_assert_eq(reader_find(&in, 1, &content), 1);
    cr_assert_eq(reader_pieces(content, NULL), 3);
    cr_assert_eq(reader_pieces(content, pieces), 3);
    cr_assert(str_eq_c(pieces[0], "ab") && str_eq_c(pieces[1], "cde") && str_eq_c(pieces[2], "f"));
    cr_assert_eq(pieces[1].ptr, m.ptr + 4);
}

Test(reader, take_splits_off_the_front)
{
    struct reader in = reader_of_str(text("abcdef"));
    struct reader front = reader_take(&in, 2);
    struct extproc_str view;
    cr_assert(reader_view(&front, &view) && str_eq_c(view, "ab"));
    cr_assert(reader_view(&in, &view) && str_eq_c(view, "cdef"));
}
