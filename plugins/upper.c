/* upper - turns ASCII letters of bodies into capitals, chunk by chunk, in any body mode.
 *
 *     [plugin:loud]
 *     file = upper.so
 *     direction = response            ; or request, or both
 *
 * Teaches: a body as a stream. What is in hand is changed and passed on; scratch memory is gone
 * when the callback returns, so a body of any length takes no more of it than its largest chunk. */
#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "direction",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "response",
     .choices = "request|response|both",
     .help = "Whose bodies."},
    {.name = NULL},
};

static int init(struct extproc_instance *h)
{
    static const uint32_t phases[] = {EXTPROC_PHASE_REQUEST_BODY, EXTPROC_PHASE_RESPONSE_BODY,
                                      EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY};

    return extproc_interest(h, phases[extproc_conf_int(h, "direction", 0)]);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    struct extproc_str in = extproc_body(x);
    bool changed = false;
    char *out = extproc_scratch(x, in.len);

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
    .summary = "Turns ASCII letters of bodies into capitals.",
    .keys = keys,
    .init = init,
    .request_body = on_body,
    .response_body = on_body,
};
