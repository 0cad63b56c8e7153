/* places: from /proc/self/exe. */
#include "process/setup/places.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash;
}

/* The path where `relative` leads from the program's folder, whether something is there or not.
 * False: there is no such path. */
static bool beside_program(const char *relative, char ret[PATH_MAX])
{
    char folder[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (len <= 0)
        return false;
    folder[len] = '\0';
    bool is_path = cut_last(folder);
    for (; is_path && strncmp(relative, "../", 3) == 0; relative += 3)
        is_path = cut_last(folder);
    return is_path && snprintf(ret, PATH_MAX, "%s/%s", folder, relative) < PATH_MAX;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

const char *places_plugin_dir(char ret[PATH_MAX])
{
    return beside_program(EXTPROCD_PLUGIN_DIR_BESIDE, ret) && is_there(ret) ? ret
                                                                            : EXTPROCD_PLUGIN_DIR;
}

/* Where the program is installed its configuration is beside it, too, even if that was removed; but
 * not if the folder for it does not move with the prefix, as /etc does not. */
const char *places_config(char ret[PATH_MAX])
{
    bool moved = EXTPROCD_SYSCONFDIR_MOVES && beside_program(EXTPROCD_PLUGIN_DIR_BESIDE, ret) &&
                 is_there(ret);
    bool beside = beside_program(EXTPROCD_SYSCONFDIR_BESIDE "/extprocd/extprocd.ini", ret);
    return beside && (moved || is_there(ret)) ? ret : EXTPROCD_SYSCONFDIR "/extprocd/extprocd.ini";
}
