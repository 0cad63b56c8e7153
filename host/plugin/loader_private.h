/* loader_private: what the loader's files share. */
#ifndef EXTPROCD_PLUGIN_LOADER_PRIVATE_H
#define EXTPROCD_PLUGIN_LOADER_PRIVATE_H

#include "base/arena.h"

/* One attempt to load a file. */
struct attempt {
    const char *path;
    struct arena *arena;
    const char *why; /* once it was refused: "FILE: what is wrong (what to do)" */
};

/* Sets `why`, the path before it. -ENOEXEC, or -ENOMEM. */
EXTPROC_PRINTF(2, 3)
int attempt_refuse(struct attempt *a, const char *fmt, ...);

/* Is the file a whole shared object for this machine? Nothing of it is run. 0, or as above. */
int attempt_check_elf(struct attempt *a);

#endif
