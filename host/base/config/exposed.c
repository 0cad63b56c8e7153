/* exposed: may a user other than its owner change a file that we trust?
 *
 * A user who may write to a plugin, to a key or to a configuration runs code as the service, and so
 * does a user who may replace the file: permission for that is the folder's.
 */
#include "base/config/exposed.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITABLE = S_IWGRP | S_IWOTH, PERMISSIONS = 07777 };

static bool found(const char *path, const struct stat *st, struct arena *arena, struct exposed *ret)
{
    *ret = (struct exposed){.path = arena_format(arena, "%s", path).ptr,
                            .mode = st->st_mode & PERMISSIONS,
                            .folder = S_ISDIR(st->st_mode)};
    return ret->path;
}

/* `path` is absolute and has no links; it is cut on the way. */
static bool find_folder(char *path, struct arena *arena, struct exposed *ret)
{
    for (char *slash; (slash = strrchr(path, '/')) && path[1];) {
        struct stat st;
        slash[slash == path] = '\0'; /* the root keeps its slash */
        if (stat(path, &st) == 0 && st.st_mode & WRITABLE && !(st.st_mode & S_ISVTX))
            return found(path, &st, arena, ret);
    }
    return false;
}

/* The folder in which the name itself stands: that of a link, if it is one. */
static char *folder_of_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *resolved = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return resolved;
}

static bool find_above(const char *path, struct arena *arena, struct exposed *ret)
{
    char *file = realpath(path, NULL), *folder = folder_of_name(path);
    char *inside = NULL;
    bool is_found = file && find_folder(file, arena, ret);
    if (!is_found && folder && asprintf(&inside, "%s/x", folder) >= 0) {
        is_found = find_folder(inside, arena, ret);
        free(inside);
    }
    free(file);
    free(folder);
    return is_found;
}

bool exposed_find(const char *path, struct arena *arena, struct exposed *ret)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    if (!known)
        return false;
    return st.st_mode & WRITABLE ? found(path, &st, arena, ret) : find_above(path, arena, ret);
}

void exposed_warn(const char *path, struct arena *arena, const struct config_section *section,
                  const struct config_entry *entry, struct config_errors *errors)
{
    struct exposed e;
    if (!exposed_find(path, arena, &e))
        return;
    struct extproc_str shown = config_shown(entry, extproc_str_of(e.path));
    config_say(errors, CONFIG_WARNING, section, entry,
               "%.*s has mode %04o: its group or others may %s (chmod go-w %.*s)",
               EXTPROC_ARG(shown), e.mode, e.folder ? "replace files in it" : "change it",
               EXTPROC_ARG(shown));
}

bool exposed_to_readers(const char *path)
{
    char *at = realpath(path, NULL);
    struct stat st;
    bool open_to_all = at && stat(at, &st) == 0 && st.st_mode & S_IROTH;
    for (char *slash; open_to_all && (slash = strrchr(at, '/')) && at[1];) {
        slash[slash == at] = '\0';
        open_to_all = stat(at, &st) == 0 && st.st_mode & S_IXOTH;
    }
    free(at);
    return open_to_all;
}
