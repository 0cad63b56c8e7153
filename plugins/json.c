/* json - reads and changes values of JSON bodies.
 *
 *     [plugin:models]
 *     file = json.so
 *     request.field_to_header = model -> x-model      ; repeated, as all of these
 *     clear_route = yes                               ; the proxy chooses the route again, by x-model
 *
 *     [plugin:tidy]
 *     file = json.so
 *     request.set = options.stream: false             ; any JSON text; makes what is missing
 *     response.remove = debug
 *     response.mask = users.*.password                ; becomes "***"
 *
 *     encoded = leave                                 ; gzip, or a part of a body: unchanged; or fail
 *     invalid = leave                                 ; what is not JSON: unchanged; or fail
 *
 * Paths, and what they apply to, are lib/json_scan.h: names between dots, at any depth; a number
 * names an element of a list too, and * each. All other bytes stay as they are, with numbers of any
 * length and members in their order. Of a member that occurs twice the edits apply to each, and
 * field_to_header takes the first; it stops reading there. `set` makes objects that are missing,
 * and leaves alone what has another type on the way.
 *
 * A header gets a string's text, or a number, true, false or null as it is written. What a client
 * has sent under its name never passes: without such a field, or with one that cannot be in a
 * header, there is none.
 *
 * The body has to be complete, and the headers have to wait for it (in the proxy, BUFFERED: printed
 * by --print-envoy-config).
 *
 * Teaches: headers that depend on the body; a parser that a hostile body costs one pass. */
#include "lib/direction.h"
#include "lib/json_scan.h"
#include "lib/plain_body.h"

enum { KEY_SIZE = 40 };

#define LIST_KEY(key, text)                                                                        \
    {                                                                                              \
        .name = key, .flags = EXTPROC_KEY_LIST, .help = text                                       \
    }
#define KEYS_OF(direction)                                                                         \
    LIST_KEY(direction ".field_to_header", "PATH -> HEADER: sets the header to the value."),       \
        LIST_KEY(direction ".set", "PATH: JSON; sets the value."),                                 \
        LIST_KEY(direction ".remove", "PATH; removes the value."),                                 \
        LIST_KEY(direction ".mask", "PATH; the value becomes \"***\".")

static const struct extproc_key keys[] = {
    KEYS_OF("request"),
    KEYS_OF("response"),
    PLAIN_BODY_KEY,
    {.name = "invalid",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "leave",
     .choices = "leave|fail",
     .help = "A body that is not JSON: leave it unchanged, with a line in the log, or fail the "
             "transaction."},
    {.name = "clear_route",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "After request.field_to_header the proxy chooses the route again."},
    {.name = NULL},
};

/* What is configured for a direction: the searches come first. */
struct change {
    struct json_rules rules;
    struct extproc_str *headers; /* of the searches */
    size_t n_headers;
};

struct json {
    struct change changes[N_DIRECTIONS];
    bool encoded_fails, invalid_fails, clear_route;
};

static const struct extproc_str mask = EXTPROC_STR("\"***\"");
static const enum extproc_map headers_of[N_DIRECTIONS] = {EXTPROC_MAP_REQUEST,
                                                          EXTPROC_MAP_RESPONSE};

/* ---- configuration --------------------------------------------------------------------------- */

/* A key's i-th value, while it is read. */
struct reader {
    struct extproc_instance *instance;
    const char *key;
    size_t i;
    enum direction direction;
    enum json_verb verb;
};

static bool is_json(struct extproc_str text)
{
    struct json_rules none = {NULL, 0};
    struct json_scan scan = {.rules = &none, .text = text.ptr, .len = text.len};
    return json_run(&scan) == JSON_GOES_ON && extproc_is_utf8(text);
}

