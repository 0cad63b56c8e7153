/* extproc text: what plugins often do with texts: find, split, UTF-8, cookies, query parameters,
 * base64url. Inline functions on views (struct extproc_str), built on <extproc/plugin.h> alone.
 *
 * A view that is returned is a part of the view that was passed in, and is valid as long as that.
 * A function that takes an x may return memory that lives until the callback returns. ptr NULL:
 * absent. */
#ifndef EXTPROC_TEXT_H
#define EXTPROC_TEXT_H

#include <extproc/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- views ----------------------------------------------------------------------------------- */

/** What follows the first `at` bytes; empty where there are not more. */
static inline struct extproc_str extproc_from(struct extproc_str s, size_t at)
{
    struct extproc_str rest = {NULL, 0};
    if (s.ptr) {
        rest.ptr = s.ptr + (at < s.len ? at : s.len);
        rest.len = s.len - (at < s.len ? at : s.len);
    }
    return rest;
}

/** The first n bytes, or all where there are fewer. */
static inline struct extproc_str extproc_first(struct extproc_str s, size_t n)
{
    if (s.len > n)
        s.len = n;
    return s;
}

/** Searches s for `what`: returns what begins with its first occurrence, up to the end of s. An
 *  empty text is found at the start. ptr NULL: not found, or either is absent. */
static inline struct extproc_str extproc_find(struct extproc_str s, struct extproc_str what)
{
    struct extproc_str none = {NULL, 0};
    if (!s.ptr || !what.ptr)
        return none;
    for (size_t i = 0; i + what.len <= s.len; i++) {
        if (extproc_eq(extproc_first(extproc_from(s, i), what.len), what))
            return extproc_from(s, i);
    }
    return none;
}

/** Byte for byte. False where either is absent. */
static inline bool extproc_has_prefix(struct extproc_str s, struct extproc_str prefix)
{
    return s.ptr && prefix.ptr && s.len >= prefix.len &&
           extproc_eq(extproc_first(s, prefix.len), prefix);
}

/** As extproc_has_prefix(), at the end. */
static inline bool extproc_has_suffix(struct extproc_str s, struct extproc_str suffix)
{
    return s.ptr && suffix.ptr && s.len >= suffix.len &&
           extproc_eq(extproc_from(s, s.len - suffix.len), suffix);
}

