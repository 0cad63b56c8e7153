/* proxy_model: Envoy's HeaderMapImpl and MutationUtils::applyHeaderMutations, as far as it matters
 * for edits that its rules allow.
 */
#include "kit/proxy_model.h"

#include "base/str.h"
#include "http/message/names.h"
#include "session/proxy_names.h"

#include <stdlib.h>

static void needed(const void *memory)
{
    if (!memory)
        abort();
}

static struct extproc_str copy(struct arena *arena, struct extproc_str s)
{
    struct extproc_str copied = arena_copy(arena, s.ptr ? s : EXTPROC_S(""));
    needed(copied.ptr);
    return copied;
}

void proxy_init(struct proxy_map *m, struct arena *arena, const struct extproc_header *entries,
                size_t n)
{
    *m = (struct proxy_map){.arena = arena};
    for (size_t i = 0; i < n; i++)
        proxy_add(m, entries[i].name, entries[i].value);
}

static struct extproc_header *find(const struct proxy_map *m, struct extproc_str name, size_t nth)
{
    for (size_t i = 0; i < m->n; i++) {
        if (extproc_eq(m->entries[i].name, name) && nth-- == 0)
            return &m->entries[i];
    }
    return NULL;
}

static void add_entry(struct proxy_map *m, struct extproc_str name, struct extproc_str value)
{
    if (m->n == m->cap) {
        m->cap = 2 * m->cap + 8;
        struct extproc_header *entries = arena_array(m->arena, m->cap, sizeof *entries);
        needed(entries);
        for (size_t i = 0; i < m->n; i++)
            entries[i] = m->entries[i];
        m->entries = entries;
    }
    m->entries[m->n++] = (struct extproc_header){copy(m->arena, name), copy(m->arena, value)};
}

/* HeaderMapImpl::appendToHeader(). */
static struct extproc_str join(struct arena *arena, struct extproc_str a, struct extproc_str b)
{
    const char *comma = a.len && b.len ? "," : "";
    struct extproc_str joined =
        arena_format(arena, "%.*s%s%.*s", EXTPROC_ARG(a), comma, EXTPROC_ARG(b));
    needed(joined.ptr);
    return joined;
}

void proxy_add(struct proxy_map *m, struct extproc_str name, struct extproc_str value)
{
    struct extproc_header *there = name_in_list(name, proxy_joined) ? find(m, name, 0) : NULL;
    if (there)
        there->value = join(m->arena, there->value, value);
    else
        add_entry(m, name, value);
}

void proxy_set(struct proxy_map *m, struct extproc_str name, struct extproc_str value)
{
    proxy_remove(m, name);
    proxy_add(m, name, value);
}

void proxy_remove(struct proxy_map *m, struct extproc_str name)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (!extproc_eq(m->entries[i].name, name))
            m->entries[n++] = m->entries[i];
    }
    m->n = n;
}

void proxy_apply(struct proxy_map *m, const struct headers *edits)
{
    for (uint32_t i = 0; i < edits->n_cells; i++) {
        if (edits->cells[i].state == CELL_REMOVED)
            proxy_remove(m, edits->cells[i].name);
    }
    for (uint32_t i = 0; i < edits->n_cells; i++) {
        const struct cell *cell = &edits->cells[i];
        if (cell->state == CELL_REMOVED)
            continue;
        bool append = cell->state == CELL_APPENDED;
        for (const struct cell_value *v = cell->first; v; v = v->next, append = true) {
            if (append)
                proxy_add(m, cell->name, v->value);
            else
                proxy_set(m, cell->name, v->value);
        }
    }
}

struct extproc_str proxy_get(const struct proxy_map *m, struct extproc_str name, size_t i)
{
    const struct extproc_header *entry = find(m, name, i);
    return entry ? entry->value : STR_ABSENT;
}

bool proxy_same(const struct proxy_map *a, const struct proxy_map *b)
{
    for (size_t i = 0; i < a->n; i++) {
        struct extproc_str name = a->entries[i].name;
        size_t nth = 0;
        for (size_t j = 0; j < i; j++)
            nth += extproc_eq(a->entries[j].name, name);
        if (!extproc_eq(a->entries[i].value, proxy_get(b, name, nth)))
            return false;
    }
    return a->n == b->n;
}
