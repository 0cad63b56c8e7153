/* instructions - changes a message as one of its headers says.
 *
 *     curl -H 'instructions: {"addHeaders": {"x-a": "1"}, "setBody": "hello"}' ...
 *
 * A JSON object with any of these, in a header of a request or of a response; it takes effect on
 * the message that carries it:
 *
 *     removeHeaders  [name]         done first
 *     setBody        "text"         in any body mode, also where there was no body (but not where HTTP
 *                                   allows none: HEAD, 204, ...); content-type becomes text/plain; ""
 *                                   leaves the body as it is, and so does a body that is encoded or
 *                                   partial (see the key `encoded`)
 *     addHeaders     {name: value}  each takes the place of what was there
 *     setTrailers    {name: value}  when the message has trailers, which it has not after setBody
 *
 * Keys match in any case, unknown ones are ignored, and so is an empty header. Of several
 * headers the first counts.
 *
 *     [plugin:control]
 *     file = instructions.so
 *     header = instructions
 *     invalid = respond       ; 400 for a header that is not valid; or ignore: as if it were absent
 *     strip = no              ; yes: the header is removed from the message
 *     encoded = leave         ; setBody where the body is encoded (gzip) or partial (206): skipped;
 *                             ; or fail; or replace: done, without the headers of the old body
 *
 * The complete object is checked before anything is changed, so an invalid one has no effect; names
 * and values that HTTP does not allow are invalid too. An edit that the proxy would ignore (of
 * host, say) is skipped, and a line in the log says so.
 *
 * Every client that can send the header can do all this: it is for demonstrations and tests.
 *
 * Teaches: reading JSON with a library; a table in place of a branch for each key; refusing input;
 * state per transaction that close() releases. */
#include "lib/direction.h"
#include "lib/header_name.h"
#include "lib/plain_body.h"

#include <extproc/plugin.h>

#include <jansson.h>
#include <strings.h>

static const struct extproc_key keys[] = {
    {.name = "header",
     .fallback = "instructions",
     .help = "Name of the header that carries the instructions."},
    {.name = "invalid",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "respond",
     .choices = "respond|ignore",
     .help = "For a header that is not a valid JSON object: respond with 400, or ignore it."},
    {.name = "strip",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "Remove the header from the message."},
    {.name = "encoded",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "leave",
     .choices = "leave|fail|replace",
     .help = "setBody where the body is encoded (content-encoding) or partial (206): leave it "
             "unchanged, with a line in the log, fail the transaction, or replace it."},
    {.name = NULL},
};

enum encoded { ENCODED_LEAVE, ENCODED_FAIL, ENCODED_REPLACE };

struct instructions {
    struct extproc_str header;
    bool respond, strip;
    enum encoded encoded;
};

struct transaction {
    json_t *trailers[N_DIRECTIONS]; /* what is left to do when they come; NULL: nothing */
    bool replaced[N_DIRECTIONS];    /* the body was: then none come */
};

static const enum extproc_map headers_of[N_DIRECTIONS] = {EXTPROC_MAP_REQUEST,
                                                          EXTPROC_MAP_RESPONSE};
static const enum extproc_map trailers_of[N_DIRECTIONS] = {EXTPROC_MAP_REQUEST_TRAILERS,
                                                           EXTPROC_MAP_RESPONSE_TRAILERS};

static int init(struct extproc_instance *instance)
{
    struct instructions *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->respond = extproc_conf_int(instance, "invalid", 0) == 0;
    self->strip = extproc_conf_int(instance, "strip", 0);
    self->encoded = (enum encoded)extproc_conf_int(instance, "encoded", 0);
    return header_name_read(instance, "header", 0, &self->header);
}

static int on_open(struct extproc_txn *x)
{
    x->ctx = extproc_alloc(x, sizeof(struct transaction));
    return x->ctx ? 0 : -ENOMEM;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    struct transaction *t = x->ctx;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        if (t->trailers[d] && why == EXTPROC_END_DONE)
            extproc_log(x, EXTPROC_LEVEL_INFO,
                        "setTrailers: not done: the proxy sent no %s trailers", direction_names[d]);
        json_decref(t->trailers[d]);
    }
}

