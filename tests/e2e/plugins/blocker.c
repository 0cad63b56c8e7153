/* blocker - never returns from the callback that its configuration names; for end-to-end tests. */
#include <extproc/plugin.h>

#include <unistd.h>

enum { INIT, REQUEST_HEADERS, FINI };

static const struct extproc_key keys[] = {
    {.name = "where",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .choices = "init|request_headers|fini",
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "In which callback."},
    {.name = NULL},
};

static void block_in(struct extproc_instance *instance, int64_t where)
{
    extproc_instance_log(instance, EXTPROC_LEVEL_INFO, "in %d", (int)where);
    for (;;)
        pause();
}

static int init(struct extproc_instance *instance)
{
    int64_t *where = extproc_instance_alloc(instance, sizeof *where);
    if (!where)
        return -ENOMEM;
    *where = extproc_conf_int(instance, "where", 0);
    instance->self = where;
    if (*where == INIT)
        block_in(instance, INIT);
    return 0;
}

static void fini(struct extproc_instance *instance)
{
    const int64_t *where = instance->self;
    if (*where == FINI)
        block_in(instance, FINI);
}

static enum extproc_action on_request_headers(struct extproc_txn *x)
{
    const int64_t *where = x->self;
    if (*where == REQUEST_HEADERS)
        block_in(x->instance, REQUEST_HEADERS);
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "blocker",
    .keys = keys,
    .init = init,
    .fini = fini,
    .request_headers = on_request_headers,
};
