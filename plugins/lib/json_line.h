/* json_line: JSON as one line of a file that people look at with a terminal: jansson escapes what
 * JSON demands, this also the characters that act on a terminal. */
#ifndef EXTPROC_LIB_JSON_LINE_H
#define EXTPROC_LIB_JSON_LINE_H

#include <extproc/text.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL: absent, or out of memory. */
static inline json_t *json_text(struct extproc_str s)
{
    static const struct extproc_str replacement = EXTPROC_STR("\xef\xbf\xbd");
    char *clean = s.ptr ? (char *)malloc(replacement.len * s.len + 1) : NULL;
    size_t n = 0;
    while (clean && s.len) {
        uint32_t code;
        size_t len = extproc_character(s, &code), taken = len ? len : 1;
        struct extproc_str next = len ? (struct extproc_str){s.ptr, len} : replacement;
        memcpy(clean + n, next.ptr, next.len);
        n += next.len;
        s.ptr += taken;
        s.len -= taken;
    }
    json_t *string = clean ? json_stringn(clean, n) : NULL;
    free(clean);
    return string;
}

enum { JSON_LINE_GROWTH = 6 }; /* DEL, one byte, becomes \u007f: none grows more */

/* Writes the character as an escape of a JSON string; returns its length. */
static inline size_t json_line_escape(char *to, uint32_t c)
{
    if (c < 0x10000)
        return (size_t)sprintf(to, "\\u%04x", c);
    c -= 0x10000;
    return (size_t)sprintf(to, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

/* From malloc, without a newline. NULL: out of memory. */
static inline char *json_line(const json_t *value)
{
    char *dumped = json_dumps(value, JSON_COMPACT);
    struct extproc_str rest = extproc_str_of(dumped);
    char *line = rest.ptr ? (char *)malloc(rest.len * JSON_LINE_GROWTH + 1) : NULL, *to = line;
    while (line && rest.len) { /* UTF-8 only, and characters that act only within strings */
        uint32_t c;
        size_t len = extproc_character(rest, &c);
        if (extproc_is_control(c)) {
            to += json_line_escape(to, c);
        } else {
            memcpy(to, rest.ptr, len);
            to += len;
        }
        rest.ptr += len;
        rest.len -= len;
    }
    if (line)
        *to = '\0';
    free(dumped);
    return line;
}

#endif
