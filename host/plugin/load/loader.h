/* loader: a shared object -> a plugin's descriptor, or one line that says why not.
 *
 * The door to dlopen. Never dlclose: thread-local destructors, atexit handlers and sanitizer traces
 * outlive a plugin.
 */
#ifndef EXTPROCD_PLUGIN_LOAD_LOADER_H
#define EXTPROCD_PLUGIN_LOAD_LOADER_H

#include "base/arena.h"

/* Loads `path` (with a slash) and checks what it exports: the ELF header first, then the symbol,
 * magic, versions, sizes, the table of keys. *ret_plugin and *ret_keys are copies in the arena,
 * as large as this host's structs, zero where the plugin's are shorter; *ret_keys ends with a NULL
 * name. 0, with *ret_why: a warning, or NULL; -ENOMEM; -ENOEXEC with *ret_why: "FILE: what is wrong
 * (what to do)". */
int loader_open(const char *path, struct arena *arena, const struct extproc_plugin **ret_plugin,
                const struct extproc_key **ret_keys, const char **ret_why);

/* The path, as it was opened, of the shared object that an address lies in; NULL: none. Any
 * thread. */
const char *loader_object_at(const void *address);

/* What is wrong with the descriptor of a plugin that is there already, as loader_open() says it:
 * for plugins that are linked in, and for tests. */
int loader_check(const char *path, const struct extproc_plugin *exported, struct arena *arena,
                 const struct extproc_plugin **ret_plugin, const struct extproc_key **ret_keys,
                 const char **ret_why);

#endif
