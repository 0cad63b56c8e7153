/* cors - lets pages of other origins use what the upstream serves (CORS).
 *
 *     [plugin:cors]
 *     file = cors.so
 *     origin = https://app.example            ; repeated: scheme://host, or scheme://host:port; the
 *                                             ; host may begin with *. for one name or more, and the
 *                                             ; port may be * for any
 *     methods = GET, POST, PUT                ; default: GET, HEAD, POST
 *     headers = authorization, content-type   ; that a page may send, beside those always allowed
 *     expose = x-request-id                   ; that a page may read, beside those always allowed
 *     credentials = yes                       ; cookies and the like; default: no
 *     max_age = 10m                           ; how long a browser may remember a preflight
 *
 * A preflight (OPTIONS with access-control-request-method) is answered here, and does not reach the
 * upstream: 204 for an origin that is allowed, 403 for another one. Other requests pass. What the
 * response says of CORS is what this plugin says: for an origin that is not allowed, headers of the
 * upstream that allow something are removed. `vary: origin` is added wherever the answer depends on
 * the origin, so that a cache does not send one origin what was meant for another.
 *
 * `origin = *` allows every origin, and is refused with credentials: then each page of the internet
 * could act as its reader. The origin `null` (files, sandboxed frames) is allowed only by name.
 * Immediate responses of other plugins do not come here, so a page cannot read them.
 *
 * Teaches: a decision in the request that the response needs; headers with several values. */
#include "lib/vary.h"

#include <extproc/text.h>

#include <inttypes.h>
#include <stdio.h>

#define LIST_KEY(key, text)                                                                        \
    {                                                                                              \
        .name = key, .help = text                                                                  \
    }

static const struct extproc_key keys[] = {
    {.name = "origin",
     .flags = EXTPROC_KEY_LIST | EXTPROC_KEY_REQUIRED,
     .help = "An origin that is allowed: scheme://host[:port], with * for names of the host or for "
             "the port; or * for all."},
    {.name = "methods",
     .fallback = "GET, HEAD, POST",
     .help = "Methods that a page may use, separated with commas; or *."},
    LIST_KEY("headers", "Request headers that a page may send, separated with commas; or *."),
    LIST_KEY("expose", "Response headers that a page may read, separated with commas; or *."),
    {.name = "credentials",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "Requests may carry cookies and authorization."},
    {.name = "max_age",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .min = "0s",
     .max = "24h",
     .help = "How long a browser may remember a preflight; without it, a browser decides."},
    {.name = NULL},
};

/* x->ctx: the origin, where it is allowed. */
struct cors {
    bool any; /* all origins */
    bool credentials;
    struct extproc_str methods, headers, expose, max_age; /* ptr NULL: not sent */
};

/* ---- origins --------------------------------------------------------------------------------- */

