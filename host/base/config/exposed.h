/* exposed: may a user other than its owner change a file that we trust? */
#ifndef EXTPROCD_BASE_CONFIG_EXPOSED_H
#define EXTPROCD_BASE_CONFIG_EXPOSED_H

#include "base/arena.h"
#include "base/config/config.h"

/* What is found, and where: the file itself, or a folder above it whose entries others may
 * replace. */
struct exposed {
    const char *path;
    unsigned mode; /* its permissions */
    bool folder;
};

/* The file itself, then the folders above it and above the links that lead to it, are looked at for
 * write permission of the group or of others; a folder with the sticky bit, as /tmp, protects what
 * is in it. False: nothing was found, or nothing can be found out. */
bool exposed_find(const char *path, struct arena *arena, struct exposed *ret);

/* Adds a warning where that is so. The entry names the file; NULL entries and sections: as
 * config_say(). */
void exposed_warn(const char *path, struct arena *arena, const struct config_section *section,
                  const struct config_entry *entry, struct config_errors *errors);

/* May all users read the file? Its permissions say so, and all folders above let them through. */
bool exposed_to_readers(const char *path);

#endif
