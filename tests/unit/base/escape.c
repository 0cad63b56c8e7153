#include "base/escape.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char shown[256];

static const char *show(enum escape how, struct extproc_str s)
{
    FILE *out = fmemopen(shown, sizeof shown, "w");
    escape_print(out, how, s);
    fclose(out);
    return shown;
}

#define EXPECT(how, bytes, text) cr_assert_str_eq(show(how, EXTPROC_S(bytes)), text)

Test(escape, what_can_be_seen_stays)
{
    show(ESCAPE_TEXT, EXTPROC_S("plain \"text\" \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"));
    cr_assert_str_eq(shown, "plain \"text\" \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
}

Test(escape, controls)
{
    EXPECT(ESCAPE_TEXT, "\n\r\t\x01\x1b\x7f", "\\n\\r\\t\\x01\\x1b\\x7f");
    EXPECT(ESCAPE_JSON, "\n\r\t\x01\x1b\x7f", "\\n\\r\\t\\u0001\\u001b\\u007f");
    EXPECT(ESCAPE_TEXT, "\xc2\x80\xc2\x85\xc2\x9b\xc2\x9f\xc2\xa0",
           "\\u0080\\u0085\\u009b\\u009f\xc2\xa0");
}

Test(escape, separators_of_lines_and_directions)
{
    EXPECT(ESCAPE_TEXT, "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029");
    EXPECT(ESCAPE_TEXT, "\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u061c\\u200e\\u200f");
    EXPECT(ESCAPE_TEXT, "\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae",
           "\\u202a\\u202b\\u202c\\u202d\\u202e");
    EXPECT(ESCAPE_TEXT, "\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9",
           "\\u2066\\u2067\\u2068\\u2069");
    EXPECT(ESCAPE_TEXT, "\xf3\xa0\x81\x81", "\\U000e0041");
    EXPECT(ESCAPE_JSON, "\xf3\xa0\x81\x81", "\\udb40\\udc41");
}

Test(escape, an_escape_cannot_be_forged)
{
    EXPECT(ESCAPE_TEXT, "\\x1b", "\\\\x1b");
    EXPECT(ESCAPE_FIELD, "\\x1b", "\\\\x1b");
    EXPECT(ESCAPE_JSON, "\\x1b", "\\\\x1b");
    EXPECT(ESCAPE_VALUE, "s/\\x1b/\x1b/", "s/\\x1b/\\x1b/");
}

Test(escape, what_is_not_utf8)
{
    EXPECT(ESCAPE_TEXT, "\xff\x9b\xc0\x80\xed\xa0\x80\xc3",
           "\\xff\\x9b\\xc0\\x80\\xed\\xa0\\x80\\xc3");
    EXPECT(ESCAPE_JSON, "\xff\xc3", "\xEF\xBF\xBD\xEF\xBF\xBD");
}

Test(escape, a_field_is_one_word)
{
    EXPECT(ESCAPE_FIELD, "1 plugin=auth\n", "1\\x20plugin=auth\\n");
}

Test(escape, json_strings_cannot_be_left)
{
    EXPECT(ESCAPE_JSON, "\"}\\ /", "\\\"}\\\\ /");
}