static bool is_name(char c)
{
    char l = extproc_lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* So many characters of this kind are there. */
static size_t span(struct extproc_str s, bool (*is)(char))
{
    size_t n = 0;
    while (n < s.len && is(s.ptr[n]))
        n++;
    return n;
}

/* `:*` at the end: any port, and the scheme's own, which has no text. */
static bool matches_port(struct extproc_str rest)
{
    if (rest.len == 0)
        return true;
    struct extproc_str port = extproc_from(rest, 1);
    return rest.ptr[0] == ':' && port.len > 0 && span(port, is_digit) == port.len;
}

/* Browsers send origins in lower case. */
static bool matches(struct extproc_str pattern, struct extproc_str origin)
{
    struct extproc_str any_port = EXTPROC_S(":*"), star = EXTPROC_S("*"), rest = pattern;
    if (extproc_has_suffix(pattern, any_port) && pattern.len > any_port.len) {
        rest.len -= any_port.len;
        size_t host = 0; /* where it ends */
        struct extproc_str after = extproc_find(origin, EXTPROC_S("://"));
        if (!after.ptr)
            return false;
        host = (size_t)(after.ptr - origin.ptr) + 3;
        host += span(extproc_from(origin, host), is_name);
        return matches_port(extproc_from(origin, host)) &&
               matches(rest, extproc_first(origin, host));
    }
    struct extproc_str tail = extproc_find(pattern, star);
    if (!tail.ptr)
        return extproc_eq(pattern, origin);
    struct extproc_str head = extproc_first(pattern, pattern.len - tail.len);
    tail = extproc_from(tail, 1);
    if (!extproc_has_prefix(origin, head) || origin.len < head.len + tail.len + 1)
        return false;
    struct extproc_str names = extproc_from(origin, head.len);
    names.len -= tail.len;
    return names.ptr[0] != '.' && span(names, is_name) == names.len &&
           extproc_eq(extproc_from(origin, head.len + names.len), tail);
}

static bool is_allowed(struct extproc_txn *x, struct extproc_str origin)
{
    const struct cors *self = x->self;
    for (size_t i = 0; i < extproc_conf_count(x->instance, "origin"); i++) {
        if (self->any || matches(extproc_conf(x->instance, "origin", i), origin))
            return true;
    }
    return false;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void put(struct extproc_response *r, struct extproc_header *headers, struct extproc_str name,
                struct extproc_str value)
{
    if (value.ptr)
        headers[r->n_headers++] = (struct extproc_header){name, value};
}

static struct extproc_str allow_origin(const struct cors *self, struct extproc_str origin)
{
    return self->any ? EXTPROC_S("*") : origin;
}

static enum extproc_action preflight(struct extproc_txn *x, struct extproc_str origin)
{
    const struct cors *self = x->self;
    struct extproc_header headers[8];
    struct extproc_response r = extproc_response_init();
    bool is = is_allowed(x, origin);
    r.status = is ? 204 : 403;
    r.headers = headers;
    if (!is)
        r.body = EXTPROC_S("This origin is not allowed.\n");
    put(&r, headers, EXTPROC_S("vary"),
        EXTPROC_S("origin, access-control-request-method, access-control-request-headers"));
    if (!is)
        return extproc_respond(x, &r);
    put(&r, headers, EXTPROC_S("access-control-allow-origin"), allow_origin(self, origin));
    put(&r, headers, EXTPROC_S("access-control-allow-methods"), self->methods);
    put(&r, headers, EXTPROC_S("access-control-allow-headers"), self->headers);
    put(&r, headers, EXTPROC_S("access-control-max-age"), self->max_age);
    if (self->credentials)
        put(&r, headers, EXTPROC_S("access-control-allow-credentials"), EXTPROC_S("true"));
    return extproc_respond(x, &r);
}

/* Several origins are none. */
static struct extproc_str origin_of(struct extproc_txn *x)
{
    struct extproc_str name = EXTPROC_S("origin"), none = {NULL, 0};
    if (extproc_header_nth(x, EXTPROC_MAP_REQUEST, name, 1).ptr)
        return none;
    return extproc_header_get(x, EXTPROC_MAP_REQUEST, name);
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct extproc_str origin = origin_of(x);
    struct extproc_str method = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":method"));
    struct extproc_str asks =
        extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("access-control-request-method"));
    if (!origin.len)
        return EXTPROC_ACTION_CONTINUE;
    if (asks.ptr && extproc_eq(method, EXTPROC_S("OPTIONS")))
        return preflight(x, origin);
    if (!is_allowed(x, origin))
        return EXTPROC_ACTION_CONTINUE;
    char *kept = extproc_alloc(x, origin.len + 1); /* for the response */
    if (!kept)
        return EXTPROC_ACTION_FAIL;
    memcpy(kept, origin.ptr, origin.len);
    x->ctx = kept;
    return EXTPROC_ACTION_CONTINUE;
}

/* ---- responses ------------------------------------------------------------------------------- */

/* Sets a header that is there, and removes one that is not. */
static int set(struct extproc_txn *x, struct extproc_str name, struct extproc_str value)
{
    return value.ptr ? extproc_header_set(x, EXTPROC_MAP_RESPONSE, name, value)
                     : extproc_header_remove(x, EXTPROC_MAP_RESPONSE, name);
}

static enum extproc_action on_response(struct extproc_txn *x)
{
    const struct cors *self = x->self;
    struct extproc_str none = {NULL, 0}, origin = allow_origin(self, extproc_str_of(x->ctx));
    bool with_credentials = origin.ptr && self->credentials;
    int r = set(x, EXTPROC_S("access-control-allow-origin"), origin);
    if (r == 0)
        r = set(x, EXTPROC_S("access-control-allow-credentials"),
                with_credentials ? EXTPROC_S("true") : none);
    if (r == 0)
        r = set(x, EXTPROC_S("access-control-expose-headers"), origin.ptr ? self->expose : none);
    if (r == 0 && !self->any)
        r = vary_add(x, EXTPROC_S("origin"));
    return extproc_continue(r);
}

