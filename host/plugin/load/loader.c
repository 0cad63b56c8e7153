/* loader: a shared object -> a plugin's descriptor, or one line that says why not.
 *
 * No code of a file runs before it is known to be a shared object for this machine, and nothing of
 * a descriptor is used before its size is known: the result is a copy, as large as this host's
 * structs, zero where the plugin's are shorter. So no other file has to handle older plugins.
 */
#include "plugin/load/loader.h"

#include "base/keys/keys.h"
#include "plugin/load/loader_private.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

/* What the first minor had, and more than any will have. */
enum {
    PLUGIN_SIZE_MIN = offsetof(struct extproc_plugin, response_trailers) + sizeof(extproc_on_fn *),
    KEY_SIZE_MIN = offsetof(struct extproc_key, max) + sizeof(char *),
    SIZE_MAX_SANE = 4096
};

/* ---- the file and its symbol ----------------------------------------------------------------- */

static int refuse_sanitizer(struct attempt *a, const char *name)
{
    return attempt_refuse(a,
                          "is built with a sanitizer (%s), and this extprocd is not (build it "
                          "without -fsanitize, or set LD_PRELOAD to the sanitizer's library)",
                          name);
}

static int refuse_undefined(struct attempt *a, const char *name)
{
    if (strncmp(name, "__asan_", 7) == 0 || strncmp(name, "__tsan_", 7) == 0)
        return refuse_sanitizer(a, name);
    return attempt_refuse(a,
                          "undefined symbol %s: link the plugin against the library that provides "
                          "it (-Wl,-z,defs finds these at build time)",
                          name);
}

/* Puts dlerror()'s words for the usual causes into ours. */
static int refuse_dlerror(struct attempt *a, const char *error)
{
    static const char absent[] = ": cannot open shared object file";
    static const char undefined[] = "undefined symbol: ";
    const char *at = strstr(error, absent);
    if (at)
        return attempt_refuse(
            a, "library %.*s not found (install it, or link the plugin with an -rpath to it)",
            (int)(at - error), error);
    at = strstr(error, undefined);
    if (at)
        return refuse_undefined(a, at + sizeof undefined - 1);
    if (strstr(error, "static TLS"))
        return attempt_refuse(a, "needs more static TLS (thread-local storage) than is left (build "
                                 "it without -ftls-model=initial-exec, or start extprocd with "
                                 "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=SIZE)");

    size_t own = strlen(a->path);
    if (strncmp(error, a->path, own) == 0 && error[own] == ':')
        error += own + 1 + strspn(error + own + 1, " ");
    return attempt_refuse(a, "cannot be loaded: %s (see also ldd -r)", error);
}

static int refuse_symbol(struct attempt *a, void *object)
{
    for (unsigned major = EXTPROC_ABI_MAJOR + 1; major < EXTPROC_ABI_MAJOR + 10; major++) {
        char name[sizeof "extproc_plugin_v" + 10];
        snprintf(name, sizeof name, "extproc_plugin_v%u", major);
        if (dlsym(object, name))
            return attempt_refuse(a,
                                  "is built for ABI %u, and this extprocd has ABI %u.%u (rebuild "
                                  "it with this extprocd's headers, or use a newer extprocd)",
                                  major, EXTPROC_ABI_MAJOR, EXTPROC_ABI_MINOR);
    }
    return attempt_refuse(a,
                          "is not a plugin: it does not export extproc_plugin_v%d (define that "
                          "constant, and include <extproc/plugin.h>)",
                          EXTPROC_ABI_MAJOR);
}

/* The size of the symbol, as the object's own symbol table has it. */
static size_t symbol_size(const void *symbol)
{
    Dl_info info;
    void *entry = NULL;
    if (!dladdr1(symbol, &info, &entry, RTLD_DL_SYMENT) || !entry)
        return 0;
    return ((const ElfW(Sym) *)entry)->st_size;
}

static int refuse_size(struct attempt *a, const char *what, size_t size)
{
    return attempt_refuse(a,
                          "invalid size of %s: %zu bytes, as in no version of the SDK (start the "
                          "descriptor with .abi = EXTPROC_ABI)",
                          what, size);
}

/* Did the process begin with it? */
static bool has_sanitizer(const char *name)
{
    char symbol[32];
    snprintf(symbol, sizeof symbol, "__%s_init", name);
    return dlsym(RTLD_DEFAULT, symbol);
}

