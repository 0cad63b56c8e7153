/* loader_private: what the loader's files share. */
#ifndef EXTPROCD_PLUGIN_LOAD_LOADER_PRIVATE_H
#define EXTPROCD_PLUGIN_LOAD_LOADER_PRIVATE_H

#include "base/arena.h"

#include <extproc/plugin.h>

#include <link.h>

/* One attempt to load a file. */
struct attempt {
    const char *path;
    struct arena *arena;
    const char *why;       /* once it was refused: "FILE: what is wrong (what to do)" */
    const char *sanitizer; /* the file was built with it: "asan"; NULL: with none */
};

/* Sets `why`, the path before it. -ENOEXEC, or -ENOMEM. */
EXTPROC_PRINTF(2, 3)
int attempt_refuse(struct attempt *a, const char *fmt, ...);

/* Is the file a complete shared object for this machine? None of its code is run. 0, or as
 * above. */
int attempt_check_elf(struct attempt *a);
/* Are the libraries that it needs for this C library? Sets `sanitizer`. 0, or as above. */
int attempt_check_needed(struct attempt *a, int fd, const ElfW(Ehdr) * header);

/* Does each bit of .needs say something about a callback that is there? 0, or as above. */
int attempt_check_needs(struct attempt *a, const struct extproc_plugin *plugin);

/* What a loaded object exports that the host has, too: "FILE: ..."; NULL: nothing. */
const char *attempt_clashes(const struct attempt *a, void *object);

#endif