static struct extproc_str view(const json_t *string)
{
    struct extproc_str v = {json_string_value(string), json_string_length(string)};
    return v;
}

/* ---- checks: each returns NULL, or what is wrong --------------------------------------------- */

/* An edit that the proxy would ignore is valid: it is skipped. */
static bool is_legal(struct extproc_txn *x, struct extproc_str name, struct extproc_str value)
{
    return extproc_check_edit(x->instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, name, value) !=
           -EINVAL;
}

static const char *check_headers(struct extproc_txn *x, json_t *members)
{
    const char *name;
    json_t *value;
    if (!json_is_object(members))
        return "not an object: {name: value}";
    json_object_foreach(members, name, value)
    {
        if (!json_is_string(value))
            return "a value is not a string";
        if (!is_legal(x, extproc_str_of(name), view(value)))
            return "a name or a value is not valid in HTTP";
    }
    return NULL;
}

static const char *check_names(struct extproc_txn *x, json_t *names)
{
    struct extproc_str none = {NULL, 0};
    json_t *name;
    size_t i;
    if (!json_is_array(names))
        return "not a list: [name]";
    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name))
            return "a name is not a string";
        if (!is_legal(x, view(name), none))
            return "a name is not valid in HTTP";
    }
    return NULL;
}

static const char *check_text(struct extproc_txn *x, json_t *text)
{
    return json_is_string(text) ? NULL : "not a string";
}

/* ---- changes: each returns 0 or -errno: fail ------------------------------------------------- */

/* `r` is what came of a change. */
static int done(struct extproc_txn *x, int r)
{
    if (r < 0)
        extproc_log(x, EXTPROC_LEVEL_WARN, "not changed: %.*s", EXTPROC_ARG(extproc_why(x)));
    return r == -ENOMEM ? r : 0;
}

static int set(struct extproc_txn *x, enum extproc_map map, struct extproc_str name,
               struct extproc_str value)
{
    return done(x, extproc_header_set(x, map, name, value));
}

static int set_all(struct extproc_txn *x, enum extproc_map map, json_t *members)
{
    const char *name;
    json_t *value;
    int r = 0;
    json_object_foreach(members, name, value)
    {
        if (r == 0)
            r = set(x, map, extproc_str_of(name), view(value));
    }
    return r;
}

static int add_headers(struct extproc_txn *x, json_t *members)
{
    return set_all(x, headers_of[extproc_is_response(x)], members);
}

static int remove_headers(struct extproc_txn *x, json_t *names)
{
    json_t *name;
    size_t i;
    int r = 0;
    json_array_foreach(names, i, name)
    {
        if (r == 0)
            r = done(x, extproc_header_remove(x, headers_of[extproc_is_response(x)], view(name)));
    }
    return r;
}

/* The body is not text, so it is unknown what a change would destroy. This also applies to a
 * response to HEAD, whose headers must be those of the response to GET. */
static int leave_body(struct extproc_txn *x, const char *why)
{
    bool fails = ((const struct instructions *)x->self)->encoded == ENCODED_FAIL && !x->end;
    extproc_log(x, fails ? EXTPROC_LEVEL_ERROR : EXTPROC_LEVEL_INFO,
                "setBody: %s body not changed: %s", direction_names[extproc_is_response(x)], why);
    return fails ? -EPROTO : 0;
}

static int set_body(struct extproc_txn *x, json_t *text)
{
    const struct instructions *self = x->self;
    struct transaction *t = x->ctx;
    const char *why_not = self->encoded == ENCODED_REPLACE ? NULL : plain_body_why_not(x);
    if (json_string_length(text) == 0)
        return 0;
    if (why_not)
        return leave_body(x, why_not);
    int r = extproc_body_set(x, view(text));
    if (r == -ENODATA) /* a response to HEAD, or the like: it stays without */
        return 0;
    if (r < 0)
        return done(x, r);
    t->replaced[extproc_is_response(x)] = true;
    return set(x, headers_of[extproc_is_response(x)], EXTPROC_S("content-type"),
               EXTPROC_S("text/plain"));
}

