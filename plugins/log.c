/* log - one JSON line per transaction.
 *
 *     [plugin:access]
 *     file = log.so
 *     to = /var/log/extprocd/access.json     ; or stdout (the default), or stderr
 *     request.header = user-agent            ; headers to log; repeated
 *     response.header = content-type
 *     redact = x-session                     ; headers whose value is not logged; cookies,
 *                                            ; authorization and x-api-key never are
 *     redact.query = ticket                  ; the same for query parameters, in the path, in headers
 *                                            ; that are URLs and in attributes; token, password and
 *                                            ; the like never are
 *     attribute = source.address             ; what the proxy knows of the transaction; repeated
 *     sample = 0.01                          ; of transactions, one in a hundred (default: 1, all),
 *     sample.errors = yes                    ; and all that went wrong: 5xx, or cut off
 *     body_limit = 1k                        ; the first bytes of bodies
 *
 * The plugin logs what it sees at its place: as the first of the chain, the request as the client
 * sent it and the response as the client receives it; as the last, what the upstream receives and
 * sends. A line is appended when the transaction is over, through the host's queue: lines of
 * several processes do not mix, and a disk or a reader that stalls costs lines, not traffic. Bytes
 * that are not UTF-8 become replacement characters, and characters that act on a terminal are
 * escaped.
 *
 * `duration_ms` is the time from the first message of the transaction to its end, `response_ms` to
 * the headers of the response: what the upstream and the plugins after this one took. A plugin does
 * not see the others, so what each of them took and decided is not in the line.
 *
 * A sample is chosen by x-request-id, where the request has one, so that all services that see a
 * request choose the same, and its line has `sample`, by which a reader can multiply.
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
#include "lib/secrets.h"

#include <extproc/text.h>

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static const struct extproc_key keys[] = {
    {.name = "to", .fallback = "stdout", .help = "stdout, stderr, or a file to append to."},
    {.name = "request.header", .flags = EXTPROC_KEY_LIST, .help = "A request header to log."},
    {.name = "response.header", .flags = EXTPROC_KEY_LIST, .help = "A response header to log."},
    SECRETS_KEYS,
    {.name = "attribute",
     .flags = EXTPROC_KEY_LIST,
     .help = "An attribute of the proxy to log, such as source.address."},
    {.name = "sample",
     .type = EXTPROC_KEY_TYPE_FLOAT,
     .fallback = "1",
     .min = "0",
     .max = "1",
     .help = "The share of transactions that are logged, beside those that went wrong."},
    {.name = "sample.errors",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "yes",
     .help = "Log all transactions with a status of 500 or more, or an end that is not done."},
    {.name = "body_limit",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "0",
     .help = "Bytes of each body to log; 0: the proxy need not send bodies."},
    {.name = NULL},
};

struct log {
    struct extproc_file *to;
    size_t body_limit;
    double sample;
    bool errors; /* all are logged */
};

struct side {
    json_t *headers;
    char *body; /* its first bytes, on the heap */
    size_t n_kept;
    uint64_t n_bytes; /* of the complete body */
    bool has_body;
};

struct transaction {
    struct timespec start, response; /* zero: it has not come */
    json_t *method, *path, *status, *id, *attributes;
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
    self->sample = extproc_conf_float(instance, "sample", 0);
    self->errors = extproc_conf_int(instance, "sample.errors", 0);
    int r = check_names(instance);
    for (size_t i = 0; i < extproc_conf_count(instance, "attribute"); i++) {
        if (extproc_want_attribute(instance, extproc_conf(instance, "attribute", i)) < 0)
            r = extproc_conf_refuse(instance, "attribute", i, "expected a name in UTF-8");
    }
    self->to = extproc_file_open(instance, "to", 0);
    if (!self->to || r < 0)
        return -EINVAL;
    return extproc_interest(instance, self->body_limit ? headers | bodies : headers);
}

/* ---- a line ---------------------------------------------------------------------------------- */

