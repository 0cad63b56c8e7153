/* keys_table: whether a table of keys is one that ini files can be checked against.
 *
 * The table may be a plugin's: nothing in it is believed.
 */
#include "base/keys/keys.h"
#include "base/keys/keys_private.h"
#include "base/str.h"

#include <stdarg.h>
#include <string.h>

EXTPROC_PRINTF(2, 3)
static const char *because(struct arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *why = arena_vformat(arena, fmt, ap).ptr;
    va_end(ap);
    return why ? why : "out of memory";
}

/* A name that can be written before an = sign, and is then found again. */
static bool is_key_name(const char *name)
{
    size_t len = strnlen(name, CONFIG_KEY_MAX + 1);
    if (len == 0 || len > CONFIG_KEY_MAX || strchr("[;#", *name))
        return false;
    for (const char *c = name; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == ':' || *c == '=')
            return false;
    }
    return true;
}

static bool are_choices(const char *choices)
{
    if (!choices)
        return false;
    for (const char *at = choices;; at++) {
        size_t len = strcspn(at, "|");
        if (len == 0)
            return false;
        at += len;
        if (!*at)
            return true;
    }
}

static bool is_number(enum extproc_key_type type)
{
    return type == EXTPROC_KEY_TYPE_INT || type == EXTPROC_KEY_TYPE_FLOAT ||
           type == EXTPROC_KEY_TYPE_DURATION || type == EXTPROC_KEY_TYPE_SIZE;
}

static const char *limits_wrong(const struct extproc_key *key, struct arena *arena)
{
    const char *const limits[] = {key->min, key->max};
    struct extproc_key bare = *key;
    const char *right;
    int64_t number;
    bare.min = bare.max = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (limits[i] && !is_number(key->type))
            return because(arena, "key %s: min and max are allowed for numbers only", key->name);
        if (limits[i] && !keys_parse(&bare, extproc_str_of(limits[i]), arena, &number, &right))
            return because(arena, "key %s: invalid %s \"%s\": expected %s", key->name,
                           i == 0 ? "min" : "max", limits[i], right);
    }
    if (key->min && key->max && !keys_within_limits(key, extproc_str_of(key->min)))
        return because(arena, "key %s: min exceeds max", key->name);
    return NULL;
}

/* NULL: nothing is wrong. */
static const char *key_wrong(const struct extproc_key *key, struct arena *arena)
{
    const uint32_t flags = EXTPROC_KEY_REQUIRED | EXTPROC_KEY_LIST | EXTPROC_KEY_SECRET;
    const char *right, *limits;
    int64_t number;
    if (!is_key_name(key->name))
        return because(arena,
                       "invalid key name \"%.*s\": expected 1 to %d printable characters, without "
                       "space, : or =, and not starting with [ ; or #",
                       CONFIG_KEY_MAX, key->name, CONFIG_KEY_MAX);
    if (keys_family(key))
        return because(arena, "key %s: a name cannot end with .*", key->name);
    if ((unsigned)key->type > EXTPROC_KEY_TYPE_PATH)
        return because(arena, "key %s: unknown type %u", key->name, (unsigned)key->type);
    if (key->flags & ~flags)
        return because(arena, "key %s: unknown flags 0x%x", key->name, key->flags & ~flags);
    if (key->type == EXTPROC_KEY_TYPE_CHOICE && !are_choices(key->choices))
        return because(arena, "key %s: missing choices: expected \"one|two|three\"", key->name);
    if (key->type != EXTPROC_KEY_TYPE_CHOICE && key->choices)
        return because(arena, "key %s: choices are allowed for EXTPROC_KEY_TYPE_CHOICE only",
                       key->name);
    limits = limits_wrong(key, arena);
    if (limits || !key->fallback)
        return limits;
    if (key->flags & EXTPROC_KEY_REQUIRED)
        return because(arena, "key %s: a required key cannot have a fallback", key->name);
    if (!keys_parse(key, extproc_str_of(key->fallback), arena, &number, &right))
        return because(arena, "key %s: invalid fallback \"%s\": expected %s", key->name,
                       key->fallback, right);
    return NULL;
}

static bool stands_before(struct keys_table table, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (strcmp(keys_at(table, i)->name, keys_at(table, place)->name) == 0)
            return true;
    }
    return false;
}

bool keys_table_valid(struct keys_table table, struct arena *arena, const char **ret_why)
{
    for (size_t i = 0; keys_at(table, i); i++) {
        const struct extproc_key *key = keys_at(table, i);
        const char *why = key_wrong(key, arena);
        if (!why && stands_before(table, i))
            why = because(arena, "key %s: duplicate in the table", key->name);
        if (why) {
            *ret_why = why;
            return false;
        }
    }
    return true;
}
