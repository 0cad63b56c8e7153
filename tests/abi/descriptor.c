/* descriptor: a plugin whose descriptor is as the definitions say; without any, it is a good
 * one. */
#include <extproc/plugin.h>

#include <errno.h>

#ifndef MAGIC
#    define MAGIC EXTPROC_MAGIC
#endif
#ifndef MAJOR
#    define MAJOR EXTPROC_ABI_MAJOR
#endif
#ifndef MINOR
#    define MINOR EXTPROC_ABI_MINOR
#endif
#ifndef PLUGIN_SIZE
#    define PLUGIN_SIZE sizeof(struct extproc_plugin)
#endif
#ifndef KEY_SIZE
#    define KEY_SIZE sizeof(struct extproc_key)
#endif
#ifndef NAME
#    define NAME "good"
#endif
#ifndef KEY
#    define KEY "greeting"
#endif
#ifndef INIT
#    define INIT 0
#endif

static const struct extproc_key keys[] = {
    {.name = KEY, .fallback = "hello", .help = "What to say."},
    {.name = NULL},
};

static int init(struct extproc_instance *instance)
{
    (void)instance;
    return INIT;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    (void)x;
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = {MAGIC, MAJOR, MINOR, PLUGIN_SIZE, KEY_SIZE},
    .name = NAME,
    .keys = keys,
    .init = init,
    .request_headers = on_request,
};
