/* tls_names: does a name of a client's certificate match a rule of tls_client_names?
 *
 * The case of DNS names does not count, nor that of a URI's scheme and host (RFC 3986, 6.2.2.1);
 * all else is compared as bytes. We do not look at what a "*" matches, but other programs may, and
 * may resolve dot segments: spiffe://example/ns/edge/../admin is not below /ns/edge/. So a URI that
 * is not normalized matches no rule with a "*".
 */
#include "transport/h2/channel/tls/tls_names.h"

#include "base/str.h"

#include <string.h>

static size_t span(struct extproc_str s, size_t at, const char *ends)
{
    size_t n = 0;
    while (at + n < s.len && !strchr(ends, s.ptr[at + n]))
        n++;
    return n;
}

/* Bytes of the scheme with its colon, and of "//host:port"; one with a user in it keeps its
 * case. */
static size_t uri_head(struct extproc_str uri)
{
    size_t scheme = span(uri, 0, ":") + 1;
    if (scheme + 2 > uri.len || memcmp(uri.ptr + scheme, "//", 2) != 0)
        return scheme < uri.len ? scheme : uri.len;
    size_t host = span(uri, scheme + 2, "/?#");
    return memchr(uri.ptr + scheme + 2, '@', host) ? scheme : scheme + 2 + host;
}

static bool begins(struct extproc_str s, size_t at, const char *piece)
{
    size_t len = strlen(piece);
    return at + len <= s.len && extproc_eq_nocase((struct extproc_str){s.ptr + at, len},
                                                  (struct extproc_str){piece, len});
}

/* Has it a segment "." or "..", or something that may be read as one, or as the end of one? */
static bool is_devious(struct extproc_str uri)
{
    static const char *const encoded[] = {"%2e", "%2f", "%5c", "%25", "\\"};
    for (size_t i = uri_head(uri); i < uri.len; i++) {
        for (size_t k = 0; k < sizeof encoded / sizeof *encoded; k++) {
            if (begins(uri, i, encoded[k]))
                return true;
        }
        size_t len = uri.ptr[i] == '/' ? span(uri, i + 1, "/?#") : 0;
        if ((len == 1 || len == 2) && memcmp(uri.ptr + i + 1, "..", len) == 0)
            return true;
    }
    return false;
}

/* Is all of `rule` what the URI begins with? */
static bool uri_begins(struct extproc_str uri, struct extproc_str rule)
{
    size_t head = uri_head(uri);
    return head <= rule.len && rule.len <= uri.len &&
           extproc_eq_nocase((struct extproc_str){uri.ptr, head},
                             (struct extproc_str){rule.ptr, head}) &&
           memcmp(uri.ptr + head, rule.ptr + head, rule.len - head) == 0;
}

bool tls_name_matches(struct extproc_str rule, struct extproc_str name, enum tls_name_kind kind)
{
    bool open = rule.len > 0 && rule.ptr[rule.len - 1] == '*';
    if (open)
        rule.len--;
    if (name.len < rule.len || (!open && name.len > rule.len))
        return false;
    if (kind == TLS_NAME_DNS)
        return extproc_eq_nocase((struct extproc_str){name.ptr, rule.len}, rule);
    return uri_begins(name, rule) && !(open && is_devious(name));
}
