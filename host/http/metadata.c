/* metadata: what plugins tell the proxy, merged key by key within a namespace.
 *
 * A protobuf merge of two Structs would replace the whole namespace that a plugin before has
 * written to. There are few namespaces with few keys each: lists, walked.
 */
#include "base/str.h"
#include "http/value.h"

#include <errno.h>

static struct metadata_namespace *find_namespace(const struct metadata *m, struct extproc_str name)
{
    struct metadata_namespace *ns = m->first;
    while (ns && !extproc_eq(ns->name, name))
        ns = ns->next;
    return ns;
}

static struct metadata_entry *find_key(const struct metadata_namespace *ns, struct extproc_str key)
{
    struct metadata_entry *entry = ns->first;
    while (entry && !extproc_eq(entry->key, key))
        entry = entry->next;
    return entry;
}

static bool is_name(struct extproc_str s)
{
    return s.ptr && s.len > 0 && str_is_utf8(s);
}

/* Not in the list yet. NULL: out of memory. */
static struct metadata_namespace *namespace_new(struct arena *arena, struct extproc_str name)
{
    struct metadata_namespace *ns = arena_alloc(arena, sizeof *ns);
    struct extproc_str copy = arena_copy(arena, name);
    if (!ns || !copy.ptr)
        return NULL;
    *ns = (struct metadata_namespace){.name = copy};
    return ns;
}

static struct metadata_entry *entry_new(struct arena *arena, struct extproc_str key,
                                        struct extproc_value value)
{
    struct metadata_entry *entry = arena_alloc(arena, sizeof *entry);
    struct extproc_str copy = arena_copy(arena, key);
    if (!entry || !copy.ptr)
        return NULL;
    *entry = (struct metadata_entry){.key = copy, .value = value};
    return entry;
}

static void namespace_link(struct metadata *m, struct metadata_namespace *ns)
{
    if (m->last)
        m->last->next = ns;
    else
        m->first = ns;
    m->last = ns;
}

static void entry_link(struct metadata_namespace *ns, struct metadata_entry *entry)
{
    if (ns->last)
        ns->last->next = entry;
    else
        ns->first = entry;
    ns->last = entry;
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

    struct metadata_namespace *known = find_namespace(m, ns);
    struct metadata_entry *there = known ? find_key(known, key) : NULL;
    if (there) {
        there->value = copy;
        return 0;
    }
    struct metadata_namespace *in = known ? known : namespace_new(arena, ns);
    struct metadata_entry *entry = entry_new(arena, key, copy);
    if (!in || !entry)
        return -ENOMEM;
    entry_link(in, entry);
    if (!known)
        namespace_link(m, in);
    return 0;
}
