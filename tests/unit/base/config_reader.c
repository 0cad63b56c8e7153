#include "scene.h"

#include <criterion/criterion.h>

TestSuite(config_reader, .init = scene_begin, .fini = scene_end);

/* Text with this beginning, filled up with x to a length. */
static const char *filled(const char *beginning, size_t len)
{
    static char text[70000];
    memset(text, 'x', sizeof text);
    memcpy(text, beginning, strlen(beginning));
    text[len] = '\0';
    return text;
}

static void read_lines(const char *one, const char *two, const char *three)
{
    static char text[210010];
    snprintf(text, sizeof text, "%.69999s\n%.69999s\n%.69999s\n", one, two, three);
    read_text(text);
}

/* ---- what is right --------------------------------------------------------------------------- */

Test(config_reader, keys_and_values)
{
    read_text("[a]\n"
              "one = 1\n"
              "two=2\n"
              "three   =   3 4   \n"
              "colon: 5\n"
              "set = name: value = x\n"
              "none =\n");
    expect_said("");
    cr_assert_str_eq(value("one"), "1");
    cr_assert_str_eq(value("two"), "2");
    cr_assert_str_eq(value("three"), "3 4");
    cr_assert_str_eq(value("colon"), "5");
    cr_assert_str_eq(value("set"), "name: value = x");
    cr_assert_str_eq(value("none"), "");
}

Test(config_reader, comments)
{
    read_text("; one\n"
              "# two\n"
              "[a] ; three\n"
              "   ; four\n"
              "\t# five\n"
              "x = 1 ; six\n"
              "y = a;b # not a comment\n"
              "z = ; seven\n");
    expect_said("");
    cr_assert_str_eq(value("x"), "1");
    cr_assert_str_eq(value("y"), "a;b # not a comment");
    cr_assert_str_eq(value("z"), "");
}

Test(config_reader, repeated_keys_are_entries_of_their_own_in_order)
{
    read_text("[a]\nx = 1\nx = 2\n  3\nx = 4\n");
    expect_said("");
    cr_assert_str_eq(nth("a", "", "x", 0), "1");
    cr_assert_str_eq(nth("a", "", "x", 1), "2 3");
    cr_assert_str_eq(nth("a", "", "x", 2), "4");
    cr_assert_eq(config_find(config, "a", "")->n_entries, 3);
    cr_assert_eq(config_find(config, "a", "")->entries[1].line, 3);
}

Test(config_reader, a_value_goes_on_in_indented_lines_joined_with_one_space)
{
    read_text("[a]\n"
              "x = one ; the first\n"
              "\n"
              "    two   ; the second\n"
              "    ; nothing\n"
              "\tthree;3\n"
              "y =\n"
              "  begins here\n");
    expect_said("");
    cr_assert_str_eq(value("x"), "one two three;3");
    cr_assert_str_eq(value("y"), "begins here");
}

Test(config_reader, an_escaped_semicolon_is_part_of_the_value)
{
    read_text("[a]\n"
              "cookie = a=1 \\; Path=/ ; a comment\n"
              "  \\; Secure\n"
              "  plain \\; and ; a comment\n");
    expect_said("");
    cr_assert_str_eq(value("cookie"), "a=1 ; Path=/ ; Secure plain ; and");
}

Test(config_reader, a_long_value_goes_on_line_by_line)
{
    char text[100000] = "[a]\nx =\n";
    for (int i = 0; i < 500; i++)
        strcat(text, filled("  ", 198)), strcat(text, "\n");
    read_text(text);
    expect_said("");
    cr_assert_eq(strlen(value("x")), 500 * 197 - 1);
}

Test(config_reader, byte_order_mark_and_carriage_returns_are_ignored)
{
    read_text("\xEF\xBB\xBF[a]\r\nx = 1\r\n  2\r\ny = 3\r\n");
    expect_said("");
    cr_assert_str_eq(value("x"), "1 2");
    cr_assert_str_eq(value("y"), "3");
}

Test(config_reader, a_last_line_needs_no_newline)
{
    read_text("[a]\nx = 1");
    cr_assert_str_eq(value("x"), "1");
    config = config_free(config);
    read_text("[a]");
    cr_assert_eq(config->n_sections, 1);
    config = config_free(config);
    read_text("");
    cr_assert_eq(config->n_sections, 0);
    expect_said("");
}

Test(config_reader, sections_without_keys_are_there)
{
    read_text("[extprocd]\n[listener:main]\n[plugin:x]\nk = v\n[chain:all]");
    expect_said("");
    cr_assert_eq(config->n_sections, 4);
    cr_assert_str_eq(config->sections[3].name, "all");
    cr_assert_eq(config->sections[3].line, 5);
}

Test(config_reader, an_address_on_a_line_of_its_own_is_not_a_section)
{
    read_text("[a]\naddress =\n  [::1]:50051\n  [::1]\n");
    expect_said("");
    cr_assert_str_eq(value("address"), "[::1]:50051 [::1]");
}

