/* @NAME@ - adds a header to every response.
 *
 *     [plugin:@NAME@]
 *     file = ./@NAME@.so
 *     greeting = served by @NAME@
 */
#include <extproc/plugin.h>

static const struct extproc_key keys[] = {
    {.name = "greeting", .fallback = "served by @NAME@", .help = "Value of the header x-@NAME@."},
    {.name = NULL},
};

static enum extproc_action on_response(struct extproc_txn *x)
{
    return extproc_continue(extproc_header_set(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("x-@NAME@"),
                                               extproc_conf(x->instance, "greeting", 0)));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "@NAME@",
    .version = "0.1",
    .summary = "Adds a header to every response.",
    .keys = keys,
    .response_headers = on_response,
};