/* What follows the path, and where the path ends. */
static int read_tail(const struct reader *in, struct extproc_str *path, struct json_rule *rule,
                     struct extproc_str *ret_header)
{
    struct extproc_str between = in->verb == JSON_FIND ? EXTPROC_S("->") : EXTPROC_S(":");
    struct extproc_str tail = {NULL, 0}, none = {NULL, 0};
    if (in->verb == JSON_FIND || in->verb == JSON_SET)
        tail = extproc_find(*path, between);
    if ((in->verb == JSON_FIND || in->verb == JSON_SET) && !tail.ptr)
        return extproc_conf_refuse(in->instance, in->key, in->i,
                                   in->verb == JSON_FIND ? "expected PATH -> HEADER"
                                                         : "expected PATH: JSON");
    path->len -= tail.len;
    tail = extproc_trim(extproc_from(tail, between.len));
    rule->value = in->verb == JSON_SET ? tail : mask;
    if (in->verb == JSON_SET && !is_json(tail))
        return extproc_conf_refuse(in->instance, in->key, in->i, "not JSON: %.*s",
                                   EXTPROC_ARG(tail));
    if (in->verb != JSON_FIND)
        return 0;
    *ret_header = tail;
    return extproc_conf_edit(in->instance, in->key, in->i, headers_of[in->direction],
                             EXTPROC_EDIT_SET, tail, none);
}

static int read_rule(const struct reader *in, struct change *c)
{
    struct json_rule *rule = &c->rules.list[c->rules.n++];
    struct extproc_str path = extproc_conf(in->instance, in->key, in->i), header = {NULL, 0};
    rule->verb = in->verb;
    int r = read_tail(in, &path, rule, &header);
    if (r < 0)
        return r;
    if (in->verb == JSON_FIND)
        c->headers[c->n_headers++] = header;
    path = extproc_trim(path);
    char *copy = extproc_instance_alloc(in->instance, path.len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, path.ptr, path.len);
    if (!json_path_read(copy, path.len, rule))
        return extproc_conf_refuse(in->instance, in->key, in->i,
                                   "invalid path \"%.*s\": expected 1 to %d names between dots",
                                   EXTPROC_ARG(path), JSON_SEGMENTS_MAX);
    return 0;
}

static int read_change(struct extproc_instance *instance, enum direction direction,
                       struct change *c)
{
    static const struct {
        const char *name;
        enum json_verb verb;
    } verbs[] = {{"field_to_header", JSON_FIND},
                 {"set", JSON_SET},
                 {"remove", JSON_REMOVE},
                 {"mask", JSON_MASK}};
    enum { N_VERBS = sizeof verbs / sizeof verbs[0] };
    char key[KEY_SIZE];
    int r = 0;
    c->rules.list = extproc_instance_alloc(instance, JSON_RULES_MAX * sizeof *c->rules.list);
    c->headers = extproc_instance_alloc(instance, JSON_RULES_MAX * sizeof *c->headers);
    if (!c->rules.list || !c->headers)
        return -ENOMEM;
    for (size_t v = 0; v < N_VERBS; v++) {
        snprintf(key, sizeof key, "%s.%s", direction_names[direction], verbs[v].name);
        for (size_t i = 0; i < extproc_conf_count(instance, key); i++) {
            struct reader in = {instance, key, i, direction, verbs[v].verb};
            if (c->rules.n == JSON_RULES_MAX)
                return extproc_conf_refuse(instance, key, i, "more than %d paths", JSON_RULES_MAX);
            int read = read_rule(&in, c);
            r = r ? r : read;
        }
    }
    return r;
}

static uint32_t phases_of(const struct change *c, uint32_t headers, uint32_t body)
{
    return c->rules.n ? headers | body : 0;
}

static int init(struct extproc_instance *instance)
{
    struct json *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->encoded_fails = plain_body_fails(instance);
    self->invalid_fails = extproc_conf_int(instance, "invalid", 0) == 1;
    self->clear_route = extproc_conf_int(instance, "clear_route", 0);
    struct change *request = &self->changes[REQUEST], *response = &self->changes[RESPONSE];
    int r = read_change(instance, REQUEST, request);
    int other = read_change(instance, RESPONSE, response);
    if (r == 0 && self->clear_route && !request->n_headers)
        r = extproc_conf_refuse(instance, "clear_route", 0,
                                "has no effect without request.field_to_header");
    if (r < 0 || other < 0)
        return r < 0 ? r : other;
    return extproc_interest(
        instance,
        phases_of(request, EXTPROC_PHASE_REQUEST_HEADERS, EXTPROC_PHASE_REQUEST_BODY) |
            phases_of(response, EXTPROC_PHASE_RESPONSE_HEADERS, EXTPROC_PHASE_RESPONSE_BODY));
}

/* ---- transactions ---------------------------------------------------------------------------- */

