/* upper - turns ASCII letters of bodies into upper case, chunk by chunk, in any body mode.
 *
 *     [plugin:loud]
 *     file = upper.so
 *     direction = response            ; or request, or both
 *     encoded = leave                 ; gzip, or a part of a body: unchanged; or fail
 *
 * Teaches: a body as a stream. Each chunk is changed and passed on. Scratch memory lasts until
 * the callback returns, so a body of any length needs only as much as its largest chunk. The
 * headers were forwarded before, so those that describe the old bytes are removed in the headers
 * phase (extproc_body_changes()), where the headers also say whether the body is text at all. */
#include "lib/plain_body.h"

#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "direction",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "response",
     .choices = "request|response|both",
     .help = "Direction of the bodies to change."},
    PLAIN_BODY_KEY,
    {.name = NULL},
};

static int init(struct extproc_instance *instance)
{
    const uint32_t request = EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY;
    const uint32_t response = EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY;
    const uint32_t phases[] = {request, response, request | response};
    return extproc_interest(instance, phases[extproc_conf_int(instance, "direction", 0)]);
}

static enum extproc_action on_headers(struct extproc_txn *x)
{
    return plain_body_headers(x, plain_body_fails(x->instance));
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    const char *why_not = plain_body_why_not(x);
    struct extproc_str in = why_not ? EXTPROC_S("") : extproc_body(x);
    bool changed = false;
    char *out = extproc_scratch(x, in.len);
    if (why_not)
        return plain_body_refuse(x, plain_body_fails(x->instance), why_not);
    if (!in.ptr || !out)
        return EXTPROC_ACTION_FAIL;
    for (size_t i = 0; i < in.len; i++) {
        out[i] = upper(in.ptr[i]);
        changed = changed || out[i] != in.ptr[i];
    }
    if (!changed) /* then the proxy keeps its own copy */
        return EXTPROC_ACTION_CONTINUE;
    return extproc_continue(extproc_body_set(x, (struct extproc_str){out, in.len}));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "upper",
    .version = "1.0",
    .summary = "Turns ASCII letters of bodies into upper case.",
    .keys = keys,
    .init = init,
    .request_headers = on_headers,
    .request_body = on_body,
    .response_headers = on_headers,
    .response_body = on_body,
};
