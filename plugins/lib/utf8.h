/* utf8: what is UTF-8 and what is not (Unicode, table 3-7). */
#ifndef EXTPROC_LIB_UTF8_H
#define EXTPROC_LIB_UTF8_H

#include <extproc/plugin.h>

/* How many bytes the first character has; 0: the text is empty, or not UTF-8. */
static inline size_t utf8_char_len(struct extproc_str s)
{
    unsigned char first = s.len ? (unsigned char)s.ptr[0] : 0xff;
    size_t len = first < 0x80   ? 1
                 : first < 0xc2 ? 0 /* inside of one, or an overlong one */
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
    unsigned char second = len > 1 && s.len > 1 ? (unsigned char)s.ptr[1] : 0x80;
    if (len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90)) /* overlong */
        return 0;
    if ((first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f)) /* no code points */
        return 0;
    return len;
}

/* The code point of a well-formed character of `len` bytes. */
static inline uint32_t utf8_code_point(const char *bytes, size_t len)
{
    uint32_t c = (unsigned char)bytes[0];
    if (len > 1)
        c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)bytes[i] & 0x3fu);
    return c;
}

static inline bool utf8_valid(struct extproc_str s)
{
    while (s.len) {
        size_t len = utf8_char_len(s);
        if (!len)
            return false;
        s.ptr += len;
        s.len -= len;
    }
    return true;
}

#endif
