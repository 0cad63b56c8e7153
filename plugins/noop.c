/* noop - takes part in every phase and changes nothing.
 *
 * For measuring what the chain costs, and for seeing which phases a proxy sends: with
 * log_level = debug it writes a line for each.
 *
 * Teaches: the smallest complete plugin; one callback for several phases; x->phase. */
#include <extproc/plugin.h>

static enum extproc_action on_any(struct extproc_txn *x)
{
    extproc_log(x, EXTPROC_LEVEL_DEBUG, "%s", x->end ? "end of the direction" : "more may follow");
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "noop",
    .version = "1.0",
    .summary = "Takes part in every phase and changes nothing.",
    .needs = EXTPROC_KEEPS_BODY,
    .request_headers = on_any,
    .request_body = on_any,
    .request_trailers = on_any,
    .response_headers = on_any,
    .response_body = on_any,
    .response_trailers = on_any,
};