static enum extproc_action on_headers(struct extproc_txn *x)
{
    const struct json *self = x->self;
    const struct change *c = &self->changes[extproc_is_response(x)];
    enum extproc_map map = headers_of[extproc_is_response(x)];
    bool had = false;
    for (size_t i = 0; i < c->n_headers; i++) { /* a client's own */
        had = had || extproc_header_get(x, map, c->headers[i]).ptr;
        if (extproc_header_remove(x, map, c->headers[i]) < 0)
            return EXTPROC_ACTION_FAIL;
    }
    if (had && self->clear_route && map == EXTPROC_MAP_REQUEST && extproc_clear_route(x) < 0)
        return EXTPROC_ACTION_FAIL;
    if (c->rules.n > c->n_headers)
        return plain_body_headers(x, self->encoded_fails);
    const char *why = x->end ? NULL : plain_body_why_not(x);
    return why ? plain_body_refuse(x, self->encoded_fails, why) : EXTPROC_ACTION_CONTINUE;
}

/* A value's text in a header; ptr NULL: none, or out of memory. */
static struct extproc_str header_text(struct extproc_txn *x, struct extproc_str value)
{
    struct extproc_str none = {NULL, 0};
    if (!value.len || value.ptr[0] == '{' || value.ptr[0] == '[')
        return none;
    if (value.ptr[0] != '"')
        return value;
    char *text = extproc_scratch(x, value.len);
    if (!text)
        return none;
    return (struct extproc_str){text, json_decode(value, text)};
}

/* What is not valid in a header is a client's mistake, or its attempt: it costs the header. */
static int set_header(struct extproc_txn *x, struct extproc_str name, struct extproc_str value)
{
    int r = 0;
    if (value.ptr)
        r = extproc_header_set(x, headers_of[extproc_is_response(x)], name, value);
    if (r != -EINVAL)
        return r;
    extproc_log(x, EXTPROC_LEVEL_INFO, "header not set: %.*s", EXTPROC_ARG(extproc_why(x)));
    return 0;
}

static enum extproc_action finish(struct extproc_txn *x, const struct change *c,
                                  const struct json_scan *scan)
{
    const struct json *self = x->self;
    int r = 0;
    for (size_t i = 0; i < c->n_headers && r == 0; i++)
        r = set_header(x, c->headers[i], header_text(x, scan->found[i]));
    if (r == 0 && self->clear_route && x->phase == EXTPROC_PHASE_REQUEST_BODY)
        r = extproc_clear_route(x);
    if (r == 0 && scan->changed)
        r = extproc_body_set(x, (struct extproc_str){scan->out, scan->out_len});
    return extproc_continue(r);
}

static enum extproc_action refuse(struct extproc_txn *x, const struct json_scan *scan)
{
    const struct json *self = x->self;
    if (self->invalid_fails)
        return extproc_fail(x, "not JSON, at byte %zu", scan->at + 1);
    extproc_log(x, EXTPROC_LEVEL_INFO, "%s body not changed: not JSON, at byte %zu",
                direction_names[extproc_is_response(x)], scan->at + 1);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    const struct json *self = x->self;
    const struct change *c = &self->changes[extproc_is_response(x)];
    const char *why_not = plain_body_why_not(x);
    if (why_not)
        return plain_body_refuse(x, self->encoded_fails, why_not);
    struct extproc_str body = extproc_body(x);
    struct json_scan scan = {.x = x, .rules = &c->rules, .text = body.ptr, .len = body.len};
    scan.found = extproc_scratch(x, c->rules.n * sizeof *scan.found);
    if (!body.ptr || !scan.found)
        return EXTPROC_ACTION_FAIL;
    memset(scan.found, 0, c->rules.n * sizeof *scan.found);
    switch (json_run(&scan)) {
    case JSON_STOPS:
        return finish(x, c, &scan);
    case JSON_GOES_ON:
        return extproc_is_utf8(body) ? finish(x, c, &scan) : refuse(x, &scan);
    case JSON_INVALID:
        return refuse(x, &scan);
    case JSON_NO_MEMORY:
        break;
    }
    return EXTPROC_ACTION_FAIL;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "json",
    .version = "1.0",
    .summary = "Reads and changes values of JSON bodies.",
    .keys = keys,
    .needs = EXTPROC_WHOLE_REQUEST_BODY | EXTPROC_WHOLE_RESPONSE_BODY | EXTPROC_HEADERS_WAIT |
             EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_headers,
    .request_body = on_body,
    .response_headers = on_headers,
    .response_body = on_body,
};