static json_t *value_text(struct extproc_txn *x, struct extproc_str name, struct extproc_str value)
{
    static const struct extproc_str urls[] = {
        EXTPROC_STR("referer"),
        EXTPROC_STR(":path"),
        EXTPROC_STR("location"),
        EXTPROC_STR("content-location"),
        EXTPROC_STR("x-envoy-original-path"),
    };
    if (secrets_header(x->instance, name))
        return json_text(redacted);
    return json_text(SECRETS_IN(name, urls) ? redact_url(x, value, secrets_parameter) : value);
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

/* NULL: it has no value of its own. A query is redacted as an URL that has it. */
static json_t *attribute_of(struct extproc_txn *x, struct extproc_str name)
{
    struct extproc_value value = extproc_attribute(x, name);
    bool query = extproc_eq(name, EXTPROC_S("request.query"));
    struct extproc_str url;
    switch (value.kind) {
    case EXTPROC_KIND_STRING:
        if (!extproc_has_prefix(name, EXTPROC_S("request.")))
            return json_text(value.as.string);
        url = query ? extproc_format(x, "?%.*s", EXTPROC_ARG(value.as.string)) : value.as.string;
        return json_text(extproc_from(redact_url(x, url, secrets_parameter), query));
    case EXTPROC_KIND_NUMBER:
        return json_real(value.as.number);
    case EXTPROC_KIND_BOOL:
        return json_boolean(value.as.boolean);
    default:
        return NULL;
    }
}

/* Those that have come; in a direction's first message come all that it has. */
static void add_attributes(struct extproc_txn *x)
{
    struct transaction *t = x->ctx;
    for (size_t i = 0; i < extproc_conf_count(x->instance, "attribute"); i++) {
        struct extproc_str name = extproc_conf(x->instance, "attribute", i);
        json_t *value = json_object_get(t->attributes, name.ptr) ? NULL : attribute_of(x, name);
        if (value && !t->attributes)
            t->attributes = json_object();
        add(t->attributes, name.ptr, value);
    }
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
    t->method = json_text(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":method")));
    t->path = json_text(redact_url(
        x, extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path")), secrets_parameter));
    t->id = json_text(extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-request-id")));
    t->sides[REQUEST].headers = headers_of(x, EXTPROC_MAP_REQUEST, "request.header");
    add_attributes(x);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action on_response(struct extproc_txn *x)
{
    struct transaction *t = x->ctx;
    if (!t->id) { /* the proxy does not show the request's headers */
        struct extproc_value id = extproc_attribute(x, EXTPROC_S("request.id"));
        t->id = id.kind == EXTPROC_KIND_STRING ? json_text(id.as.string) : NULL;
    }
    t->status = json_text(extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status")));
    t->sides[RESPONSE].headers = headers_of(x, EXTPROC_MAP_RESPONSE, "response.header");
    clock_gettime(CLOCK_MONOTONIC, &t->response);
    add_attributes(x);
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

static json_t *elapsed_ms(const struct timespec *start, const struct timespec *end)
{
    return json_integer((end->tv_sec - start->tv_sec) * 1000 +
                        (end->tv_nsec - start->tv_nsec) / 1000000);
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
        add(all, "body", json_text((struct extproc_str){s->body ? s->body : "", s->n_kept}));
        add(all, "body_bytes", json_integer((json_int_t)s->n_bytes));
    }
    json_decref(s->headers);
    free(s->body);
    return all;
}

/* FNV-1a, and MurmurHash's last steps, since ids may differ in their last character only. It need
 * not be strong, but the same everywhere. */
static double share_of(struct extproc_str id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.ptr[i]) * 16777619u;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return (hash ^ hash >> 16) / 4294967296.0;
}

/* Is it one of those that are logged? *ret_sampled: as one of a share. */
static bool is_wanted(const struct log *self, const struct transaction *t, enum extproc_end why,
                      bool *ret_sampled)
{
    const char *status = json_string_value(t->status), *id = json_string_value(t->id);
    bool error = why != EXTPROC_END_DONE || (status && status[0] == '5');
    double share = id ? share_of(extproc_str_of(id)) : (double)(t->start.tv_nsec % 1000000) / 1e6;
    *ret_sampled = self->sample < 1 && !(error && self->errors);
    return !*ret_sampled || share < self->sample;
}

static void write_line(struct extproc_txn *x, json_t *line)
{
    const struct log *self = x->self;
    char *out = json_line(line);
    if (out) /* a line that the host has to drop is counted and reported there */
        extproc_file_append(self->to, extproc_str_of(out));
    else
        extproc_log(x, EXTPROC_LEVEL_ERROR, "cannot write a line: out of memory");
    free(out);
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    const struct log *self = x->self;
    struct transaction *t = x->ctx;
    struct timespec end;
    bool sampled, wanted = is_wanted(self, t, why, &sampled);
    clock_gettime(CLOCK_MONOTONIC, &end);
    json_t *line = json_object();
    add(line, "time", now());
    add(line, "request_id", t->id);
    add(line, "method", t->method);
    add(line, "path", t->path);
    add(line, "status", t->status);
    add(line, "end", end_name(why));
    add(line, "duration_ms", elapsed_ms(&t->start, &end));
    if (t->response.tv_sec)
        add(line, "response_ms", elapsed_ms(&t->start, &t->response));
    if (sampled)
        add(line, "sample", json_real(self->sample));
    add(line, "attributes", t->attributes);
    add(line, "request", side_of(&t->sides[REQUEST]));
    add(line, "response", side_of(&t->sides[RESPONSE]));
    if (wanted)
        write_line(x, line);
    json_decref(line);
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
