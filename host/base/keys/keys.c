/* keys: one section checked against a table of keys, its values typed.
 *
 * Every error of the section is reported once. An invalid value is not in the result, so every
 * value in the result is valid.
 */
#include "base/keys/keys.h"

#include "base/keys/keys_private.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum {
    KNOWN_MAX = 160, /* of the list of known keys in a line */
    FAMILY_MAX = 2 * CONFIG_KEY_MAX
};

const struct extproc_key *keys_at(struct keys_table table, size_t i)
{
    if (!table.first)
        return NULL;
    /* The stride is the plugin's own size of a key, which may be larger than ours. */
    const void *at = (const char *)table.first + i * table.stride;
    const struct extproc_key *key = at;
    return key->name ? key : NULL;
}

static size_t keys_count(struct keys_table table)
{
    size_t n = 0;
    while (keys_at(table, n))
        n++;
    return n;
}

size_t keys_family(const struct extproc_key *key)
{
    size_t len = strlen(key->name);
    return len > 2 && strcmp(key->name + len - 2, ".*") == 0 ? len - 1 : 0;
}

bool keys_takes(const struct extproc_key *key, const char *name)
{
    size_t len = keys_family(key);
    return len ? strncmp(key->name, name, len) == 0 : strcmp(key->name, name) == 0;
}

static bool is_in(struct keys_table table, const char *name)
{
    const struct extproc_key *key;
    for (size_t i = 0; (key = keys_at(table, i)); i++)
        if (keys_takes(key, name))
            return true;
    return false;
}

/* ---- checking -------------------------------------------------------------------------------- */

struct check {
    struct config_section *section;
    struct keys_table table;
    struct arena *arena;
    struct config_errors *errors;
    bool failed;
};

static void say_wrong(struct check *c, const struct config_entry *entry, const char *right)
{
    c->failed = true;
    config_say(c->errors, CONFIG_ERROR, c->section, entry, "invalid value %s: expected %s",
               config_quote(c->arena, entry, entry->value), right);
}

static void say_twice(struct check *c, const struct config_entry *entry,
                      const struct config_entry *first)
{
    c->failed = true;
    config_say(c->errors, CONFIG_ERROR, c->section, entry, "duplicate key: first defined at %s:%u",
               first->file, first->line);
}

/* An entry that no table has taken, and whose key looks like this one. NULL: there is none. */
static struct config_entry *misspelt(const struct check *c, const struct extproc_key *key)
{
    for (size_t i = 0; i < c->section->n_entries; i++) {
        struct config_entry *entry = &c->section->entries[i];
        if (!entry->used && !is_in(c->table, entry->key) && str_nearest(entry->key, &key->name, 1))
            return entry;
    }
    return NULL;
}

static void say_near(struct config_errors *errors, const struct config_section *section,
                     const struct config_entry *entry, const char *nearest)
{
    config_say(errors, CONFIG_ERROR, section, entry, "unknown key (did you mean %s?)", nearest);
}

/* Or misspelt: then that is the one mistake. */
static void say_missing(struct check *c, const struct extproc_key *key)
{
    const struct config_entry at = {
        .key = key->name, .file = c->section->file, .line = c->section->line};
    struct config_entry *entry = misspelt(c, key);
    c->failed = true;
    if (c->section->incomplete) /* it may be what could not be read */
        return;
    if (entry) {
        entry->used = true;
        say_near(c->errors, c->section, entry, key->name);
        return;
    }
    config_say(c->errors, CONFIG_ERROR, c->section, &at, "missing required key%s%s",
               key->help ? ": " : "", key->help ? key->help : "");
}