/* ---- lines that inih takes otherwise than they were meant ------------------------------------ */

enum { LINE_MAX_BYTES = 64 * 1024 };

/* The size of inih's own buffer is not a limit. */
Test(config_reader, a_line_of_64_kib_is_complete)
{
    static const size_t sizes[] = {199, 200, 201, 4096, LINE_MAX_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        read_lines("[a]", filled("x = ", sizes[i]), "y = 1");
        expect_said("");
        cr_expect_eq(strlen(value("x")), sizes[i] - 4);
        cr_expect_str_eq(value("y"), "1");
        config = config_free(config);
    }
    read_text("");
}

Test(config_reader, a_long_line_is_read_as_a_short_one)
{
    read_lines("[a]\nx = 1", filled("  2", 500), "  3 ; a comment\ny = 4");
    expect_said("");
    cr_expect_eq(strlen(value("x")), 1 + 1 + 498 + 1 + 1);
    cr_expect_str_eq(value("y"), "4");
    config = config_free(config);

    char line[1000];
    snprintf(line, sizeof line, "x : %.300s  ; a comment", filled("a=b:", 300));
    read_lines("[a]", line, "");
    expect_said("");
    cr_expect_eq(strlen(value("x")), 300);
    config = config_free(config);

    snprintf(line, sizeof line, "%400s2", "");
    read_lines("[a]\nx = 1", line, "y = 3");
    cr_expect_str_eq(value("x"), "1 2");
}

Test(config_reader, a_longer_line_is_refused_and_nothing_of_it_is_used)
{
    read_lines("[a]", filled("x = ", LINE_MAX_BYTES + 1), "  more of x\ny = 1");
    expect_said("main.ini:2: [a] x: ~65537 bytes exceeds 65536~\n");
    cr_assert_str_eq(value("x"), "(absent)");
    cr_assert_str_eq(value("y"), "1");
}

Test(config_reader, a_long_line_that_goes_on_is_refused)
{
    read_lines("[a]\nx = 1", filled("  ", LINE_MAX_BYTES + 1), "y = 2");
    expect_said("main.ini:3: [a] ~65537 bytes exceeds 65536~\n");
    cr_assert_str_eq(value("x"), "1");
}

Test(config_reader, a_comment_that_looks_like_a_part_of_the_value_is_reported)
{
    read_text("[a]\nx = b=1 ; Path=/\ny = 2 ; two\nz = 3 \\; Path=/ ; why = so\n");
    expect_said("main.ini:2: [a] x: warning: ~\" ;\"~comment~backslash~\n");
    cr_expect_str_eq(value("x"), "b=1");
    cr_expect_str_eq(value("z"), "3 ; Path=/");
}

Test(config_reader, a_long_comment_is_a_comment)
{
    read_lines("[a]\nx = 1", filled("; ", 500), filled("   # ", 500));
    expect_said("");
    cr_assert_str_eq(value("x"), "1");
}

Test(config_reader, a_long_section_name_is_refused_not_cut)
{
    read_lines(filled("[plugin:", 41), "x = 1", "");
    cr_assert(is_said("main.ini:1: ~missing ]"));

    config_errors_fini(&errors);
    config = config_free(config);
    read_text("[plugin:a23456789b123456789c123456789d123456789e123456789f]\nx = 1\n");
    expect_said("main.ini:1: [plugin:a23456789b123456789c123456789d123456789e123456789f] ~invalid "
                "section name~32~\n");

    config_errors_fini(&errors);
    config = config_free(config);
    char text[1100];
    snprintf(text, sizeof text, "%.1000s]\nx = 1\n  2\n", filled("[plugin:", 300));
    read_text(text);
    cr_assert(is_said("] invalid section name~32"));
}

Test(config_reader, a_key_has_at_most_48_bytes)
{
    char text[200];
    snprintf(text, sizeof text, "[a]\n%.48s = 1\n", filled("k", 100));
    read_text(text);
    expect_said("");
    cr_assert_eq(strlen(config_find(config, "a", "")->entries[0].key), 48);

    config = config_free(config);
    snprintf(text, sizeof text, "[a]\n%.49s = 1\n  goes on\n", filled("k", 100));
    read_text(text);
    expect_said("main.ini:2: [a] ~49 bytes exceeds 48\n");
}

Test(config_reader, an_indented_key_is_not_swallowed_by_the_one_above)
{
    read_text("[plugin:x]\nset = a\n  file = b.so\n  mode = c\n  plugins: d\n");
    expect_said("main.ini:3: [plugin:x] file: ~indented~value of set ~\n"
                "main.ini:5: [plugin:x] plugins: ~indented~value of set ~\n");
    cr_assert_str_eq(nth("plugin", "x", "set", 0), "a mode = c");
}

