/* scene: a folder with ini files, what they were read as, and what was found wrong with them.
 *
 * Files are named relative to the folder, in which the test runs.
 */
#ifndef EXTPROCD_TESTS_SCENE_H
#define EXTPROCD_TESTS_SCENE_H

#include "base/config/config.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scene_dir[] = "/tmp/extprocd-config-XXXXXX";
static struct config *config;
static struct config_errors errors;

static inline void scene_begin(void)
{
    cr_assert_not_null(mkdtemp(scene_dir));
    cr_assert_eq(chdir(scene_dir), 0);
}

static inline int scene_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline void scene_end(void)
{
    config = config_free(config);
    config_errors_fini(&errors);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(nftw(scene_dir, scene_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void write_bytes(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(name, "w");
    cr_assert_not_null(f, "%s", name);
    cr_assert_eq(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static inline void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* Keys that every section of these tests knows. */
static inline bool knows(const char *section_type, const char *key, void *arg)
{
    return strcmp(key, "file") == 0 || strcmp(key, "plugins") == 0;
}

/* Reads main.ini with this text. */
static inline void read_text(const char *text)
{
    write_file("main.ini", text);
    config_read("main.ini", knows, NULL, &errors, &config);
}

/* The value of a key's i-th entry. */
static inline const char *nth(const char *type, const char *name, const char *key, size_t i)
{
    const struct config_section *section = config_find(config, type, name);
    for (size_t at = 0; section && at < section->n_entries; at++) {
        if (strcmp(section->entries[at].key, key) == 0 && i-- == 0)
            return section->entries[at].value.ptr;
    }
    return "(absent)";
}

/* The value of a key in [a]. */
static inline const char *value(const char *key)
{
    return nth("a", "", key, 0);
}

/* All lines, each with a newline. */
static inline const char *all_said(void)
{
    static char text[10000];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < errors.n_lines && len < sizeof text - 1; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", errors.lines[i]);
    return text;
}

/* Exactly these lines; a ~ in them stands for any text. */
static inline void expect_said(const char *text)
{
    cr_expect(lines_match(all_said(), text), "expected:\n%s\nsaid:\n%s", text, all_said());
}

static inline bool is_said(const char *part)
{
    return lines_have(all_said(), part);
}

#endif
