/* metadata: of a call's request, the fields that a handler may ask for.
 *
 * Values are texts, as they are sent: those of binary fields in base64, whose padding is optional
 * and is left out here (PROTOCOL-HTTP2.md of gRPC). Values of one name are joined with a comma, as
 * HTTP has it; base64 has none.
 */
#include "transport/metadata.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct value {
    char *text; /* NULL: the field has not come */
    size_t len, room;
};

struct metadata {
    const struct transport_options *options;
    struct value values[]; /* of each name that is wanted */
};

/* ---- which fields ---------------------------------------------------------------------------- */

/* Those of HTTP/2 and of gRPC itself: a transport's library may keep them to itself. */
static bool is_protocols(struct extproc_str name)
{
    return extproc_has_prefix(name, EXTPROC_S(":")) ||
           extproc_has_prefix(name, EXTPROC_S("grpc-")) || str_eq_c(name, "content-type") ||
           str_eq_c(name, "te");
}

/* NULL: it is not wanted, or *ret_error is -ENOMEM. */
static struct value *value_of(struct metadata **m, const struct transport_options *o,
                              struct extproc_str name, int *ret_error)
{
    size_t i = 0;
    *ret_error = 0;
    while (i < o->n_metadata && !str_eq_c(name, o->metadata[i]))
        i++;
    if (i == o->n_metadata || is_protocols(name))
        return NULL;
    if (!*m) {
        *m = calloc(1, sizeof **m + o->n_metadata * sizeof *(*m)->values);
        *ret_error = *m ? 0 : -ENOMEM;
    }
    if (!*m)
        return NULL;
    (*m)->options = o;
    return &(*m)->values[i];
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Makes room for `more` bytes, after a comma if they are not the first. NULL: out of memory. */
static char *extend(struct value *v, size_t more)
{
    size_t len = v->len + (v->text ? 1 : 0);
    if (len + more >= v->room) {
        size_t room = 2 * (len + more) + 1;
        char *text = realloc(v->text, room);
        if (!text)
            return NULL;
        if (len > v->len)
            text[v->len] = ',';
        v->text = text;
        v->room = room;
    } else if (len > v->len) {
        v->text[v->len] = ',';
    }
    v->len = len;
    return v->text + len;
}

int metadata_add(struct metadata **m, const struct transport_options *options,
                 struct extproc_str name, struct extproc_str value)
{
    int r;
    struct value *v = value_of(m, options, name, &r);
    char *to = v ? extend(v, value.len) : NULL;
    if (!to)
        return v ? -ENOMEM : r;
    bool is_binary = metadata_is_binary(name);
    for (size_t i = 0; i < value.len; i++)
        if (!is_binary || value.ptr[i] != '=')
            *to++ = value.ptr[i];
    v->len = (size_t)(to - v->text);
    return 0;
}

/* RFC 4648, 4; without padding. Returns the end of what was written. */
static char *encode(char *to, struct extproc_str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.ptr, *end = p + bytes.len;
    while (p < end) {
        unsigned n = end - p < 3 ? (unsigned)(end - p) : 3, bits = 0;
        for (unsigned i = 0; i < 3; i++)
            bits = bits << 8 | (i < n ? p[i] : 0u);
        for (unsigned i = 0; i <= n; i++)
            *to++ = digits[bits >> (18 - 6 * i) & 63];
        p += n;
    }
    return to;
}

int metadata_add_bytes(struct metadata **m, const struct transport_options *options,
                       struct extproc_str name, struct extproc_str bytes)
{
    int r;
    struct value *v = value_of(m, options, name, &r);
    char *to = v ? extend(v, (bytes.len + 2) / 3 * 4) : NULL;
    if (!to)
        return v ? -ENOMEM : r;
    v->len = (size_t)(encode(to, bytes) - v->text);
    return 0;
}

bool metadata_is_binary(struct extproc_str name)
{
    return name.len >= 4 && memcmp(name.ptr + name.len - 4, "-bin", 4) == 0;
}

struct extproc_str metadata_find(const struct metadata *m, const char *name)
{
    for (size_t i = 0; m && i < m->options->n_metadata; i++)
        if (strcmp(m->options->metadata[i], name) == 0)
            return (struct extproc_str){m->values[i].text, m->values[i].len};
    return STR_ABSENT;
}

struct metadata *metadata_free(struct metadata *m)
{
    for (size_t i = 0; m && i < m->options->n_metadata; i++)
        free(m->values[i].text);
    free(m);
    return NULL;
}
