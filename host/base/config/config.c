/* config: the ini language, read with inih: the files, and what they include.
 *
 * Which files were read is known by device and inode, not by name: a file counts once, so a circle
 * of includes ends where it closes, and a section is never there twice because of a second path.
 */
#include "base/config/config.h"

#include "base/config/config_private.h"
#include "base/config/exposed.h"
#include "base/file.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 16 * 1024 };

struct config_seen {
    const char *file; /* where it was included; NULL: the first */
    unsigned line;
    bool open; /* is being read */
};

/* ---- files that were read -------------------------------------------------------------------- */

/* Which file it is, whatever its name. NULL: out of memory. */
static const struct lookup_name *identity_of(struct arena *arena, const struct stat *st)
{
    struct identity {
        struct lookup_name name;
        uint64_t device, inode;
    } *id = arena_zalloc(arena, sizeof *id);
    if (!id)
        return NULL;
    id->device = st->st_dev;
    id->inode = st->st_ino;
    id->name.first = (struct extproc_str){(const char *)&id->device, 2 * sizeof id->device};
    return &id->name;
}

/* from: the entry that includes it; NULL: none. False: out of memory. */
static bool add_seen(struct config_private *priv, const struct lookup_name *identity,
                     const struct config_entry *from, size_t *ret_place)
{
    struct config_seen *files =
        config_array_grow(&priv->arena, priv->files, priv->n_files, sizeof *files);
    if (!files)
        return false;
    priv->files = files;
    *ret_place = priv->n_files++;
    files[*ret_place] = (struct config_seen){
        .file = from ? from->file : NULL, .line = from ? from->line : 0, .open = true};
    return lookup_add(&priv->files_read, &priv->arena, *identity, *ret_place);
}

static config_include_fn include_entry;

static void read_lines(struct config *config, const char *path, const char *name,
                       const struct file_bytes *bytes, size_t place)
{
    struct config_file f = {.config = config, .path = path, .name = name, .include = include_entry};
    config_errors_begin_file(config->priv->errors, name);
    config_read_lines(&f, (struct extproc_str){bytes->ptr, bytes->len});
    config->priv->files[place].open = false;
}

/* ---- includes -------------------------------------------------------------------------------- */

/* An entry that includes files. */
struct include {
    struct config *config;
    const struct config_section *section;
    const struct config_entry *entry;
};

/* The path of an included file as it is shown. If the value is hidden, at most the last component
 * is shown, and only if that part of the value (a name or a pattern) is not hidden. NULL: out of
 * memory. */
static const char *shown_path(const struct include *include, const char *path)
{
    const char *shown = include->entry->shown.ptr;
    if (!include->entry->hidden)
        return path;
    const char *last = strrchr(shown, '/');
    if (!last || strstr(last, CONFIG_MASK))
        return CONFIG_MASK;
    return arena_format(&include->config->priv->arena, CONFIG_MASK "%s", strrchr(path, '/')).ptr;
}

static void warn_exposed(struct config *config, const struct config_section *section,
                         const struct config_entry *entry, const char *path)
{
    exposed_warn(path, &config->priv->arena, section, entry, config->priv->errors);
}

static void include_bytes(const struct include *include, const char *path, const char *name,
                          const struct file_bytes *bytes)
{
    struct config_private *priv = include->config->priv;
    const struct lookup_name *identity = identity_of(&priv->arena, &bytes->stat);
    size_t place;
    if (!identity) {
        priv->out_of_memory = true;
        return;
    }
    if (!lookup_find(&priv->files_read, *identity, &place)) {
        warn_exposed(include->config, include->section, include->entry, path);
        if (add_seen(priv, identity, include->entry, &place))
            read_lines(include->config, path, name, bytes, place);
        else
            priv->out_of_memory = true;
        return;
    }
    const struct config_seen *seen = &priv->files[place];
    if (seen->open)
        config_say(priv->errors, CONFIG_ERROR, include->section, include->entry,
                   "%s includes itself", name);
    else
        config_say(priv->errors, CONFIG_ERROR, include->section, include->entry,
                   "%s is already included at %s:%u (remove one of the two lines)", name,
                   seen->file, seen->line);
}

static void include_file(const struct include *include, const char *path)
{
    struct config_private *priv = include->config->priv;
    struct file_bytes bytes;
    char why[FILE_WHY];
    const char *name = path ? shown_path(include, path) : NULL;
    if (!name) {
        priv->out_of_memory = true;
        return;
    }
    if (file_read(path, FILE_REGULAR, CONFIG_FILE_MAX, &bytes, why) < 0) {
        config_say(priv->errors, CONFIG_ERROR, include->section, include->entry,
                   "cannot read %s: %s", name, why);
        return;
    }
    include_bytes(include, path, name, &bytes);
    free(bytes.ptr);
}

static void include_entry(struct config_file *f, const struct config_section *section,
                          const struct config_entry *entry)
{
    const struct include include = {f->config, section, entry};
    struct arena *arena = &f->config->priv->arena;
    const char *value = entry->value.ptr;
    const char **paths;
    size_t n;
    if (!config_is_pattern(value)) {
        include_file(&include, config_beside(arena, f->path, value));
        return;
    }
    int r = config_matches(arena, f->path, value, &paths, &n);
    if (r < 0) {
        config_say(f->config->priv->errors, CONFIG_ERROR, section, entry,
                   "cannot search for %.*s: %s", EXTPROC_ARG(config_shown(entry, entry->value)),
                   strerror(-r));
        return;
    }
    for (size_t i = 0; i < n; i++)
        include_file(&include, paths[i]);
}

/* ---- a configuration ------------------------------------------------------------------------ */

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

static void read_first(struct config *config, const struct file_bytes *bytes)
{
    struct config_private *priv = config->priv;
    const struct lookup_name *identity = identity_of(&priv->arena, &bytes->stat);
    const struct config_entry here = {.key = "", .file = config->file};
    size_t place;
    warn_exposed(config, NULL, &here, config->file);
    if (identity && add_seen(priv, identity, NULL, &place))
        read_lines(config, config->file, config->file, bytes, place);
    else
        priv->out_of_memory = true;
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
    read_first(config, &bytes);
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
