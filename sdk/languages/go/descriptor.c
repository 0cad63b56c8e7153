/* descriptor: what the host looks for; its callbacks are Go's. */
#include <extproc/plugin.h>

extern enum extproc_action on_request(struct extproc_txn *x);
extern enum extproc_action on_response(struct extproc_txn *x);

static const struct extproc_key keys[] = {
    {.name = "greeting", .fallback = "hello from Go", .help = "The value of x-hello."},
    {.name = NULL},
};

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "hello",
    .keys = keys,
    .request_headers = on_request,
    .response_headers = on_response,
};
