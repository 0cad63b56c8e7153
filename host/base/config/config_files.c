/* config_files: what an ini file names in the file system, seen from where it lies itself.
 */
#include "base/config/config_private.h"
#include "base/str.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

/* With its slash; empty where the file has no folder in its name. */
static struct extproc_str folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return (struct extproc_str){file, slash ? (size_t)(slash - file) + 1 : 0};
}

const char *config_beside(struct arena *arena, const char *file, const char *path)
{
    struct extproc_str folder = folder_of(file);
    if (*path == '/')
        folder.len = 0;
    return arena_format(arena, "%.*s%s", EXTPROC_ARG(folder), path).ptr;
}

const struct config_entry *config_origin(const struct config_section *section,
                                         const struct config_entry *entry)
{
    return entry || section->n_entries == 0 ? entry : &section->entries[0];
}

const char *config_path(struct arena *arena, const struct config_entry *entry, const char *path)
{
    return entry && entry->path ? config_beside(arena, entry->path, path) : path;
}

/* ---- patterns -------------------------------------------------------------------------------- */

/* The folder is a name, not a pattern, whatever characters it has. NULL: out of memory. */
static const char *pattern_beside(struct arena *arena, const char *file, const char *pattern)
{
    struct extproc_str folder = folder_of(file);
    char *escaped = arena_alloc(arena, 2 * folder.len + 1), *to = escaped;
    if (!escaped)
        return NULL;
    for (size_t i = 0; i < folder.len; i++) {
        if (strchr("*?[\\", folder.ptr[i]))
            *to++ = '\\';
        *to++ = folder.ptr[i];
    }
    *to = '\0';
    return arena_format(arena, "%s%s", *pattern == '/' ? "" : escaped, pattern).ptr;
}

static const char **paths_copy(struct arena *arena, char **paths, size_t n)
{
    const char **copy = arena_array(arena, n, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = arena_format(arena, "%s", paths[i]).ptr;
        if (!copy[i])
            return NULL;
    }
    return copy;
}

bool config_is_pattern(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

/* A folder that is not there holds no files; one that cannot be read may hold some. */
static int glob_stops_at(const char *path, int error)
{
    return error != ENOENT && error != ENOTDIR;
}

int config_matches(struct arena *arena, const char *file, const char *pattern,
                   const char ***ret_paths, size_t *ret_n)
{
    const char *full = pattern_beside(arena, file, pattern);
    if (!full)
        return -ENOMEM;

    glob_t found = {0};
    int r = glob(full, 0, glob_stops_at, &found);
    size_t n = found.gl_pathc;
    const char **paths = paths_copy(arena, found.gl_pathv, n);
    globfree(&found);
    if (r == GLOB_ABORTED)
        return -EACCES;
    if (r == GLOB_NOSPACE || !paths)
        return -ENOMEM;
    *ret_paths = paths;
    *ret_n = n;
    return 0;
}
