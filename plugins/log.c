/* log - one JSON line per transaction.
 *
 *     [plugin:access]
 *     file = log.so
 *     to = /var/log/extprocd/access.json     ; or stdout (the default), or stderr
 *     request.header = user-agent            ; headers to log; repeated
 *     response.header = content-type
 *     redact = x-api-key                     ; headers whose value is not logged; the values of
 *                                            ; cookies and authorization never are
 *     redact.query = ticket ; the same for query parameters, in the path and in headers
 *                                            ; that are URLs; token, password and the like never
 *                                            are
 *     body_limit = 1k                        ; the first bytes of bodies
 *
 * The plugin logs what it sees at its place: as the first of the chain, the request as the client
 * sent it and the response as the client receives it; as the last, what the upstream receives and
 * sends. A line is appended when the transaction is over, through the host's queue: lines of
 * several processes do not mix, and a disk or a reader that stalls costs lines, not traffic. Bytes
 * that are not UTF-8 become replacement characters, and characters that act on a terminal are
 * escaped.
 *
 * Headers are read in their phases and not in close(): with EXTPROC_CLOSE_SEES_HEADERS close()
 * would see them as the last plugin of the chain left them, and the host would copy all headers of
 * each transaction, where this plugin needs a few.
 *
 * Teaches: looking without touching; what an open() begins and a close() ends; a body seen in
 * chunks; a file to append to. */
#include "lib/direction.h"
#include "lib/header_name.h"
#include "lib/json_line.h"
#include "lib/redact.h"

#include <extproc/text.h>

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static const struct extproc_key keys[] = {
    {.name = "to", .fallback = "stdout", .help = "stdout, stderr, or a file to append to."},
    {.name = "request.header", .flags = EXTPROC_KEY_LIST, .help = "A request header to log."},
    {.name = "response.header", .flags = EXTPROC_KEY_LIST, .help = "A response header to log."},
    {.name = "redact", .flags = EXTPROC_KEY_LIST, .help = "A header whose value is not logged."},
    {.name = "redact.query",
     .flags = EXTPROC_KEY_LIST,
     .help = "A query parameter whose value is not logged."},
    {.name = "body_limit",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "0",
     .help = "Bytes of each body to log; 0: the proxy need not send bodies."},
    {.name = NULL},
};

struct log {
    struct extproc_file *to;
    size_t body_limit;
};

struct side {
    json_t *headers;
    char *body; /* its first bytes, on the heap */
    size_t n_kept;
    uint64_t n_bytes; /* of the complete body */
    bool has_body;
};

struct transaction {
    struct timespec start;
    json_t *method, *path, *status, *id;
    struct side sides[N_DIRECTIONS];
};

/* ---- configuration --------------------------------------------------------------------------- */

static int check_names(struct extproc_instance *instance)
{
    static const char *const of_names[] = {"request.header", "response.header", "redact"};
    struct extproc_str name;
    int r = 0;
    for (size_t k = 0; k < sizeof of_names / sizeof of_names[0]; k++) {
        for (size_t i = 0; i < extproc_conf_count(instance, of_names[k]); i++) {
            if (header_name_read(instance, of_names[k], i, &name) < 0)
                r = -EINVAL;
        }
    }
    return r;
}

static int init(struct extproc_instance *instance)
{
    uint32_t headers = EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS;
    uint32_t bodies = EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY;
    struct log *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->body_limit = (size_t)extproc_conf_int(instance, "body_limit", 0);
    int r = check_names(instance);
    self->to = extproc_file_open(instance, "to", 0);
    if (!self->to || r < 0)
        return -EINVAL;
    return extproc_interest(instance, self->body_limit ? headers | bodies : headers);
}

/* ---- a line ---------------------------------------------------------------------------------- */