Test(config_reader, nothing_is_refused_where_no_keys_are_known)
{
    write_file("main.ini", "[a]\nset = a\n  file = b.so\n");
    config_read("main.ini", NULL, NULL, &errors, &config);
    expect_said("");
    cr_assert_str_eq(value("set"), "a file = b.so");
}

Test(config_reader, an_indented_section_is_not_swallowed_by_the_key_above)
{
    read_text("[a]\nx = 1\n  [plugin:b] ; here\n  [c]\n");
    expect_said("main.ini:3: [a] ~section is indented~value of x ~\n"
                "main.ini:4: [plugin:b] ~section is indented~\n");
    cr_assert_str_eq(value("x"), "1");
}

Test(config_reader, the_lines_of_an_indented_section_are_read)
{
    read_text("[a]\nx = 1\n  [b]\n  y = 2\n  z = 3\n[a]\nx = 4\n  5\n");
    expect_said("main.ini:3: [a] ~section is indented~value of x ~\n");
    cr_assert_str_eq(nth("b", "", "y", 0), "2");
    cr_assert_str_eq(nth("b", "", "z", 0), "3");
    cr_assert_str_eq(nth("a", "", "x", 1), "4 5");
}

Test(config_reader, an_indented_line_needs_a_key_above)
{
    read_text("  x = 1\n[a]\n  y = 2\nz = 3\n");
    expect_said("main.ini:1: ~indented~no key before it~\n"
                "main.ini:3: [a] ~indented~no key before it~\n");
    cr_assert_str_eq(value("z"), "3");
}

/* ---- what is wrong --------------------------------------------------------------------------- */

Test(config_reader, every_line_without_an_equals_sign_is_reported)
{
    read_text("[a]\nx = 1\nnonsense\n  more of it\ny ; = 2\nlast");
    expect_said("main.ini:3: [a] ~missing =~\n"
                "main.ini:5: [a] ~missing =~\n"
                "main.ini:6: [a] ~missing =~\n");
    cr_assert_str_eq(value("x"), "1");
}

Test(config_reader, a_value_needs_a_key)
{
    read_text("[a]\n= 1\n: 2\n  and more\n");
    expect_said("main.ini:2: [a] ~missing key~\n"
                "main.ini:3: [a] ~missing key~\n");
}

Test(config_reader, keys_stand_in_sections)
{
    read_text("x = 1\n  2\ny = 3\n[a]\nz = 4\n");
    expect_said("main.ini:1: x: ~before the first section~\n"
                "main.ini:3: y: ~before the first section~\n");
    cr_assert_str_eq(value("z"), "4");
}

Test(config_reader, a_section_that_is_none_is_one_error)
{
    read_text("[]\nx = 1\n  2\nnonsense\n[a b]\ny = 1\n[:x]\n[a ; b]\n[end\n[b]\nz = 1\n");
    expect_said("main.ini:1: ~invalid section: ~\n"
                "main.ini:5: ~invalid section: ~\n"
                "main.ini:7: ~invalid section: ~\n"
                "main.ini:8: ~missing ]~\n"
                "main.ini:9: ~missing ]~\n");
    cr_assert_str_eq(nth("b", "", "z", 0), "1");
}

Test(config_reader, names_are_checked_and_their_sections_kept)
{
    read_text("[plugin:]\n[plugin:a b]\nx = 1\n[plugin:\xC3\xA4]\n[plugin:a:b]\n"
              "[plugin:Good_1.2-3]\n");
    expect_said("main.ini:1: [plugin] ~invalid section name~32~\n"
                "main.ini:2: [plugin:a b] ~invalid section name~32~\n"
                "main.ini:4: [plugin:\xC3\xA4] ~invalid section name~32~\n"
                "main.ini:5: [plugin:a:b] ~invalid section name~32~\n");
    cr_assert_str_eq(nth("plugin", "a b", "x", 0), "1");
}

Test(config_reader, nothing_may_follow_a_section)
{
    read_text("[a] x = 1\n[b]   ; fine\n");
    expect_said("main.ini:1: [a] ~text after ]~\n");
}

Test(config_reader, a_nul_byte_is_an_error_of_its_line)
{
    static const char text[] = "[a]\nw = 1\nx = 1\0002\n  goes on\n; y\0\nz = 3\n"
                               "[b\0]\nof the section = that is none\n";
    write_bytes("main.ini", text, sizeof text - 1);
    config_read("main.ini", knows, NULL, &errors, &config);
    expect_said("main.ini:3: [a] ~NUL byte~\n"
                "main.ini:5: [a] ~NUL byte~\n"
                "main.ini:7: ~NUL byte~\n");
    cr_assert_str_eq(value("w"), "1");
    cr_assert_str_eq(value("z"), "3");
    cr_assert_eq(config_find(config, "a", "")->n_entries, 2);
}