/* What a type has beside its number. False: out of memory, which is reported. */
static bool take_typed(struct check *c, const struct extproc_key *key, struct keys_value *value)
{
    if (key->type == EXTPROC_KEY_TYPE_FLOAT)
        keys_parse_real(value->text, &value->real);
    if (key->type != EXTPROC_KEY_TYPE_PATH)
        return true;
    const struct config_entry *origin = config_origin(c->section, value->entry);
    const char *path = config_path(c->arena, origin, value->text.ptr);
    if (!path)
        config_say(c->errors, CONFIG_ERROR, c->section, value->entry, "out of memory");
    value->text = extproc_str_of(path);
    return path;
}

/* One more entry of the key; `first` is its first one. */
static void check_entry(struct check *c, struct keys_slot *slot, const struct config_entry *entry,
                        const struct config_entry *first)
{
    struct keys_value value = {.text = entry->value, .entry = entry};
    const char *right;
    if (entry->refused)
        c->failed = true;
    else if (entry != first && !(slot->key->flags & EXTPROC_KEY_LIST))
        say_twice(c, entry, first);
    else if (!keys_parse(slot->key, entry->value, c->arena, &value.number, &right))
        say_wrong(c, entry, right);
    else if (!take_typed(c, slot->key, &value))
        c->failed = true;
    else
        slot->values[slot->n_values++] = value;
}

static size_t count_entries(const struct config_section *section, const struct extproc_key *key)
{
    size_t n = 0;
    for (size_t i = 0; i < section->n_entries; i++)
        n += keys_takes(key, section->entries[i].key);
    return n;
}

static void take_fallback(struct check *c, struct keys_slot *slot)
{
    struct keys_value value = {.text = extproc_str_of(slot->key->fallback)};
    const char *right;
    if (keys_parse(slot->key, value.text, c->arena, &value.number, &right) &&
        take_typed(c, slot->key, &value))
        slot->values[slot->n_values++] = value;
}

/* False: out of memory. */
static bool check_key(struct check *c, struct keys_slot *slot)
{
    const struct extproc_key *key = slot->key;
    const struct config_entry *first = NULL;
    size_t n = count_entries(c->section, key);
    slot->values = arena_array(c->arena, n ? n : 1, sizeof *slot->values);
    if (!slot->values)
        return false;
    for (size_t i = 0; n > 0 && i < c->section->n_entries; i++) {
        struct config_entry *entry = &c->section->entries[i];
        if (!keys_takes(key, entry->key))
            continue;
        entry->used = true;
        if (key->flags & EXTPROC_KEY_SECRET) {
            entry->hidden = true;
            entry->shown = EXTPROC_S(CONFIG_MASK);
        }
        first = first ? first : entry;
        check_entry(c, slot, entry, first);
    }
    if (n == 0 && key->flags & EXTPROC_KEY_REQUIRED)
        say_missing(c, key);
    else if (n == 0 && key->fallback)
        take_fallback(c, slot);
    return true;
}

bool keys_check(struct config_section *section, struct keys_table table, struct arena *arena,
                struct config_errors *errors, struct keys *ret)
{
    struct check c = {.section = section, .table = table, .arena = arena, .errors = errors};
    size_t n = keys_count(table);
    struct keys_slot *slots = arena_array(arena, n, sizeof *slots);
    bool has_memory = slots != NULL;
    for (size_t i = 0; has_memory && i < n; i++) {
        slots[i] = (struct keys_slot){.key = keys_at(table, i)};
        has_memory = check_key(&c, &slots[i]);
    }
    if (!has_memory) {
        config_say(errors, CONFIG_ERROR, section, NULL, "out of memory");
        return false;
    }
    *ret = (struct keys){slots, n};
    return !c.failed;
}

/* ---- unknown --------------------------------------------------------------------------------- */

static const char *nearest_key(const char *name, const struct keys_table *tables, size_t n_tables)
{
    const char *pair[2] = {NULL, NULL};
    for (size_t i = 0; i < n_tables; i++) {
        const struct extproc_key *key;
        for (size_t j = 0; (key = keys_at(tables[i], j)); j++) {
            if (keys_family(key))
                continue;
            pair[1] = key->name;
            pair[0] = pair[0] ? str_nearest(name, pair, 2) : str_nearest(name, &pair[1], 1);
        }
    }
    return pair[0];
}