/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL: absent, or out of memory. */
static json_t *text(struct extproc_str s)
{
    static const struct extproc_str replacement = EXTPROC_STR("\xef\xbf\xbd");
    char *clean = s.ptr ? malloc(replacement.len * s.len + 1) : NULL;
    size_t n = 0;
    while (clean && s.len) {
        uint32_t code;
        size_t len = extproc_character(s, &code), taken = len ? len : 1;
        struct extproc_str next = len ? (struct extproc_str){s.ptr, len} : replacement;
        memcpy(clean + n, next.ptr, next.len);
        n += next.len;
        s.ptr += taken;
        s.len -= taken;
    }
    json_t *string = clean ? json_stringn(clean, n) : NULL;
    free(clean);
    return string;
}

static bool in_list(struct extproc_str name, const struct extproc_str *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (extproc_eq_nocase(name, list[i]))
            return true;
    }
    return false;
}
#define IN_LIST(name, list) in_list(name, list, sizeof(list) / sizeof *(list))

static bool in_key(struct extproc_instance *instance, const char *key, struct extproc_str name)
{
    for (size_t i = 0; i < extproc_conf_count(instance, key); i++) {
        if (extproc_eq_nocase(name, extproc_conf(instance, key, i)))
            return true;
    }
    return false;
}

static bool is_secret(struct extproc_instance *instance, struct extproc_str name)
{
    static const struct extproc_str always[] = {
        EXTPROC_STR("authorization"),
        EXTPROC_STR("proxy-authorization"),
        EXTPROC_STR("cookie"),
        EXTPROC_STR("set-cookie"),
    };
    return IN_LIST(name, always) || in_key(instance, "redact", name);
}

static bool is_secret_parameter(struct extproc_txn *x, struct extproc_str name)
{
    static const struct extproc_str always[] = {
        EXTPROC_STR("access_token"),
        EXTPROC_STR("refresh_token"),
        EXTPROC_STR("id_token"),
        EXTPROC_STR("token"),
        EXTPROC_STR("jwt"),
        EXTPROC_STR("api_key"),
        EXTPROC_STR("apikey"),
        EXTPROC_STR("password"),
        EXTPROC_STR("passwd"),
        EXTPROC_STR("client_secret"),
        EXTPROC_STR("secret"),
        EXTPROC_STR("signature"),
        EXTPROC_STR("x-amz-signature"),
        EXTPROC_STR("sig"),
        EXTPROC_STR("x-goog-signature"),
        EXTPROC_STR("x-amz-security-token"),
    };
    return IN_LIST(name, always) || in_key(x->instance, "redact.query", name);
}

static json_t *value_text(struct extproc_txn *x, struct extproc_str name, struct extproc_str value)
{
    static const struct extproc_str urls[] = {
        EXTPROC_STR("referer"),
        EXTPROC_STR(":path"),
        EXTPROC_STR("location"),
        EXTPROC_STR("content-location"),
        EXTPROC_STR("x-envoy-original-path"),
    };
    if (is_secret(x->instance, name))
        return text(redacted);
    return text(IN_LIST(name, urls) ? redact_url(x, value, is_secret_parameter) : value);
}

/* One value as a string, several as a list. NULL: there is none. */
static json_t *header_of(struct extproc_txn *x, enum extproc_map map, struct extproc_str name)
{
    json_t *values = json_array(), *only;
    struct extproc_str value;
    for (size_t i = 0; (value = extproc_header_nth(x, map, name, i)).ptr; i++)
        json_array_append_new(values, value_text(x, name, value));
    if (json_array_size(values) > 1)
        return values;
    only = json_incref(json_array_get(values, 0));
    json_decref(values);
    return only;
}

static void add(json_t *object, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(object, key, value);
}

/* The headers of a list of keys, as they come. */
static json_t *headers_of(struct extproc_txn *x, enum extproc_map map, const char *key)
{
    json_t *all = json_object();
    for (size_t i = 0; i < extproc_conf_count(x->instance, key); i++) {
        struct extproc_str name = extproc_conf(x->instance, key, i);
        add(all, name.ptr, header_of(x, map, name));
    }
    return all;
}

/* ---- phases ---------------------------------------------------------------------------------- */

