/* redact: an URL without the values of secret parameters, for plugins that write URLs into files.
 * Names are compared as a server reads them: decoded, in any case. Parameters are looked for in the
 * query and in the fragment, where some protocols put tokens. */
#ifndef EXTPROC_LIB_REDACT_H
#define EXTPROC_LIB_REDACT_H

#include <extproc/plugin.h>

#include <stdlib.h>

enum { REDACT_NAME_MAX = 64 }; /* of a decoded name; a longer one is not looked for */

static const struct extproc_str redacted = EXTPROC_STR("[redacted]");

typedef bool redact_fn(void *arg, struct extproc_str name);

static inline int redact_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = extproc_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a name; one that does not fit is absent. */
static inline struct extproc_str redact_decode(struct extproc_str s, char out[REDACT_NAME_MAX])
{
    struct extproc_str name = {out, 0}, none = {NULL, 0};

    for (size_t i = 0; i < s.len; i++) {
        bool escaped = s.ptr[i] == '%' && i + 2 < s.len && redact_hex(s.ptr[i + 1]) >= 0 &&
                       redact_hex(s.ptr[i + 2]) >= 0;
        if (name.len == REDACT_NAME_MAX)
            return none;
        out[name.len++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        if (escaped) {
            out[name.len - 1] = (char)(redact_hex(s.ptr[i + 1]) * 16 + redact_hex(s.ptr[i + 2]));
            i += 2;
        }
    }
    return name;
}

/* How many bytes come before any of these. */
static inline size_t redact_span(struct extproc_str s, const char *ends)
{
    size_t n = 0;

    while (n < s.len && !memchr(ends, s.ptr[n], strlen(ends)))
        n++;
    return n;
}

static inline char *redact_put(char *to, struct extproc_str s)
{
    memcpy(to, s.ptr, s.len);
    return to + s.len;
}

/* Is this name=value, and the name one of a secret? The value may have separators that only some
 * servers take for such, so it goes on to the next one that all of them do. */
static inline bool redact_finds(struct extproc_str rest, redact_fn *is_secret, void *arg,
                                struct extproc_str *ret_name, size_t *ret_len)
{
    char room[REDACT_NAME_MAX];
    struct extproc_str name = {rest.ptr, redact_span(rest, "=&;?#")}, decoded;

    decoded = redact_decode(name, room);
    if (name.len == rest.len || rest.ptr[name.len] != '=' || !decoded.ptr ||
        !is_secret(arg, decoded))
        return false;
    *ret_name = name;
    *ret_len = redact_span(rest, "&#");
    return true;
}

/* From malloc, of *ret_len bytes. NULL: out of memory. */
static inline char *redact_url(struct extproc_str url, redact_fn *is_secret, void *arg,
                               size_t *ret_len)
{
    char *out = (char *)malloc(url.len * (redacted.len + 1) + 1), *to = out;
    struct extproc_str part = {url.ptr, redact_span(url, "?#")}, name;

    if (!out)
        return NULL;
    to = redact_put(to, part);
    while (part.len < url.len) { /* at a separator */
        url.ptr += part.len;
        url.len -= part.len;
        *to++ = *url.ptr++;
        url.len--;
        part.ptr = url.ptr;
        part.len = redact_span(url, "&;?#");
        if (redact_finds(url, is_secret, arg, &name, &part.len)) {
            to = redact_put(to, name);
            *to++ = '=';
            to = redact_put(to, redacted);
        } else {
            to = redact_put(to, part);
        }
    }
    *ret_len = (size_t)(to - out);
    return out;
}

#endif
