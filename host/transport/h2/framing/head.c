/* head: a request's head, as far as gRPC cares, and what its answer's trailers say.
 *
 * gRPC's own description of itself over HTTP/2 is PROTOCOL-HTTP2.md in its repository; what is
 * quoted here is from there. Names are in lower case, which HTTP/2 demands.
 */
#include "transport/h2/framing/head.h"

#include <string.h>

void head_begin(struct head *h)
{
    h->size = h->path_len = 0;
    h->timeout_ms = HEAD_NO_TIMEOUT;
    h->encoding = HEAD_IDENTITY;
    h->post = h->head = h->grpc = h->refuses_gzip = h->bad_timeout = false;
}

/* Content-Type → "application/grpc" [("+proto" / "+json" / {custom})]; parameters are HTTP's. */
static bool is_grpc_type(struct extproc_str value)
{
    const struct extproc_str type = EXTPROC_S("application/grpc");
    if (value.len < type.len || !extproc_eq_nocase((struct extproc_str){value.ptr, type.len}, type))
        return false;
    return value.len == type.len || value.ptr[type.len] == '+' || value.ptr[type.len] == ';';
}

/* Nanoseconds; 0: no such unit. */
static uint64_t unit_ns(char unit)
{
    switch (unit) {
    case 'H':
        return UINT64_C(3600000000000);
    case 'M':
        return UINT64_C(60000000000);
    case 'S':
        return UINT64_C(1000000000);
    case 'm':
        return 1000000;
    case 'u':
        return 1000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

/* TimeoutValue → {positive integer as ASCII string of at most 8 digits}, and a unit. */
static bool read_timeout(struct extproc_str value, uint64_t *ret_ms)
{
    uint64_t n = 0;
    if (value.len < 2 || value.len > 9)
        return false;
    for (size_t i = 0; i + 1 < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    uint64_t ns = unit_ns(value.ptr[value.len - 1]);
    if (ns == 0)
        return false;
    /* 8 digits of hours are 3.6e20 ns, too many for 64 bits: so the larger units go by
     * milliseconds. */
    *ret_ms = ns >= 1000000 ? n * (ns / 1000000) : (n * ns + 999999) / 1000000;
    return true;
}

/* Content-Coding → "identity" / "gzip" / "deflate" / "snappy" / {custom} */
static enum head_encoding read_encoding(struct extproc_str value)
{
    if (str_eq_c(value, "gzip"))
        return HEAD_GZIP;
    return str_eq_c(value, "identity") ? HEAD_IDENTITY : HEAD_UNKNOWN;
}

/* Message-Accept-Encoding → Content-Coding *("," Content-Coding); there may be spaces, as in all of
 * HTTP's lists. */
static bool has_gzip(struct extproc_str list)
{
    struct extproc_str coding;
    while (extproc_split(&list, ',', &coding))
        if (str_eq_c(extproc_trim(coding), "gzip"))
            return true;
    return false;
}

static void add_method(struct head *h, struct extproc_str value)
{
    h->post = str_eq_c(value, "POST");
    h->head = str_eq_c(value, "HEAD");
}

static void add_path(struct head *h, struct extproc_str value)
{
    h->path_len = value.len;
    memcpy(h->path, value.ptr, value.len < HEAD_PATH_MAX ? value.len : HEAD_PATH_MAX);
}

void head_add(struct head *h, struct extproc_str name, struct extproc_str value)
{
    h->size += name.len + value.len + 32;
    switch (name.len) {
    case 5:
        if (str_eq_c(name, ":path"))
            add_path(h, value);
        break;
    case 7:
        if (str_eq_c(name, ":method"))
            add_method(h, value);
        break;
    case 12:
        if (str_eq_c(name, "content-type"))
            h->grpc = is_grpc_type(value);
        else if (str_eq_c(name, "grpc-timeout"))
            h->bad_timeout = !read_timeout(value, &h->timeout_ms);
        break;
    case 13:
        if (str_eq_c(name, "grpc-encoding"))
            h->encoding = read_encoding(value);
        break;
    case 20:
        if (str_eq_c(name, "grpc-accept-encoding"))
            h->refuses_gzip = !has_gzip(value);
        break;
    }
}

struct extproc_str head_path(const struct head *h)
{
    return (struct extproc_str){h->path, h->path_len < HEAD_PATH_MAX ? h->path_len : HEAD_PATH_MAX};
}

bool head_is_for(const struct head *h, const char *path)
{
    return h->path_len <= HEAD_PATH_MAX && str_eq_c(head_path(h), path);
}

/* Percent-Encoded → 1*(Percent-Byte-Unencoded / Percent-Byte-Encoded); unencoded are space to "$"
 * and "&" to "~". */
size_t head_escape(struct extproc_str text, char *to)
{
    static const char digits[] = "0123456789ABCDEF";
    char *p = to;
    for (size_t i = 0; i < text.len && i < HEAD_STATUS_TEXT; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= ' ' && c <= '~' && c != '%') {
            *p++ = (char)c;
            continue;
        }
        *p++ = '%';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    return (size_t)(p - to);
}
