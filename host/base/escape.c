/* escape: text as it is shown to people.
 *
 *     \n \r \t \\    these four
 *     \x1b           a byte: an ASCII control character, or one that is not part of any UTF-8 character
 *     \u202e         any other character of UTF-8 for which extproc_is_control() is true
 *
 * A backslash is escaped too, so that an escape cannot be forged. JSON has its own forms of the
 * same, and U+FFFD for a byte that is not UTF-8, because a JSON string cannot hold one.
 */
#include "base/escape.h"

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The letter of a form of two characters; 0: there is none. */
static char letter_of(enum escape how, uint32_t c)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\\':
        return how == ESCAPE_VALUE ? '\0' : '\\';
    case '"':
        return how == ESCAPE_JSON ? '"' : '\0';
    default:
        return '\0';
    }
}

static bool is_plain(enum escape how, uint32_t c)
{
    return !letter_of(how, c) && !extproc_is_control(c) && !(c == ' ' && how == ESCAPE_FIELD);
}

static int write_code_point(enum escape how, uint32_t c, char room[static ESCAPE_ROOM])
{
    char letter = letter_of(how, c);
    if (letter)
        return snprintf(room, ESCAPE_ROOM, "\\%c", letter);
    if (c < 0x80 && how != ESCAPE_JSON)
        return snprintf(room, ESCAPE_ROOM, "\\x%02x", c);
    if (c < 0x10000)
        return snprintf(room, ESCAPE_ROOM, "\\u%04x", c);
    if (how != ESCAPE_JSON)
        return snprintf(room, ESCAPE_ROOM, "\\U%08x", c);
    c -= 0x10000; /* JSON has UTF-16's surrogates */
    return snprintf(room, ESCAPE_ROOM, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

struct extproc_str escape_next(enum escape how, struct extproc_str s, size_t *at,
                               char room[static ESCAPE_ROOM])
{
    const char *bytes = s.ptr + *at;
    uint32_t c;
    size_t len = extproc_character((struct extproc_str){bytes, s.len - *at}, &c);
    *at += len ? len : 1;
    if (len == 0 && how == ESCAPE_JSON)
        return EXTPROC_S("\xEF\xBF\xBD");
    if (len == 0)
        return (struct extproc_str){
            room, (size_t)snprintf(room, ESCAPE_ROOM, "\\x%02x", (unsigned char)*bytes)};

    if (is_plain(how, c))
        return (struct extproc_str){bytes, len};
    return (struct extproc_str){room, (size_t)write_code_point(how, c, room)};
}

void escape_print(FILE *out, enum escape how, struct extproc_str s)
{
    char room[ESCAPE_ROOM];
    for (size_t at = 0; at < s.len;) {
        struct extproc_str shown = escape_next(how, s, &at, room);
        fwrite(shown.ptr, 1, shown.len, out);
    }
}
