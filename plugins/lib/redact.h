/* redact: an URL without the values of secret parameters, for plugins that write URLs into files.
 * Names are compared as a server reads them: decoded, in any case. Parameters are looked for in the
 * query and in the fragment, where some protocols put tokens. */
#ifndef EXTPROC_LIB_REDACT_H
#define EXTPROC_LIB_REDACT_H

#include <extproc/text.h>

static const struct extproc_str redacted = EXTPROC_STR("[redacted]");

typedef bool redact_fn(struct extproc_txn *x, struct extproc_str name);

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
 * servers take for such, so it goes on to the next one that all of them do. Without the memory to
 * read the name it is one. */
static inline bool redact_finds(struct extproc_txn *x, struct extproc_str rest,
                                redact_fn *is_secret, struct extproc_str *ret_name, size_t *ret_len)
{
    struct extproc_str name = extproc_first(rest, redact_span(rest, "=&;?#")), decoded;
    if (name.len == rest.len || rest.ptr[name.len] != '=')
        return false;
    decoded = extproc_form_decode(x, name);
    if (decoded.ptr && !is_secret(x, decoded))
        return false;
    *ret_name = name;
    *ret_len = redact_span(rest, "&#");
    return true;
}

/* In scratch memory. ptr NULL: absent, or out of memory. */
static inline struct extproc_str redact_url(struct extproc_txn *x, struct extproc_str url,
                                            redact_fn *is_secret)
{
    struct extproc_str part = extproc_first(url, redact_span(url, "?#")), name, clean = {NULL, 0};
    char *out = (char *)extproc_scratch(x, url.len * (redacted.len + 1) + 1), *to = out;
    if (!out || !url.ptr)
        return clean;
    to = redact_put(to, part);
    while (part.len < url.len) { /* at a separator */
        *to++ = url.ptr[part.len];
        url = extproc_from(url, part.len + 1);
        part = extproc_first(url, redact_span(url, "&;?#"));
        if (redact_finds(x, url, is_secret, &name, &part.len)) {
            to = redact_put(to, name);
            *to++ = '=';
            to = redact_put(to, redacted);
        } else {
            to = redact_put(to, part);
        }
    }
    clean.ptr = out;
    clean.len = (size_t)(to - out);
    return clean;
}

#endif
