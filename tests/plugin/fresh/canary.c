/* canary - sends a share of the clients to another version, and keeps each of them where it was.
 *
 *     [plugin:canary]
 *     file = canary.so
 *     share = 10                          ; percent of the clients that have no cookie yet
 *     client = %ATTR(source.address)%     ; what distinguishes them
 *     cookie = version
 *
 * The request goes on with x-version: stable or canary, for the proxy's routes to match, and the
 * same is sent as dynamic metadata, for its access log. A new client gets a cookie with its
 * response.
 */
#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "share",
     .type = EXTPROC_KEY_TYPE_INT,
     .flags = EXTPROC_KEY_REQUIRED,
     .min = "0",
     .max = "100",
     .help = "How many of 100 new clients get the canary."},
    {.name = "client", .fallback = "%ATTR(source.address)%", .help = "Tells clients apart."},
    {.name = "cookie", .fallback = "version", .help = "The cookie that keeps a client in place."},
    {.name = NULL},
};

enum version { UNKNOWN, STABLE, CANARY };
static const struct extproc_str names[] = {
    [UNKNOWN] = EXTPROC_STR(""),
    [STABLE] = EXTPROC_STR("stable"),
    [CANARY] = EXTPROC_STR("canary"),
};

struct canary {
    uint32_t share;
    struct extproc_str cookie;
    struct extproc_template *client;
    struct extproc_metric *sent[3], *n_new;
};

struct transaction {
    enum version given; /* to a client that is new; UNKNOWN: it is not */
};

static int init(struct extproc_instance *instance)
{
    struct canary *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->share = (uint32_t)extproc_conf_int(instance, "share", 0);
    self->cookie = extproc_conf(instance, "cookie", 0);
    self->client = extproc_conf_template(instance, "client", 0);
    self->sent[STABLE] = extproc_counter(instance, "stable", "Requests to the stable version.");
    self->sent[CANARY] = extproc_counter(instance, "canary", "Requests to the canary.");
    self->n_new = extproc_counter(instance, "new_clients", "Clients that had no cookie.");
    return self->client ? 0 : -EINVAL;
}

static int on_open(struct extproc_txn *x)
{
    x->ctx = extproc_alloc(x, sizeof(struct transaction));
    return x->ctx ? 0 : -ENOMEM;
}

/* Removes the next "name=value" from a cookie header, with the "; " after it. */
static struct extproc_str next_pair(struct extproc_str *rest)
{
    const char *end = memchr(rest->ptr, ';', rest->len);
    struct extproc_str pair = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t taken = end ? pair.len + 1 : pair.len;
    rest->ptr += taken;
    rest->len -= taken;
    while (rest->len && *rest->ptr == ' ') {
        rest->ptr++;
        rest->len--;
    }
    return pair;
}

static enum version version_of(struct extproc_str pair, struct extproc_str cookie)
{
    struct extproc_str name = {pair.ptr, cookie.len}, value;
    if (pair.len <= cookie.len || pair.ptr[cookie.len] != '=' || !extproc_eq(name, cookie))
        return UNKNOWN;
    value.ptr = pair.ptr + cookie.len + 1;
    value.len = pair.len - cookie.len - 1;
    for (enum version v = STABLE; v <= CANARY; v++) {
        if (extproc_eq(value, names[v]))
            return v;
    }
    return UNKNOWN;
}

/* HTTP/2 may carry a header for each cookie. */
static enum version version_before(struct extproc_txn *x)
{
    const struct canary *self = x->self;
    enum version v = UNKNOWN;
    struct extproc_str rest;
    for (size_t i = 0; v == UNKNOWN; i++) {
        rest = extproc_header_nth(x, EXTPROC_MAP_REQUEST, EXTPROC_S("cookie"), i);
        if (!rest.ptr)
            return UNKNOWN;
        while (v == UNKNOWN && rest.len)
            v = version_of(next_pair(&rest), self->cookie);
    }
    return v;
}

/* The same for the same client (FNV-1a), so that one that refuses cookies stays where it is too. */
static enum version version_by_lot(const struct canary *self, struct extproc_str client)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < client.len; i++)
        hash = (hash ^ (unsigned char)client.ptr[i]) * 16777619u;
    return hash % 100 < self->share ? CANARY : STABLE;
}

static enum version choose(struct extproc_txn *x)
{
    const struct canary *self = x->self;
    struct transaction *t = x->ctx;
    enum version v = version_before(x);
    if (v != UNKNOWN) {
        extproc_skip(x, EXTPROC_PHASE_RESPONSE_HEADERS);
        return v;
    }
    t->given = version_by_lot(self, extproc_expand(x, self->client));
    extproc_metric_add(self->n_new, 1);
    return t->given;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    const struct canary *self = x->self;
    enum version v = choose(x);
    int r = extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-version"), names[v]);
    if (r == 0)
        r = extproc_clear_route(x);
    if (r == 0)
        r = extproc_metadata_set(x, EXTPROC_S("canary"), EXTPROC_S("version"),
                                 extproc_string(names[v]));
    extproc_metric_add(self->sent[v], 1);
    return extproc_continue(r);
}

static enum extproc_action on_response(struct extproc_txn *x)
{
    const struct canary *self = x->self;
    const struct transaction *t = x->ctx;
    if (t->given == UNKNOWN)
        return EXTPROC_ACTION_CONTINUE;
    struct extproc_str cookie = extproc_format(x, "%.*s=%s; Path=/; Max-Age=604800",
                                               EXTPROC_ARG(self->cookie), names[t->given].ptr);
    return extproc_continue(
        extproc_header_append(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("set-cookie"), cookie));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "canary",
    .version = "0.1",
    .summary = "Sends a share of the clients to another version.",
    .keys = keys,
    .init = init,
    .open = on_open,
    .request_headers = on_request,
    .response_headers = on_response,
};
