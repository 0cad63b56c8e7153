/* respond - sends an immediate response.
 *
 *     [plugin:maintenance]
 *     file = respond.so
 *     status = 503
 *     body = back at %REQ(x-window:-noon)%
 *     header = retry-after: 120       ; the first of a name takes the place of the proxy's own
 *     phase = request                 ; or response: in place of the response of the upstream
 *
 * Where the proxy skips the request's headers, it responds in the request's body or trailers.
 *
 * Teaches: an immediate response; templates; a file that is read once, in init(); interest that
 * follows the configuration; phases to fall back on. */
#include "lib/first_word.h"
#include "lib/header_line.h"

#include <extproc/text.h>

enum { FILE_MAX = 16 * 1024 * 1024 }; /* of a body_file */

static const struct extproc_key keys[] = {
    {.name = "status",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "200",
     .min = "200",
     .max = "599",
     .help = "HTTP status."},
    {.name = "body", .help = "The body, a template."},
    {.name = "body_file",
     .type = EXTPROC_KEY_TYPE_PATH,
     .help = "File of at most 16m with the body."},
    {.name = "header", .flags = EXTPROC_KEY_LIST, .help = "name: value; the value is a template."},
    {.name = "grpc_status",
     .type = EXTPROC_KEY_TYPE_INT,
     .min = "0",
     .max = "2147483647",
     .help = "gRPC status for gRPC clients; without it, derived from the HTTP status."},
    {.name = "details", .help = "Response code details in the proxy's access log."},
    {.name = "phase",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "request",
     .choices = "request|response",
     .help = "request: the request does not reach the upstream; response: replaces its response."},
    {.name = NULL},
};

struct respond {
    uint32_t status;
    int32_t grpc_status;
    struct extproc_str details;
    struct extproc_template *body; /* NULL: none, or a file's bytes */
    struct extproc_str file;       /* in place of a template */
    struct header_line *headers;
    size_t n_headers;
};

static int read_headers(struct extproc_instance *instance, struct respond *self)
{
    int r = 0;
    self->n_headers = extproc_conf_count(instance, "header");
    self->headers = extproc_instance_alloc(instance, self->n_headers * sizeof *self->headers);
    if (!self->headers)
        return -ENOMEM;
    for (size_t i = 0; i < self->n_headers; i++) {
        if (header_line_read(instance, "header", i, EXTPROC_MAP_IMMEDIATE_RESPONSE,
                             EXTPROC_EDIT_APPEND, &self->headers[i]) < 0)
            r = -EINVAL;
    }
    return r;
}

static int read_file(struct extproc_instance *instance, struct respond *self)
{
    self->file = extproc_read_file(instance, "body_file", 0, FILE_MAX);
    return self->file.ptr ? 0 : -EINVAL;
}

static int read_body(struct extproc_instance *instance, struct respond *self)
{
    bool has_file = extproc_conf_count(instance, "body_file") > 0;
    if (!extproc_conf_count(instance, "body"))
        return has_file ? read_file(instance, self) : 0;
    if (has_file)
        return extproc_conf_refuse(instance, "body_file", 0,
                                   "body and body_file exclude each other");
    self->body = extproc_conf_template(instance, "body", 0);
    return self->body ? 0 : -EINVAL;
}

static int check_status(struct extproc_instance *instance, const struct respond *self)
{
    const char *key = self->body ? "body" : "body_file";
    if (extproc_status_has_body(self->status) ||
        !(self->file.len || extproc_conf(instance, "body", 0).len))
        return 0;
    return extproc_conf_refuse(
        instance, key, 0, "a response with status %u has no body: remove this key", self->status);
}

static int read_details(struct extproc_instance *instance, struct respond *self)
{
    self->details = extproc_conf(instance, "details", 0);
    return extproc_is_utf8(self->details)
               ? 0
               : extproc_conf_refuse(instance, "details", 0, "not valid UTF-8");
}

/* A response whose headers are skipped has begun when its body comes. */
static int take_part(struct extproc_instance *instance, bool on_request)
{
    return on_request ? first_word_take_part(instance)
                      : extproc_interest(instance, EXTPROC_PHASE_RESPONSE_HEADERS);
}

static int init(struct extproc_instance *instance)
{
    bool on_request = extproc_conf_int(instance, "phase", 0) == 0;
    bool has_grpc = extproc_conf_count(instance, "grpc_status") > 0;
    struct respond *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->status = (uint32_t)extproc_conf_int(instance, "status", 0);
    self->grpc_status =
        has_grpc ? (int32_t)extproc_conf_int(instance, "grpc_status", 0) : EXTPROC_NO_GRPC;
    /* All three, so that all mistakes are reported. */
    int headers = read_headers(instance, self);
    int body = read_body(instance, self);
    body = body < 0 ? body : check_status(instance, self);
    int details = read_details(instance, self);
    if (headers < 0 || body < 0 || details < 0)
        return headers ? headers : body ? body : details;
    return take_part(instance, on_request);
}

/* False: out of memory. */
static bool expand(struct extproc_txn *x, struct extproc_response *answer)
{
    const struct respond *self = x->self;
    struct extproc_header *headers = extproc_scratch(x, self->n_headers * sizeof *headers);
    answer->headers = headers;
    answer->n_headers = self->n_headers;
    for (size_t i = 0; headers && i < self->n_headers; i++) {
        headers[i].name = self->headers[i].name;
        headers[i].value = extproc_trim(extproc_expand(x, self->headers[i].value));
        if (!headers[i].value.ptr)
            return false;
    }
    answer->body = self->file;
    if (self->body)
        answer->body = extproc_expand(x, self->body);
    return headers && (answer->body.ptr || !self->body);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    const struct respond *self = x->self;
    struct extproc_response answer = extproc_response_init();
    answer.status = self->status;
    answer.grpc_status = self->grpc_status;
    answer.details = self->details;
    return expand(x, &answer) ? extproc_respond(x, &answer) : EXTPROC_ACTION_FAIL;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "respond",
    .version = "1.0",
    .summary = "Sends an immediate response.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_phase,
    .request_body = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
};