static int on_open(struct extproc_txn *x)
{
    struct transaction *t = extproc_alloc(x, sizeof *t);
    if (!t)
        return -ENOMEM;
    clock_gettime(CLOCK_MONOTONIC, &t->start);
    x->ctx = t;
    return 0;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct transaction *t = x->ctx;
    t->method = text(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":method")));
    t->path = text(redact_url(x, extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path")),
                              is_secret_parameter));
    t->id = text(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-request-id")));
    t->sides[REQUEST].headers = headers_of(x, EXTPROC_MAP_REQUEST, "request.header");
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action on_response(struct extproc_txn *x)
{
    struct transaction *t = x->ctx;
    if (!t->id) { /* the proxy does not show the request's headers */
        struct extproc_value id = extproc_attribute(x, EXTPROC_S("request.id"));
        t->id = id.kind == EXTPROC_KIND_STRING ? text(id.as.string) : NULL;
    }
    t->status = text(extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status")));
    t->sides[RESPONSE].headers = headers_of(x, EXTPROC_MAP_RESPONSE, "response.header");
    return EXTPROC_ACTION_CONTINUE;
}

static void keep(struct side *s, struct extproc_str bytes)
{
    char *grown = bytes.len ? realloc(s->body, s->n_kept + bytes.len) : NULL;
    if (!grown)
        return;
    memcpy(grown + s->n_kept, bytes.ptr, bytes.len);
    s->body = grown;
    s->n_kept += bytes.len;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    const struct log *self = x->self;
    struct side *s = &((struct transaction *)x->ctx)->sides[extproc_is_response(x)];
    struct extproc_str chunk = extproc_body(x);
    size_t room = self->body_limit - s->n_kept;
    s->has_body = true;
    s->n_bytes += chunk.len;
    if (chunk.len > room)
        chunk.len = room;
    keep(s, chunk);
    return EXTPROC_ACTION_CONTINUE;
}

/* ---- the line -------------------------------------------------------------------------------- */

static json_t *now(void)
{
    struct timespec ts;
    struct tm tm;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &ts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&ts.tv_sec, &tm));
    return json_sprintf("%s.%03dZ", date, (int)(ts.tv_nsec / 1000000));
}

static json_t *elapsed_ms(const struct timespec *start)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return json_integer((end.tv_sec - start->tv_sec) * 1000 +
                        (end.tv_nsec - start->tv_nsec) / 1000000);
}

static json_t *end_name(enum extproc_end why)
{
    switch (why) {
    case EXTPROC_END_DONE:
        return json_string("done");
    case EXTPROC_END_DISCONNECTED:
        return json_string("disconnected");
    case EXTPROC_END_FAILED:
        return json_string("failed");
    case EXTPROC_END_DRAINED:
        return json_string("drained");
    default:
        return json_string("?");
    }
}

static json_t *side_of(struct side *s)
{
    json_t *all = json_object();
    if (json_object_size(s->headers))
        json_object_set(all, "headers", s->headers);
    if (s->has_body) {
        add(all, "body", text((struct extproc_str){s->body ? s->body : "", s->n_kept}));
        add(all, "body_bytes", json_integer((json_int_t)s->n_bytes));
    }
    json_decref(s->headers);
    free(s->body);
    return all;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    const struct log *self = x->self;
    struct transaction *t = x->ctx;
    json_t *line = json_object();
    add(line, "time", now());
    add(line, "request_id", t->id);
    add(line, "method", t->method);
    add(line, "path", t->path);
    add(line, "status", t->status);
    add(line, "end", end_name(why));
    add(line, "duration_ms", elapsed_ms(&t->start));
    add(line, "request", side_of(&t->sides[REQUEST]));
    add(line, "response", side_of(&t->sides[RESPONSE]));
    char *out = json_line(line);
    json_decref(line);
    if (out) /* a line that the host has to drop is counted and reported there */
        extproc_file_append(self->to, extproc_str_of(out));
    else
        extproc_log(x, EXTPROC_LEVEL_ERROR, "cannot write a line: out of memory");
    free(out);
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "log",
    .version = "1.0",
    .summary = "Writes one JSON line per transaction.",
    .needs = EXTPROC_KEEPS_BODY,
    .keys = keys,
    .init = init,
    .open = on_open,
    .close = on_close,
    .request_headers = on_request,
    .request_body = on_body,
    .response_headers = on_response,
    .response_body = on_body,
};