/* ---- configuration --------------------------------------------------------------------------- */

/* NULL, or what is wrong with a pattern: * is for names that a domain follows, or for a port. */
static const char *check_origin(struct extproc_str s)
{
    struct extproc_str scheme = extproc_find(s, EXTPROC_S("://")), any_port = EXTPROC_S(":*");
    if (extproc_eq(s, EXTPROC_S("null")))
        return NULL;
    if (!scheme.ptr || scheme.ptr == s.ptr)
        return "expected scheme://host[:port], null or *";
    for (size_t i = 0; i < s.len; i++) {
        if (extproc_lower(s.ptr[i]) != s.ptr[i])
            return "a browser sends an origin in lower case";
    }
    struct extproc_str host = extproc_from(scheme, 3);
    if (extproc_has_suffix(host, any_port))
        host.len -= any_port.len;
    struct extproc_str port = host, name;
    if (extproc_has_prefix(host, EXTPROC_S("*.")))
        port = extproc_from(host, 2);
    if (extproc_has_prefix(host, EXTPROC_S("["))) /* an IPv6 address */
        return NULL;
    extproc_split(&port, ':', &name);
    if (name.len == 0 || span(name, is_name) != name.len || name.ptr[0] == '.')
        return "expected scheme://host[:port], where the host may begin with *. and the port may "
               "be *";
    return span(port, is_digit) != port.len ? "invalid port" : NULL;
}

static int read_origins(struct extproc_instance *instance, struct cors *self)
{
    int r = 0;
    for (size_t i = 0; i < extproc_conf_count(instance, "origin"); i++) {
        struct extproc_str origin = extproc_conf(instance, "origin", i);
        bool any = extproc_eq(origin, EXTPROC_S("*"));
        const char *wrong = any ? NULL : check_origin(origin);
        self->any = self->any || any;
        if (any && self->credentials)
            wrong = "every page could act as its reader: name the origins, or set credentials = no";
        else if (any && extproc_conf_count(instance, "origin") > 1)
            wrong = "* allows all origins: remove the others";
        if (wrong)
            r = extproc_conf_refuse(instance, "origin", i, "%s", wrong);
    }
    return r;
}

/* With credentials a browser takes * for a name. */
static int read_list(struct extproc_instance *instance, const char *key, bool credentials,
                     struct extproc_str *ret)
{
    struct extproc_str list = extproc_conf(instance, key, 0), rest = list, item;
    while (extproc_split(&rest, ',', &item)) {
        item = extproc_trim(item);
        if (credentials && extproc_eq(item, EXTPROC_S("*")))
            return extproc_conf_refuse(instance, key, 0,
                                       "* has no effect with credentials: name them");
        if (extproc_check_edit(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_REMOVE, item,
                               (struct extproc_str){NULL, 0}) == -EINVAL)
            return extproc_conf_refuse(instance, key, 0, "invalid name \"%.*s\"",
                                       EXTPROC_ARG(item));
    }
    *ret = list;
    return 0;
}

static int read_max_age(struct extproc_instance *instance, struct cors *self)
{
    enum { SIZE = 24 };
    char *text = extproc_instance_alloc(instance, SIZE);
    if (!extproc_conf_count(instance, "max_age"))
        return 0;
    if (!text)
        return -ENOMEM;
    snprintf(text, SIZE, "%" PRId64, extproc_conf_int(instance, "max_age", 0) / 1000000);
    self->max_age = extproc_str_of(text);
    return 0;
}

static int init(struct extproc_instance *instance)
{
    struct cors *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->credentials = extproc_conf_int(instance, "credentials", 0);
    const int results[] = {
        read_origins(instance, self),
        read_list(instance, "methods", self->credentials, &self->methods),
        read_list(instance, "headers", self->credentials, &self->headers),
        read_list(instance, "expose", self->credentials, &self->expose),
        read_max_age(instance, self),
    };
    int r = 0;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        r = r ? r : results[i];
    return r;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "cors",
    .version = "1.0",
    .summary = "Lets pages of other origins use what the upstream serves.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_request,
    .response_headers = on_response,
};