static int object_open(struct attempt *a, const struct extproc_plugin **ret_exported,
                       const char **ret_warning)
{
    if (a->sanitizer && !has_sanitizer(a->sanitizer))
        return refuse_sanitizer(a, a->sanitizer);
    void *object = dlopen(a->path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return refuse_dlerror(a, dlerror());
    const struct extproc_plugin *exported = dlsym(object, "extproc_plugin_v1");
    if (!exported)
        return refuse_symbol(a, object);

    size_t size = symbol_size(exported);
    if (size < sizeof exported->abi)
        return refuse_size(a, "descriptor", size);
    if (exported->abi.magic == EXTPROC_MAGIC && exported->abi.plugin_size > size)
        return refuse_size(a, "descriptor", exported->abi.plugin_size);
    *ret_exported = exported;
    *ret_warning = attempt_clashes(a, object);
    return 0;
}

/* ---- the descriptor -------------------------------------------------------------------------- */

static int version_judge(struct attempt *a, const struct extproc_abi *abi)
{
    if (abi->magic != EXTPROC_MAGIC)
        return attempt_refuse(
            a,
            "the descriptor starts with 0x%08x: expected 0x%08x (start it with .abi = EXTPROC_ABI)",
            abi->magic, EXTPROC_MAGIC);
    if (abi->major != EXTPROC_ABI_MAJOR)
        return attempt_refuse(a,
                              "is built for ABI %u.%u, and this extprocd has ABI %u.%u (rebuild it "
                              "with this extprocd's headers)",
                              abi->major, abi->minor, EXTPROC_ABI_MAJOR, EXTPROC_ABI_MINOR);
    if (abi->minor > EXTPROC_ABI_MINOR)
        return attempt_refuse(a,
                              "needs ABI %u.%u, and this extprocd has ABI %u.%u (rebuild it with "
                              "-DEXTPROC_ABI_TARGET=%u, or use a newer extprocd)",
                              abi->major, abi->minor, EXTPROC_ABI_MAJOR, EXTPROC_ABI_MINOR,
                              EXTPROC_ABI_MINOR);
    return 0;
}

static bool size_sane(uint32_t size, uint32_t min)
{
    return size >= min && size <= SIZE_MAX_SANE && size % _Alignof(void *) == 0;
}

static int name_judge(struct attempt *a, const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (!name || !*name)
        return attempt_refuse(a, "the descriptor has no name (set .name)");
    size_t len = strnlen(name, CONFIG_NAME_MAX + 1);
    if (len > CONFIG_NAME_MAX || strspn(name, allowed) < len)
        return attempt_refuse(a,
                              "invalid plugin name \"%.*s\": expected 1 to %d of A-Z a-z 0-9 _ . -",
                              CONFIG_NAME_MAX + 1, name, CONFIG_NAME_MAX);
    return 0;
}

/* What could only be meant otherwise: a need that would not be met, a plugin or a callback that is
 * never called. */
static int content_judge(struct attempt *a, const struct extproc_plugin *plugin)
{
    bool in_phases = plugin->request_headers || plugin->request_body || plugin->request_trailers ||
                     plugin->response_headers || plugin->response_body || plugin->response_trailers;
    int r = attempt_check_needs(a, plugin);
    if (r < 0)
        return r;
    if (!in_phases && !plugin->open && !plugin->close)
        return attempt_refuse(a,
                              "the descriptor has no callback (set .request_headers or another)");
    if (!in_phases && plugin->resume)
        return attempt_refuse(a, "the descriptor has .resume and no callback that could wait (set "
                                 ".request_headers or another)");
    return 0;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The table, key by key at the plugin's stride, into keys of our size. */
static int keys_copy(struct attempt *a, const struct extproc_plugin *plugin, size_t stride,
                     struct extproc_key **ret)
{
    struct keys_table table = {plugin->keys, stride};
    const char *why;
    if (table.first && !keys_table_valid(table, a->arena, &why))
        return attempt_refuse(a, "invalid table of keys: %s (correct it in the plugin)", why);

    const char *first = (const char *)table.first;
    size_t n = 0;
    while (first && ((const struct extproc_key *)(const void *)(first + n * stride))->name)
        n++;
    struct extproc_key *keys = arena_array(a->arena, n + 1, sizeof *keys);
    if (!keys)
        return -ENOMEM;
    memset(keys, 0, (n + 1) * sizeof *keys);
    for (size_t i = 0; i < n; i++)
        memcpy(&keys[i], first + i * stride, min_size(stride, sizeof *keys));
    *ret = keys;
    return 0;
}

/* The same rules for a file's descriptor and for one that is linked in. */
static int descriptor_copy(struct attempt *a, const struct extproc_plugin *exported,
                           const struct extproc_plugin **ret)
{
    const struct extproc_abi *abi = &exported->abi;
    int r = version_judge(a, abi);
    if (r < 0)
        return r;
    if (!size_sane(abi->plugin_size, PLUGIN_SIZE_MIN))
        return refuse_size(a, "descriptor", abi->plugin_size);
    if (!size_sane(abi->key_size, KEY_SIZE_MIN))
        return refuse_size(a, "struct extproc_key", abi->key_size);

    struct extproc_plugin *plugin = arena_zalloc(a->arena, sizeof *plugin);
    if (!plugin)
        return -ENOMEM;
    memcpy(plugin, exported, min_size(abi->plugin_size, sizeof *plugin));
    r = name_judge(a, plugin->name);
    if (r == 0)
        r = content_judge(a, plugin);
    if (r < 0)
        return r;
    struct extproc_key *keys = NULL;
    r = keys_copy(a, plugin, abi->key_size, &keys);
    if (r < 0)
        return r;

    plugin->keys = keys;
    plugin->abi.plugin_size = sizeof *plugin;
    plugin->abi.key_size = sizeof *keys;
    *ret = plugin;
    return 0;
}

const char *loader_object_at(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) ? info.dli_fname : NULL;
}

/* ---- both ------------------------------------------------------------------------------------ */

int loader_check(const char *path, const struct extproc_plugin *exported, struct arena *arena,
                 const struct extproc_plugin **ret_plugin, const struct extproc_key **ret_keys,
                 const char **ret_why)
{
    struct attempt a = {.path = path, .arena = arena};
    assert(exported);
    int r = descriptor_copy(&a, exported, ret_plugin);
    if (r == 0)
        *ret_keys = (*ret_plugin)->keys;
    else if (r == -ENOEXEC)
        *ret_why = a.why;
    return r;
}

int loader_open(const char *path, struct arena *arena, const struct extproc_plugin **ret_plugin,
                const struct extproc_key **ret_keys, const char **ret_why)
{
    struct attempt a = {.path = path, .arena = arena};
    const struct extproc_plugin *exported = NULL;
    const char *warning = NULL;
    int r = attempt_check_elf(&a);
    if (r == 0)
        r = object_open(&a, &exported, &warning);
    *ret_why = r == 0 ? warning : a.why;
    return r < 0 ? r : loader_check(path, exported, arena, ret_plugin, ret_keys, ret_why);
}
