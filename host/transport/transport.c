/* transport: opens the transport that is asked for.
 *
 * Each is a shared object of its own, which has its libraries and a copy of base/ with it, and is
 * opened for itself alone: what it links is in no other object's way, a plugin's least of all. It
 * is found where the program is linked to look for it (DT_RUNPATH), and nothing of it is opened
 * where it is not chosen. It is never closed: threads of its libraries may still run.
 */
#include "transport/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The first is the default. */
static const char *const names[] = {EXTPROCD_TRANSPORTS};

enum { N_NAMES = sizeof names / sizeof *names };

const char *transport_name(size_t i)
{
    return i < N_NAMES ? names[i] : NULL;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static const char *why_not(const struct transport_module *module)
{
    if (!module)
        return "it exports no transport";
    if (strncmp(module->version, EXTPROCD_VERSION, sizeof module->version) != 0 ||
        module->ops_size != sizeof *module->ops)
        return "it belongs to another version (install the program and its transports together)";
    return NULL;
}

const struct transport_ops *transport_find(const char *name, char ret_why[static TRANSPORT_WHY])
{
    char file[TRANSPORT_WHY / 2];
    if (!is_known(name)) {
        snprintf(ret_why, TRANSPORT_WHY, "no transport \"%s\" in this build", name);
        return NULL;
    }
    snprintf(file, sizeof file, "%sextprocd_%s.so", EXTPROCD_TRANSPORT_PLACE, name);
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        snprintf(ret_why, TRANSPORT_WHY, "cannot open the transport %s: %s", name, dlerror());
        return NULL;
    }
    const struct transport_module *module = dlsym(object, TRANSPORT_MODULE_SYMBOL);
    const char *why = why_not(module);
    if (why)
        snprintf(ret_why, TRANSPORT_WHY, "cannot use the transport %s: %s: %s", name, file, why);
    return why ? NULL : module->ops;
}
