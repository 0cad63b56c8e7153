/* absent_user: a plugin that calls what is not there when it is loaded. */
#include <extproc/plugin.h>

int absent(void);

static int init(struct extproc_instance *instance)
{
    (void)instance;
    return absent();
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "absent_user",
    .init = init,
};
