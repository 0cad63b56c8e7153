/* value: trees of extproc_value.
 *
 * A tree is never changed once it is made, so views of its parts may be handed out. What plugins
 * build is copied and checked here: it is as deep, and its strings are such, as a protobuf Struct
 * can carry them.
 */
#include "http/message/value.h"

#include "base/str.h"

#include <errno.h>

/* A list and a dict have their marks in the same place. A forged value may point between two
 * allocations of an arena, which is memory of ours that AddressSanitizer must not report. */
__attribute__((no_sanitize("address"))) bool
value_is_ours(struct extproc_value v, const struct arena *const *arenas, size_t n)
{
    const struct value_list *node = v.as.node;
    if (v.kind != EXTPROC_KIND_LIST && v.kind != EXTPROC_KIND_DICT)
        return true;
    for (size_t i = 0; i < n; i++) {
        if ((uintptr_t)node % _Alignof(struct value_list) == 0 &&
            arena_has(arenas[i], node, sizeof *node))
            return node->mark == value_mark(node);
    }
    return false;
}

bool value_at(struct extproc_value v, size_t i, struct extproc_field *ret)
{
    if (v.kind == EXTPROC_KIND_LIST) {
        const struct value_list *list = v.as.node;
        if (i >= list->n)
            return false;
        *ret = (struct extproc_field){STR_ABSENT, list->items[i]};
        return true;
    }
    if (v.kind == EXTPROC_KIND_DICT) {
        const struct value_dict *dict = v.as.node;
        if (i >= dict->n)
            return false;
        *ret = dict->fields[i];
        return true;
    }
    return false;
}

struct extproc_value value_get(struct extproc_value v, struct extproc_str key)
{
    if (v.kind == EXTPROC_KIND_DICT) {
        const struct value_dict *dict = v.as.node;
        for (size_t i = dict->n; i > 0; i--) {
            if (extproc_eq(dict->fields[i - 1].key, key))
                return dict->fields[i - 1].value;
        }
    }
    return (struct extproc_value){.kind = EXTPROC_KIND_ABSENT};
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int copy_text(struct arena *arena, struct extproc_str s, struct extproc_str *ret)
{
    if (!s.ptr || !extproc_is_utf8(s))
        return -EINVAL;
    struct extproc_str copy = arena_copy(arena, s);
    if (!copy.ptr)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

static int copy_list(struct arena *arena, const struct extproc_value *from, size_t n,
                     unsigned levels, struct extproc_value *ret);
static int copy_dict(struct arena *arena, const struct extproc_field *from, size_t n,
                     unsigned levels, struct extproc_value *ret);

/* `levels`: how many lists and dicts may still stand inside one another. */
static int copy_value(struct arena *arena, struct extproc_value v, unsigned levels,
                      struct extproc_value *ret)
{
    struct extproc_value copy = v;
    int r = -EINVAL; /* a plugin made it, maybe of a kind that there is not */
    switch (v.kind) {
    case EXTPROC_KIND_NULL:
    case EXTPROC_KIND_BOOL:
    case EXTPROC_KIND_NUMBER:
        r = 0;
        break;
    case EXTPROC_KIND_STRING:
        r = copy_text(arena, v.as.string, &copy.as.string);
        break;
    case EXTPROC_KIND_LIST: {
        const struct value_list *list = v.as.node;
        r = copy_list(arena, list->items, list->n, levels, &copy);
        break;
    }
    case EXTPROC_KIND_DICT: {
        const struct value_dict *dict = v.as.node;
        r = copy_dict(arena, dict->fields, dict->n, levels, &copy);
        break;
    }
    case EXTPROC_KIND_ABSENT:
        break;
    }
    if (r == 0)
        *ret = copy;
    return r;
}

static int copy_list(struct arena *arena, const struct extproc_value *from, size_t n,
                     unsigned levels, struct extproc_value *ret)
{
    if (levels == 0)
        return -EINVAL;
    struct value_list *list = arena_alloc(arena, sizeof *list);
    struct extproc_value *items = arena_array(arena, n, sizeof *items);
    if (!list || !items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int r = copy_value(arena, from[i], levels - 1, &items[i]);
        if (r < 0)
            return r;
    }
    *list = (struct value_list){n, items, value_mark(list)};
    *ret = (struct extproc_value){.kind = EXTPROC_KIND_LIST, .as.node = list};
    return 0;
}

static int copy_dict(struct arena *arena, const struct extproc_field *from, size_t n,
                     unsigned levels, struct extproc_value *ret)
{
    if (levels == 0)
        return -EINVAL;
    struct value_dict *dict = arena_alloc(arena, sizeof *dict);
    struct extproc_field *fields = arena_array(arena, n, sizeof *fields);
    if (!dict || !fields)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int r = copy_text(arena, from[i].key, &fields[i].key);
        if (r == 0)
            r = copy_value(arena, from[i].value, levels - 1, &fields[i].value);
        if (r < 0)
            return r;
    }
    *dict = (struct value_dict){n, fields, value_mark(dict)};
    *ret = (struct extproc_value){.kind = EXTPROC_KIND_DICT, .as.node = dict};
    return 0;
}

int value_copy(struct arena *arena, struct extproc_value v, struct extproc_value *ret)
{
    return copy_value(arena, v, VALUE_MAX_DEPTH, ret);
}

int value_list(struct arena *arena, const struct extproc_value *items, size_t n,
               struct extproc_value *ret)
{
    return copy_list(arena, items, n, VALUE_MAX_DEPTH, ret);
}

int value_dict(struct arena *arena, const struct extproc_field *fields, size_t n,
               struct extproc_value *ret)
{
    return copy_dict(arena, fields, n, VALUE_MAX_DEPTH, ret);
}

/* ---- trees that are read when asked for ------------------------------------------------------ */

struct extproc_value tree_value(struct tree *t, struct arena *arena)
{
    if (!t->is_read && t->raw.ptr) {
        struct extproc_value value;
        if (t->read(t->raw, arena, &value) == 0)
            t->value = value;
        t->is_read = true;
    }
    return t->value;
}

int tree_keep(struct tree *t, struct arena *keep)
{
    struct extproc_str raw = arena_copy(keep, t->raw);
    int r = t->raw.ptr && !raw.ptr ? -ENOMEM : 0;
    *t = (struct tree){.raw = raw, .read = t->read};
    return r;
}