/* Of a family of keys: the name as it would be in it. False: there is none. */
static bool nearest_family(const char *name, const struct keys_table *tables, size_t n_tables,
                           char ret[FAMILY_MAX])
{
    char head[FAMILY_MAX];
    const char *rest = strchr(name, '.');
    const struct extproc_key *key;
    if (!rest || rest == name || strlen(name) >= FAMILY_MAX / 2)
        return false;
    snprintf(head, sizeof head, "%.*s", (int)(rest + 1 - name), name);
    for (size_t i = 0; i < n_tables; i++) {
        for (size_t j = 0; (key = keys_at(tables[i], j)); j++) {
            size_t len = keys_family(key);
            snprintf(ret, FAMILY_MAX, "%.*s", (int)len, key->name);
            const char *family = ret;
            if (!len || !str_nearest(head, &family, 1))
                continue;
            snprintf(ret, FAMILY_MAX, "%.*s%s", (int)len, key->name, rest + 1);
            return true;
        }
    }
    return false;
}

/* " one two three"; nothing where the list would be too long to help. */
static void list_keys(const struct keys_table *tables, size_t n_tables, char *ret, size_t size)
{
    const struct extproc_key *key;
    size_t len = 0;
    *ret = '\0';
    for (size_t i = 0; i < n_tables; i++) {
        for (size_t j = 0; (key = keys_at(tables[i], j)) && len < size; j++)
            len += (size_t)snprintf(ret + len, size - len, " %s", key->name);
    }
    if (len >= size)
        *ret = '\0';
}

static void say_unknown(struct config_errors *errors, const struct config_section *section,
                        const struct config_entry *entry, const struct keys_table *tables,
                        size_t n_tables)
{
    bool is_said = errors->n_errors < CONFIG_LINES_MAX;
    const char *nearest = is_said ? nearest_key(entry->key, tables, n_tables) : NULL;
    char known[KNOWN_MAX], family[FAMILY_MAX];
    if (is_said && !nearest && nearest_family(entry->key, tables, n_tables, family))
        nearest = family;
    list_keys(tables, n_tables, known, is_said ? sizeof known : 1);
    if (nearest)
        say_near(errors, section, entry, nearest);
    else
        config_say(errors, CONFIG_ERROR, section, entry, "unknown key%s%s%s",
                   *known ? " (known keys:" : "", known, *known ? ")" : "");
}

void keys_unknown(const struct config_section *section, const struct keys_table *tables,
                  size_t n_tables, struct config_errors *errors)
{
    for (size_t i = 0; i < section->n_entries; i++) {
        const struct config_entry *entry = &section->entries[i];
        if (entry->used)
            continue;
        say_unknown(errors, section, entry, tables, n_tables);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

const struct keys_slot *keys_find(const struct keys *keys, const char *key)
{
    for (size_t i = 0; i < keys->n_slots; i++) {
        if (strcmp(keys->slots[i].key->name, key) == 0)
            return &keys->slots[i];
    }
    return NULL;
}

static const struct keys_value *first_value(const struct keys *keys, const char *key)
{
    const struct keys_slot *slot = keys_find(keys, key);
    return slot && slot->n_values > 0 ? &slot->values[0] : NULL;
}

struct extproc_str keys_text(const struct keys *keys, const char *key)
{
    const struct keys_value *value = first_value(keys, key);
    return value ? value->text : STR_ABSENT;
}

int64_t keys_ms(const struct keys *keys, const char *key)
{
    return (keys_number(keys, key) + 999) / 1000;
}

int64_t keys_number(const struct keys *keys, const char *key)
{
    const struct keys_value *value = first_value(keys, key);
    return value ? value->number : 0;
}