/** Without spaces and tabs at both ends. */
static inline struct extproc_str extproc_trim(struct extproc_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t'))
        s = extproc_from(s, 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/** The next piece of a text between separators, not trimmed (see extproc_trim()). Set *rest to the
 *  text before the first call; each call shortens it. False: no piece is left.
 *      while (extproc_split(&rest, ',', &piece)) ...
 *  "a,,b" has three pieces, "a," two, "" one; an absent text has none. */
static inline bool extproc_split(struct extproc_str *rest, char separator,
                                 struct extproc_str *piece)
{
    size_t n = 0;
    if (!rest->ptr)
        return false;
    while (n < rest->len && rest->ptr[n] != separator)
        n++;
    *piece = extproc_first(*rest, n);
    if (n < rest->len) {
        *rest = extproc_from(*rest, n + 1);
    } else {
        rest->ptr = NULL;
        rest->len = 0;
    }
    return true;
}

/* ---- characters ------------------------------------------------------------------------------ */

/** Bytes of the UTF-8 character that a text begins with, and its code point, for example for
 *  extproc_is_control(). 0: the text is empty or absent, or does not begin with a character as RFC
 *  3629 has it, which has no surrogates and no overlong forms; *ret_code is 0 then. */
static inline size_t extproc_character(struct extproc_str s, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* of so many bytes */
    unsigned char first = s.len ? (unsigned char)s.ptr[0] : 0xff;
    size_t len = first < 0x80   ? 1
                 : first < 0xc0 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf8 ? 4
                                : 0;
    uint32_t code = len > 1 ? first & (0x7fu >> len) : first;
    *ret_code = 0;
    if (!len || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned char more = (unsigned char)s.ptr[i];
        if ((more & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (more & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return len;
}

/** Is all of it UTF-8? An empty or absent text is. */
static inline bool extproc_is_utf8(struct extproc_str s)
{
    uint32_t code;
    while (s.len) {
        size_t len = extproc_character(s, &code);
        if (!len)
            return false;
        s = extproc_from(s, len);
    }
    return true;
}

/* ---- cookies and parameters ------------------------------------------------------------------ */

/** The value of a cookie of the request, unchanged, with its quotes if it has any. Of several
 *  cookies of the name the first (RFC 6265, section 5.4: the one with the longest path). ptr NULL:
 *  there is none, or the request headers are not here. */
static inline struct extproc_str extproc_cookie(struct extproc_txn *x, struct extproc_str name)
{
    struct extproc_str none = {NULL, 0}, line, pair;
    for (size_t i = 0;; i++) {
        line = extproc_header_nth(x, EXTPROC_MAP_REQUEST, EXTPROC_S("cookie"), i);
        if (!line.ptr)
            return none;
        while (extproc_split(&line, ';', &pair)) {
            struct extproc_str value = extproc_trim(pair), key;
            if (extproc_split(&value, '=', &key) && value.ptr && extproc_eq(key, name))
                return value;
        }
    }
}

/* -1: not a hexadecimal digit. */
static inline int extproc_hex_digit(char c)
{
    char l = extproc_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/** Decodes a part of a query (application/x-www-form-urlencoded): %XX is a byte, + a space. What is
 *  not well-formed stays unchanged. ptr NULL: absent, or out of memory. */
static inline struct extproc_str extproc_form_decode(struct extproc_txn *x, struct extproc_str s)
{
    struct extproc_str decoded = {NULL, 0};
    char *out = s.ptr ? (char *)extproc_scratch(x, s.len) : NULL;
    if (!out)
        return decoded;
    for (size_t i = 0; i < s.len; i++) {
        bool escaped = s.ptr[i] == '%' && i + 2 < s.len && extproc_hex_digit(s.ptr[i + 1]) >= 0 &&
                       extproc_hex_digit(s.ptr[i + 2]) >= 0;
        if (escaped) {
            out[decoded.len++] =
                (char)(extproc_hex_digit(s.ptr[i + 1]) * 16 + extproc_hex_digit(s.ptr[i + 2]));
            i += 2;
        } else {
            out[decoded.len++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    decoded.ptr = out;
    return decoded;
}

/** The decoded value of a parameter in the query of :path; empty for one without `=`. Of several
 *  parameters of the name the first. ptr NULL: there is none, the request headers are not here, or
 *  out of memory. */
static inline struct extproc_str extproc_query(struct extproc_txn *x, struct extproc_str name)
{
    struct extproc_str none = {NULL, 0}, pair, path;
    struct extproc_str query = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path"));
    if (!extproc_split(&query, '?', &path))
        return none;
    while (extproc_split(&query, '&', &pair)) {
        struct extproc_str key;
        extproc_split(&pair, '=', &key);
        if (extproc_eq(extproc_form_decode(x, key), name))
            return pair.ptr ? extproc_form_decode(x, pair) : extproc_first(key, 0);
    }
    return none;
}

/* ---- base64url (RFC 4648, section 5) --------------------------------------------------------- */

/** Without padding. ptr NULL: absent, or out of memory. */
static inline struct extproc_str extproc_base64url_encode(struct extproc_txn *x,
                                                          struct extproc_str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct extproc_str text = {NULL, 0};
    char *out = s.ptr ? (char *)extproc_scratch(x, s.len / 3 * 4 + 4) : NULL;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    if (!out)
        return text;
    for (size_t i = 0; i < s.len; i++) {
        bits = bits << 8 | (unsigned char)s.ptr[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            out[text.len++] = digits[bits >> (n_bits - 6) & 63];
    }
    if (n_bits > 0)
        out[text.len++] = digits[bits << (6 - n_bits) & 63];
    text.ptr = out;
    return text;
}

/** With or without padding. ptr NULL: absent, out of memory, or not base64url: another character, a
 *  length that no bytes have, or bits after the last byte that are not zero. */
static inline struct extproc_str extproc_base64url_decode(struct extproc_txn *x,
                                                          struct extproc_str s)
{
    struct extproc_str none = {NULL, 0}, bytes = {NULL, 0};
    char *out = s.ptr ? (char *)extproc_scratch(x, s.len / 4 * 3 + 3) : NULL;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    if (!out)
        return none;
    if (s.len >= 4 && s.len % 4 == 0) {
        s.len -= s.ptr[s.len - 1] == '=';
        s.len -= s.len % 4 == 3 && s.ptr[s.len - 1] == '=';
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        unsigned digit = c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
                         : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 26
                         : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52
                         : c == '-'             ? 62
                         : c == '_'             ? 63
                                                : 64;
        if (digit == 64)
            return none;
        bits = bits << 6 | digit;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[bytes.len++] = (char)(bits >> n_bits & 255);
        }
    }
    if (n_bits >= 6 || (bits & ((1u << n_bits) - 1)) != 0)
        return none;
    bytes.ptr = out;
    return bytes;
}

#ifdef __cplusplus
}
#endif
#endif
