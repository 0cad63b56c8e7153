/* decode_headers: HeaderMap's bytes -> an array of headers.
 *
 * Two walks: one counts, so that the array is taken once and exactly; the other fills it. Names
 * become lower case here, so that no floor above has to ask. A header's value is raw_value, or
 * value where that is empty: Envoy fills the first, others the second.
 *
 * key and value are proto3 strings, so what is not UTF-8 there is refused as any parser of proto3
 * refuses it; raw_value is bytes and taken as it is. A NUL is kept: whoever wrote it meant it.
 */
#include "base/str.h"
#include "wire/decode_private.h"

enum { MESSAGE_HEADERS = 1 }; /* HttpHeaders.headers, HttpTrailers.trailers: one number */
enum { MAP_HEADERS = 1 };
enum { HEADER_KEY = 1, HEADER_VALUE = 2, HEADER_RAW_VALUE = 3 };

/* All entries of all the HeaderMaps in a message, one after another. */
struct entries {
    struct reader message, map;
};

static int entries_next(struct entries *e, struct reader *ret)
{
    int rc;
    while ((rc = reader_find(&e->map, MAP_HEADERS, ret)) == 0) {
        rc = reader_find(&e->message, MESSAGE_HEADERS, &e->map);
        if (rc <= 0)
            break;
    }
    return rc;
}

static int count_entries(struct entries e, size_t *ret)
{
    struct reader entry;
    size_t n = 0;
    int rc;
    while ((rc = entries_next(&e, &entry)) > 0)
        n++;
    if (rc == 0)
        *ret = n;
    return rc;
}

/* ---- one header ------------------------------------------------------------------------------ */

static int lower_copy(struct decoder *d, struct extproc_str *name)
{
    void *memory;
    int rc = decoder_array(d, name->len, 1, &memory);
    if (rc < 0)
        return rc;
    char *lower = memory;
    for (size_t i = 0; i < name->len; i++)
        lower[i] = ascii_lower(name->ptr[i]);
    name->ptr = lower;
    return 0;
}

static int decode_name(struct decoder *d, const struct reader *key, struct extproc_str *ret)
{
    struct extproc_str name;
    int rc = decoder_str(d, key, &name);
    if (rc < 0)
        return rc;

    unsigned high = 0, upper = 0; /* sums, not early exits: nearly always all bytes are looked at */
    for (size_t i = 0; i < name.len; i++) {
        high |= (unsigned char)name.ptr[i] & 0x80u;
        upper |= ascii_lower(name.ptr[i]) != name.ptr[i];
    }
    if (high && !str_is_utf8(name))
        return decoder_fail(d, "a header's key is not UTF-8");
    if (upper)
        rc = lower_copy(d, &name);
    if (rc == 0)
        *ret = name;
    return rc;
}

static int decode_value(struct decoder *d, const struct reader *value, const struct reader *raw,
                        struct extproc_str *ret)
{
    struct extproc_str text;
    int rc = 0;
    if (reader_len(value)) {
        rc = decoder_str(d, value, &text);
        if (rc == 0 && !str_is_utf8(text))
            rc = decoder_fail(d, "a header's value is not UTF-8");
    }
    if (rc == 0 && (reader_len(raw) || !reader_len(value)))
        rc = decoder_str(d, raw, &text);
    if (rc == 0)
        *ret = text;
    return rc;
}

static int decode_header(struct decoder *d, struct reader r, struct extproc_header *ret)
{
    struct reader none = reader_of(NULL, 0), key = none, value = none, raw = none;
    struct field f;
    int rc;
    while ((rc = reader_next(&r, &f)) > 0) {
        if (f.type != WIRE_LEN)
            continue;
        if (f.number == HEADER_KEY)
            key = f.content;
        else if (f.number == HEADER_VALUE)
            value = f.content;
        else if (f.number == HEADER_RAW_VALUE)
            raw = f.content;
    }
    if (rc == 0)
        rc = decode_name(d, &key, &ret->name);
    if (rc == 0)
        rc = decode_value(d, &value, &raw, &ret->value);
    return rc;
}

int decode_headers(struct decoder *d, struct reader message, const struct extproc_header **ret,
                   size_t *ret_n)
{
    struct entries e = {message, reader_of(NULL, 0)};
    struct reader entry;
    void *memory;
    size_t n;
    int rc = count_entries(e, &n);
    if (rc == 0)
        rc = decoder_array(d, n, sizeof(struct extproc_header), &memory);
    if (rc < 0)
        return rc;

    struct extproc_header *headers = memory;
    for (size_t i = 0; (rc = entries_next(&e, &entry)) > 0; i++) {
        rc = decode_header(d, entry, &headers[i]);
        if (rc < 0)
            return rc;
    }
    *ret = headers;
    *ret_n = n;
    return rc;
}
