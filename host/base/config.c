/* config: the ini language, read with inih: the files, and what they include.
 *
 * Which files were read is known by device and inode, not by name: a file counts once, so a circle
 * of includes ends where it closes, and a section is never there twice because of a second path.
 */
#include "base/config.h"

#include "base/config_private.h"
#include "base/file.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 16 * 1024 };

struct config_seen {
    dev_t device;
    ino_t inode;
    const char *file; /* where it was included; NULL: the first */
    unsigned line;
    bool open; /* is being read */
    struct config_seen *next;
};

static struct config_seen *find_seen(const struct config *config, const struct stat *st)
{
    for (struct config_seen *seen = config->priv->files; seen; seen = seen->next) {
        if (seen->device == st->st_dev && seen->inode == st->st_ino)
            return seen;
    }
    return NULL;
}

static void read_bytes(struct config *config, const char *path, const struct file_bytes *bytes,
                       const struct config_entry *from)
{
    struct config_file f = {.config = config, .name = path};
    struct config_seen *seen = arena_zalloc(&config->priv->arena, sizeof *seen);
    if (!seen) {
        config->priv->out_of_memory = true;
        return;
    }
    *seen = (struct config_seen){.device = bytes->stat.st_dev,
                                 .inode = bytes->stat.st_ino,
                                 .file = from ? from->file : NULL,
                                 .line = from ? from->line : 0,
                                 .open = true,
                                 .next = config->priv->files};
    config->priv->files = seen;
    config_read_lines(&f, (struct extproc_str){bytes->ptr, bytes->len});
    seen->open = false;
}

/* ---- includes -------------------------------------------------------------------------------- */

static void include_file(struct config *config, const struct config_section *section,
                         const struct config_entry *entry, const char *path)
{
    struct config_errors *errors = config->priv->errors;
    struct file_bytes bytes;
    char why[FILE_WHY];
    if (file_read(path, FILE_REGULAR, CONFIG_FILE_MAX, &bytes, why) < 0) {
        config_say(errors, CONFIG_ERROR, section, entry, "%s cannot be read: %s", path, why);
        return;
    }
    const struct config_seen *seen = find_seen(config, &bytes.stat);
    if (!seen)
        read_bytes(config, path, &bytes, entry);
    else if (seen->open)
        config_say(errors, CONFIG_ERROR, section, entry, "%s would include itself", path);
    else
        config_say(errors, CONFIG_ERROR, section, entry,
                   "%s is included at %s:%u already (each file once)", path, seen->file,
                   seen->line);
    free(bytes.ptr);
}

void config_include(struct config *config, const struct config_section *section,
                    const struct config_entry *entry)
{
    struct arena *arena = &config->priv->arena;
    const char *value = entry->value.ptr;

    if (!config_is_pattern(value)) {
        const char *path = config_beside(arena, entry->file, value);
        if (path)
            include_file(config, section, entry, path);
        config->priv->out_of_memory |= !path;
        return;
    }
    const char **paths;
    size_t n;
    int r = config_matches(arena, entry->file, value, &paths, &n);
    if (r < 0) {
        config_say(config->priv->errors, CONFIG_ERROR, section, entry, "%s cannot be looked up: %s",
                   value, strerror(-r));
        return;
    }
    for (size_t i = 0; i < n; i++)
        include_file(config, section, entry, paths[i]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct config *config_new(const char *file)
{
    struct config *config = calloc(1, sizeof *config);
    struct config_private *priv = calloc(1, sizeof *priv);
    if (!config || !priv) {
        free(config);
        free(priv);
        return NULL;
    }
    arena_init(&priv->arena, ARENA_FIRST_SIZE);
    config->priv = priv;
    config->file = arena_format(&priv->arena, "%s", file).ptr;
    return config->file ? config : config_free(config);
}

void config_read(const char *file, config_knows_fn *knows, void *arg, struct config_errors *errors,
                 struct config **ret)
{
    struct config *config = config_new(file);
    struct file_bytes bytes;
    char why[FILE_WHY];
    *ret = config;
    if (!config) {
        config_say_at(errors, file, 0, "out of memory");
        return;
    }
    config->priv->knows = knows;
    config->priv->knows_arg = arg;
    config->priv->errors = errors;

    if (file_read(file, FILE_REGULAR_OR_PIPE, CONFIG_FILE_MAX, &bytes, why) < 0) {
        config_say_at(errors, file, 0, "cannot be read: %s", why);
        return;
    }
    read_bytes(config, config->file, &bytes, NULL);
    free(bytes.ptr);
    if (config->priv->out_of_memory)
        config_say_at(errors, file, 0, "out of memory");
}

struct config *config_free(struct config *config)
{
    if (!config)
        return NULL;
    arena_fini(&config->priv->arena);
    free(config->priv);
    free(config);
    return NULL;
}

struct config_section *config_find(const struct config *config, const char *type, const char *name)
{
    for (size_t i = 0; i < config->n_sections; i++) {
        struct config_section *section = &config->sections[i];
        if (strcmp(section->type, type) == 0 && strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}
