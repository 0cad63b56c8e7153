/* places: from /proc/self/exe. */
#include "process/setup/places.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* False: it is not there. */
static bool beside_program(const char *relative, char ret[PATH_MAX])
{
    char program[PATH_MAX], path[2 * PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len <= 0)
        return false;
    program[len] = '\0';
    char *slash = strrchr(program, '/');
    if (!slash)
        return false;
    *slash = '\0';
    snprintf(path, sizeof path, "%s/%s", program, relative);
    return realpath(path, ret);
}

const char *places_plugin_dir(char ret[PATH_MAX])
{
    return beside_program(EXTPROCD_PLUGIN_DIR_BESIDE, ret) ? ret : EXTPROCD_PLUGIN_DIR;
}

const char *places_config(char ret[PATH_MAX])
{
    bool found = beside_program(EXTPROCD_SYSCONFDIR_BESIDE "/extprocd/extprocd.ini", ret);
    return found ? ret : EXTPROCD_SYSCONFDIR "/extprocd/extprocd.ini";
}