static int keep_trailers(struct extproc_txn *x, json_t *members)
{
    struct transaction *t = x->ctx;
    enum direction d = extproc_is_response(x) ? RESPONSE : REQUEST;
    if (t->replaced[d]) {
        extproc_log(x, EXTPROC_LEVEL_INFO,
                    "setTrailers: not done: setBody replaced the %s body, "
                    "and no trailers come after it",
                    direction_names[d]);
        return 0;
    }
    json_decref(t->trailers[d]);
    t->trailers[d] = json_incref(members);
    return 0;
}

static const struct instruction {
    const char *name;
    const char *(*check)(struct extproc_txn *x, json_t *value);
    int (*carry_out)(struct extproc_txn *x, json_t *value);
} known[] = {
    /* in the order in which they are carried out */
    {"removeHeaders", check_names, remove_headers},
    {"setBody", check_text, set_body},
    {"addHeaders", check_headers, add_headers},
    {"setTrailers", check_headers, keep_trailers},
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

/* ---- phases ---------------------------------------------------------------------------------- */

/* NULL, or what is wrong with it. */
static const char *check(struct extproc_txn *x, json_t *root)
{
    const char *name, *wrong;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        for (size_t i = 0; i < N_KNOWN; i++) {
            wrong = strcasecmp(name, known[i].name) == 0 ? known[i].check(x, value) : NULL;
            if (wrong) {
                struct extproc_str text = extproc_format(x, "%s: %s", known[i].name, wrong);
                return text.ptr ? text.ptr : wrong;
            }
        }
    }
    return json_is_object(root) ? NULL : "not a JSON object";
}

static int carry_out(struct extproc_txn *x, json_t *root)
{
    const char *name;
    json_t *value;
    int r = 0;
    for (size_t i = 0; i < N_KNOWN; i++) {
        json_object_foreach(root, name, value)
        {
            if (r == 0 && strcasecmp(name, known[i].name) == 0)
                r = known[i].carry_out(x, value);
        }
    }
    return r;
}

static enum extproc_action refuse(struct extproc_txn *x, const char *wrong)
{
    const struct instructions *self = x->self;
    struct extproc_response r = extproc_response_init();
    extproc_log(x, EXTPROC_LEVEL_WARN, "header %.*s: %s", EXTPROC_ARG(self->header), wrong);
    if (!self->respond)
        return EXTPROC_ACTION_CONTINUE;
    r.status = 400;
    r.body = extproc_format(x, "header %.*s: %s\n", EXTPROC_ARG(self->header), wrong);
    return extproc_respond(x, &r);
}

static enum extproc_action obey(struct extproc_txn *x, struct extproc_str text)
{
    json_error_t error;
    json_t *root = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    const char *wrong = root ? check(x, root) : error.text;
    int r = wrong ? 0 : carry_out(x, root);
    json_decref(root);
    if (wrong)
        return refuse(x, wrong);
    return extproc_continue(r);
}

static enum extproc_action on_headers(struct extproc_txn *x)
{
    const struct instructions *self = x->self;
    enum extproc_map map = headers_of[extproc_is_response(x)];
    struct extproc_str text = extproc_header_get(x, map, self->header);
    enum extproc_action action = text.len ? obey(x, text) : EXTPROC_ACTION_CONTINUE;
    if (!text.ptr || !self->strip || action != EXTPROC_ACTION_CONTINUE)
        return action;
    return extproc_continue(done(x, extproc_header_remove(x, map, self->header)));
}

static enum extproc_action on_trailers(struct extproc_txn *x)
{
    struct transaction *t = x->ctx;
    json_t **kept = &t->trailers[extproc_is_response(x)];
    int r = set_all(x, trailers_of[extproc_is_response(x)], *kept);
    json_decref(*kept);
    *kept = NULL;
    return extproc_continue(r);
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "instructions",
    .version = "1.0",
    .summary = "Changes a message as one of its headers says.",
    .keys = keys,
    .init = init,
    .open = on_open,
    .close = on_close,
    .request_headers = on_headers,
    .request_trailers = on_trailers,
    .response_headers = on_headers,
    .response_trailers = on_trailers,
};
