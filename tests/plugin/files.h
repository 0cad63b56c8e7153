/* files: files for plugins that read some, in a folder that is gone when the test has ended. */
#ifndef EXTPROCD_TESTS_PLUGIN_FILES_H
#define EXTPROCD_TESTS_PLUGIN_FILES_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 4, FILES_PATH = 192 };

static char files_folder[] = "/tmp/extprocd-files-XXXXXX";
static char files_paths[FILES_MAX][FILES_PATH];
static size_t n_files;

/* Writes or replaces a file as an editor does; returns its path, which stays. */
static inline const char *file_with(const char *name, const char *text)
{
    char path[FILES_PATH], fresh[FILES_PATH + 8];
    size_t i = 0;
    if (!n_files)
        cr_assert(mkdtemp(files_folder));
    snprintf(path, sizeof path, "%s/%s", files_folder, name);
    while (i < n_files && strcmp(files_paths[i], path) != 0)
        i++;
    cr_assert_lt(i, FILES_MAX);
    n_files = i == n_files ? n_files + 1 : n_files;
    strcpy(files_paths[i], path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(rename(fresh, path), 0);
    return files_paths[i];
}

static inline void files_end(void)
{
    for (size_t i = 0; i < n_files; i++)
        unlink(files_paths[i]);
    rmdir(files_folder);
}

#endif
