/* old_names: a source that was written before the names changed still compiles, and means the
 * same. */
#include <extproc/plugin.h>

static struct extproc_metric *seen;

static int init(struct extproc_host *h)
{
    seen = extproc_counter(h, "seen", "Requests.");
    extproc_host_log(h, EXTPROC_INFO, "on");
    if (extproc_check_edit(h, EXTPROC_MAP_ANSWER, EXTPROC_SET, EXTPROC_S("x-a"), EXTPROC_S("1")) ||
        extproc_want_metadata(h, EXTPROC_S("ns"), EXTPROC_READ | EXTPROC_WRITE))
        return -EINVAL;
    return extproc_host_alloc(h, 1) ? extproc_interest(h, EXTPROC_ON_REQUEST_HEADERS) : -ENOMEM;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct extproc_str name = extproc_header(x, EXTPROC_REQUEST, EXTPROC_S("x-name"));
    extproc_add(seen, 1);
    if (extproc_map_state(x, EXTPROC_REQUEST) != EXTPROC_OPEN || !name.ptr)
        return EXTPROC_CONTINUE;
    int r = extproc_edit(x, EXTPROC_REQUEST, EXTPROC_IF_ABSENT, EXTPROC_S("x-a"), name);
    if (r == 0)
        r = extproc_set(x, EXTPROC_REQUEST, EXTPROC_S("x-b"), name);
    if (r == 0)
        r = extproc_append(x, EXTPROC_REQUEST, EXTPROC_S("x-c"), name);
    return extproc_continue(r ? r : extproc_remove(x, EXTPROC_REQUEST, EXTPROC_S("x-name")));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "old_names",
    .init = init,
    .request_headers = on_request,
};
