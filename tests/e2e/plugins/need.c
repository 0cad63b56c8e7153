/* need - refuses messages that have "evil" in them, which takes the complete body; for end-to-end
 * tests.
 *
 *     [plugin:need]
 *     file = .../need.so
 *     direction = request             ; or response
 */
#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "direction",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "request",
     .choices = "request|response",
     .help = "Whose bodies."},
    {.name = NULL},
};

static int init(struct extproc_instance *instance)
{
    bool response = extproc_conf_int(instance, "direction", 0) == 1;
    return extproc_interest(instance,
                            response ? EXTPROC_PHASE_RESPONSE_BODY : EXTPROC_PHASE_REQUEST_BODY);
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    static const struct extproc_str evil = EXTPROC_STR("evil");
    struct extproc_str body = extproc_body(x);
    if (body.len && memmem(body.ptr, body.len, evil.ptr, evil.len))
        return extproc_reply(x, .status = 403);
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "need",
    .needs = EXTPROC_WHOLE_REQUEST_BODY | EXTPROC_WHOLE_RESPONSE_BODY,
    .keys = keys,
    .init = init,
    .request_body = on_body,
    .response_body = on_body,
};
