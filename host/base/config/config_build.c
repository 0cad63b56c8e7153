/* config_build: sections with their entries, from the lines of a file.
 *
 * An entry is complete only when the next one begins, since its value may go on: what ends it
 * expands it. An include is read where it stands, so what it holds comes before the rest of the
 * file that includes it. A section with a name is defined in one place; one without a name
 * ([extprocd]) may be spread over several files.
 */
#include "base/config/config_private.h"
#include "base/str.h"

#include <string.h>

void *config_array_grow(struct arena *arena, void *items, size_t n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return items;
    void *larger = arena_array(arena, n ? 2 * n : 1, size);
    if (larger && items && n > 0)
        memcpy(larger, items, n * size);
    return larger;
}

static const char *copy_c(struct config *config, struct extproc_str s)
{
    const char *copy = arena_format(&config->priv->arena, "%.*s", EXTPROC_ARG(s)).ptr;
    config->priv->out_of_memory |= !copy;
    return copy;
}

/* The section of a file that has one. */
static struct config_section *section_of(const struct config_file *f)
{
    return &f->config->sections[f->section];
}

void config_file_say(struct config_file *f, unsigned line, const char *key, const char *fmt, ...)
{
    struct arena *arena = &f->config->priv->arena;
    struct config_entry at = {.key = key, .file = f->name, .line = line};
    va_list ap;
    va_start(ap, fmt);
    struct extproc_str text = arena_vformat(arena, fmt, ap);
    va_end(ap);
    if (f->has_section)
        section_of(f)->incomplete = true;
    config_say(f->config->priv->errors, CONFIG_ERROR, f->has_section ? section_of(f) : NULL, &at,
               "%s", text.ptr ? text.ptr : "out of memory");
}

void config_file_warn(struct config_file *f, unsigned line, const char *key, const char *what)
{
    struct config_entry at = {.key = key, .file = f->name, .line = line};
    config_say(f->config->priv->errors, CONFIG_WARNING, f->has_section ? section_of(f) : NULL, &at,
               "%s", what);
}

bool config_file_knows(const struct config_file *f, const char *key)
{
    const struct config_private *priv = f->config->priv;
    return f->has_section && priv->knows && priv->knows(section_of(f)->type, key, priv->knows_arg);
}

/* ---- sections -------------------------------------------------------------------------------- */

struct config_section *config_find(const struct config *config, const char *type, const char *name)
{
    size_t place;
    bool found =
        lookup_find(&config->priv->sections,
                    (struct lookup_name){extproc_str_of(type), extproc_str_of(name)}, &place);
    return found ? &config->sections[place] : NULL;
}

static void section_add(struct config_file *f, const struct config_section *section)
{
    struct config *config = f->config;
    struct config_section *sections = config_array_grow(&config->priv->arena, config->sections,
                                                        config->n_sections, sizeof *sections);
    if (!sections) {
        config->priv->out_of_memory = true;
        return;
    }
    config->sections = sections;
    f->section = config->n_sections;
    f->has_section = true;
    sections[config->n_sections++] = *section;
}

void config_end_section(struct config_file *f)
{
    config_end_entry(f);
    f->has_section = false;
}

void config_begin_section(struct config_file *f, unsigned line, struct extproc_str type,
                          struct extproc_str name)
{
    config_end_section(f);
    struct config_section section = {.type = copy_c(f->config, type),
                                     .name = copy_c(f->config, name),
                                     .file = f->name,
                                     .line = line};
    if (!section.type || !section.name)
        return;

    struct config_section *known = config_find(f->config, section.type, section.name);
    if (known && name.len == 0) {
        f->section = (size_t)(known - f->config->sections);
        f->has_section = true;
        return;
    }
    section.refused = known != NULL;
    if (known)
        config_say(f->config->priv->errors, CONFIG_ERROR, &section, NULL,
                   "duplicate section: already defined at %s:%u", known->file, known->line);
    section_add(f, &section); /* also the second one: its entries may have errors of their own */
    if (!known && f->has_section)
        f->config->priv->out_of_memory |= !lookup_add(
            &f->config->priv->sections, &f->config->priv->arena,
            (struct lookup_name){extproc_str_of(section.type), extproc_str_of(section.name)},
            f->section);
}

void config_refuse_section(struct config_file *f)
{
    if (f->has_section)
        section_of(f)->refused = true;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void value_add(struct config_file *f, struct extproc_str text)
{
    if (!config_text_add(&f->config->priv->arena, &f->value, text))
        f->config->priv->out_of_memory = true;
}

void config_begin_entry(struct config_file *f, unsigned line, const char *key,
                        struct extproc_str value)
{
    config_end_entry(f);
    if (!f->has_section) /* for lack of memory */
        return;
    f->key = copy_c(f->config, extproc_str_of(key));
    f->key_line = line;
    f->value.len = 0;
    value_add(f, value);
}

void config_continue_entry(struct config_file *f, struct extproc_str text)
{
    if (f->value.len > 0 && text.len > 0)
        value_add(f, EXTPROC_S(" "));
    value_add(f, text);
}

static void entry_add(struct config_file *f, const struct config_entry *entry)
{
    struct config_section *section = section_of(f);
    struct config_entry *entries = config_array_grow(&f->config->priv->arena, section->entries,
                                                     section->n_entries, sizeof *entries);
    if (!entries) {
        f->config->priv->out_of_memory = true;
        return;
    }
    section->entries = entries;
    entries[section->n_entries++] = *entry;
}

static bool is_include(const struct config_section *section, const struct config_entry *entry)
{
    return strcmp(section->type, "extprocd") == 0 && strcmp(entry->key, "include") == 0;
}

void config_end_entry(struct config_file *f)
{
    struct config_entry entry = {
        .key = f->key, .file = f->name, .path = f->path, .line = f->key_line};
    struct extproc_str raw = {f->value.ptr, f->value.len};
    const char *why;
    f->key = NULL;
    if (!entry.key)
        return;
    if (!config_expand(&f->config->priv->arena, f->path, raw, &entry, &why)) {
        config_file_say(f, entry.line, entry.key, "%s", why);
        entry.refused = true;
    }
    entry.used = is_include(section_of(f), &entry);
    entry_add(f, &entry);
    if (entry.used && entry.value.len > 0) {
        struct config_section section = *section_of(f); /* the array moves */
        f->include(f, &section, &entry);
    }
}
