/* later: a plugin that was built with the header of a later minor. If it asks for at most the first
 * (EXTPROC_ABI_TARGET), it loads into this host, and sees what the host does not have. */
#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "greeting", .later = "ignored"},
    {.name = NULL},
};

static int init(struct extproc_instance *instance)
{
    if (!EXTPROC_HAS(instance, file_append))
        return -ENOSYS;
    return EXTPROC_HAS(instance, later) ? instance->api->later(instance) : 0;
}

static enum extproc_action on_any(struct extproc_txn *x)
{
    (void)x;
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "later",
    .keys = keys,
    .init = init,
    .request_headers = on_any,
    .later = on_any,
};
