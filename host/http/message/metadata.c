/* metadata: a list of entries; an entry that was superseded stays, so that the later one can be
 * undone.
 *
 * There are few namespaces with few keys each: the list is walked.
 */
#include "http/message/metadata.h"

#include "base/str.h"

#include <errno.h>

enum { SENT_FIRST_SIZE = 512 };

struct metadata_entry *metadata_find(const struct metadata *m, struct extproc_str ns,
                                     struct extproc_str key)
{
    struct metadata_entry *entry = m->first;
    while (entry &&
           (entry->superseded || !extproc_eq(entry->key, key) || !extproc_eq(entry->ns, ns)))
        entry = entry->next;
    return entry;
}

/* ---- setting, taking back -------------------------------------------------------------------- */

static bool is_name(struct extproc_str s)
{
    return s.ptr && s.len > 0 && extproc_is_utf8(s);
}

static void append(struct metadata *m, struct metadata_entry *entry)
{
    entry->older = metadata_find(m, entry->ns, entry->key);
    if (entry->older)
        entry->older->superseded = true;
    if (m->last)
        m->last->next = entry;
    else
        m->first = entry;
    m->last = entry;
}

int metadata_set(struct metadata *m, struct arena *arena, struct extproc_str ns,
                 struct extproc_str key, struct extproc_value value)
{
    struct extproc_value copy;
    if (!is_name(ns) || !is_name(key))
        return -EINVAL;
    int r = value_copy(arena, value, &copy);
    if (r < 0)
        return r;
    struct metadata_entry *entry = arena_alloc(arena, sizeof *entry);
    struct extproc_str ns_copy = arena_copy(arena, ns), key_copy = arena_copy(arena, key);
    if (!entry || !ns_copy.ptr || !key_copy.ptr)
        return -ENOMEM;
    *entry = (struct metadata_entry){.ns = ns_copy, .key = key_copy, .value = copy};
    append(m, entry);
    return 0;
}

void metadata_rewind(struct metadata *m, struct metadata_entry *mark)
{
    struct metadata_entry *gone = mark ? mark->next : m->first;
    for (; gone; gone = gone->next) {
        if (gone->older)
            gone->older->superseded = false;
    }
    if (mark)
        mark->next = NULL;
    else
        m->first = NULL;
    m->last = mark;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool metadata_opens(const struct metadata *m, const struct metadata_entry *entry)
{
    const struct metadata_entry *before = m->first;
    while (before != entry && !extproc_eq(before->ns, entry->ns))
        before = before->next;
    return before == entry;
}

static size_t count_keys(const struct metadata *m, struct extproc_str ns)
{
    size_t n = 0;
    for (const struct metadata_entry *e = m->first; e; e = e->next)
        n += !e->superseded && extproc_eq(e->ns, ns);
    return n;
}

struct extproc_value metadata_over(const struct metadata *m, struct extproc_str ns,
                                   struct extproc_value had, struct arena *arena)
{
    size_t n_set = count_keys(m, ns);
    if (n_set == 0)
        return had;
    const struct value_dict *old = had.kind == EXTPROC_KIND_DICT ? had.as.node : NULL;
    size_t n_old = old ? old->n : 0;
    struct value_dict *dict = arena_alloc(arena, sizeof *dict);
    struct extproc_field *fields = arena_array(arena, n_old + n_set, sizeof *fields);
    if (!dict || !fields)
        return (struct extproc_value){.kind = EXTPROC_KIND_ABSENT};

    *dict = (struct value_dict){.fields = fields, .mark = value_mark(dict)};
    for (size_t i = 0; i < n_old; i++) {
        if (!metadata_find(m, ns, old->fields[i].key))
            fields[dict->n++] = old->fields[i];
    }
    for (const struct metadata_entry *e = m->first; e; e = e->next) {
        if (!e->superseded && extproc_eq(e->ns, ns))
            fields[dict->n++] = (struct extproc_field){e->key, e->value};
    }
    return (struct extproc_value){.kind = EXTPROC_KIND_DICT, .as.node = dict};
}

/* ---- what was sent in earlier phases --------------------------------------------------------- */

static int copy_counting(struct metadata *to, struct arena *arena, const struct metadata *from)
{
    int r = 0;
    for (const struct metadata_entry *e = from->first; e && r == 0; e = e->next) {
        if (!e->superseded)
            r = metadata_set(to, arena, e->ns, e->key, e->value);
    }
    return r;
}

/* All of it once more, in memory of its own, without what is superseded. */
static int sent_renew(struct metadata_sent *sent)
{
    struct metadata_sent fresh = {0};
    arena_init(&fresh.arena, SENT_FIRST_SIZE);
    int r = copy_counting(&fresh.metadata, &fresh.arena, &sent->metadata);
    fresh.roomy = 2 * arena_size(&fresh.arena) + SENT_FIRST_SIZE;
    metadata_sent_fini(sent);
    *sent = fresh;
    return r;
}

int metadata_add_sent(struct metadata_sent *sent, const struct metadata *now)
{
    int r = 0;
    if (arena_size(&sent->arena) >= sent->roomy)
        r = sent_renew(sent);
    if (r == 0)
        r = copy_counting(&sent->metadata, &sent->arena, now);
    if (r < 0)
        metadata_sent_fini(sent);
    return r;
}

void metadata_sent_fini(struct metadata_sent *sent)
{
    arena_fini(&sent->arena);
    *sent = (struct metadata_sent){0};
}
