/* headers: looking up.
 *
 * An edit is looked up once. What was found is noted as places, since making room for the edit may
 * move the map.
 *
 * Maps are short and names differ in length, so lookups walk and compare lengths first. Once there
 * is a working copy, a bit for each name says most of the time that there is nothing to find, so
 * that many edits of different names do not cost a walk each.
 */
#include "http/message/headers_private.h"

void headers_init(struct headers *h, const struct extproc_header *shown, size_t n)
{
    *h = (struct headers){.shown = shown, .n_shown = (uint32_t)n};
}

/* ---- looking up ------------------------------------------------------------------------------ */

size_t headers_count(const struct headers *h)
{
    return h->entries ? h->n_entries : h->n_shown;
}

const struct extproc_header *headers_at(const struct headers *h, size_t i)
{
    return &headers_entries(h)[i];
}

/* False: neither an entry nor a cell has this name. */
static bool may_have(const struct headers *h, struct extproc_str name)
{
    return !h->work || names_may_have(&h->work->names, name);
}

/* The n-th entry of a name; NULL: there is none. */
static const struct extproc_header *find_entry(const struct headers *h, struct extproc_str name,
                                               size_t n)
{
    const struct extproc_header *entry = headers_entries(h);
    if (!may_have(h, name))
        return NULL;
    for (size_t left = headers_count(h); left > 0; left--, entry++) {
        if (name_equal(entry->name, name) && n-- == 0)
            return entry;
    }
    return NULL;
}

size_t headers_find(const struct headers *h, struct extproc_str name, size_t from)
{
    const struct extproc_header *entries = headers_entries(h);
    size_t n = headers_count(h);
    while (from < n && !name_equal(entries[from].name, name))
        from++;
    return from;
}

struct extproc_str headers_get(const struct headers *h, struct extproc_str name, size_t i)
{
    const struct extproc_header *entry = find_entry(h, name, i);
    if (!entry && name_equal(name, EXTPROC_S("host")) && !find_entry(h, name, 0))
        entry = find_entry(h, EXTPROC_S(":authority"), i);
    if (!entry)
        return STR_ABSENT;
    return entry->value.ptr ? entry->value : EXTPROC_S("");
}

struct extproc_str headers_host(const struct headers *h, struct extproc_str name)
{
    static const struct extproc_str host = EXTPROC_STR("host"),
                                    authority = EXTPROC_STR(":authority");
    if (!name_equal(name, host) && !name_equal(name, authority))
        return name;
    bool is_host = find_entry(h, host, 0) && !find_entry(h, authority, 0);
    return is_host ? host : authority;
}

/* n_cells: there is none. */
static uint32_t find_cell(const struct headers *h, struct extproc_str name)
{
    uint32_t i = 0;
    while (i < h->n_cells && !name_equal(h->cells[i].name, name))
        i++;
    return i;
}

const struct cell *headers_cell(const struct headers *h, struct extproc_str name)
{
    uint32_t i = may_have(h, name) ? find_cell(h, name) : h->n_cells;
    return i < h->n_cells ? &h->cells[i] : NULL;
}

void headers_locate(const struct headers *h, struct extproc_str name, struct headers_place *ret)
{
    ret->n = ret->first = ret->last = 0;
    ret->bytes = 0;
    ret->cell = h->n_cells;
    if (!may_have(h, name))
        return;
    const struct extproc_header *entries = headers_entries(h);
    uint32_t n = (uint32_t)headers_count(h);
    for (uint32_t i = 0; i < n; i++) {
        if (!name_equal(entries[i].name, name))
            continue;
        if (ret->n++ == 0)
            ret->first = i;
        ret->last = i;
        ret->bytes += headers_entry_bytes(name.len, entries[i].value.len);
    }
    ret->cell = find_cell(h, name);
}

/* ---- an edit, looked up ---------------------------------------------------------------------- */

size_t headers_bytes_shown(const struct headers *h)
{
    size_t bytes = 0;
    for (size_t i = 0; i < h->n_shown; i++)
        bytes += headers_entry_bytes(h->shown[i].name.len, h->shown[i].value.len);
    return bytes;
}

void headers_sum(const struct headers *h, struct headers_sum *ret)
{
    const struct headers_work *work = h->work;
    ret->n_sets = work ? work->n_sets : 0;
    ret->n_removes = work ? work->n_removes : 0;
    ret->n_entries = headers_count(h) - (work ? work->n_holes : 0);
    ret->bytes = work ? work->bytes : headers_bytes_shown(h);
}

/* What the operation is with the map as it is. False: it does nothing. */
static bool resolve(enum extproc_edit op, bool present, enum extproc_edit *ret)
{
    switch (op) {
    case EXTPROC_EDIT_SET:
    case EXTPROC_EDIT_APPEND:
    case EXTPROC_EDIT_REMOVE:
        *ret = op;
        return true;
    case EXTPROC_EDIT_IF_ABSENT: /* added, not set: a hidden value stays, as with any append */
        *ret = EXTPROC_EDIT_APPEND;
        return !present;
    case EXTPROC_EDIT_IF_PRESENT:
        *ret = EXTPROC_EDIT_SET;
        return present;
    }
    return false;
}

/* What the sum is after the edit. */
static void sum_edit(const struct headers *h, struct headers_edit *edit)
{
    const struct headers_place *place = &edit->place;
    struct headers_sum sum = edit->before;
    const struct cell *cell = place->cell < h->n_cells ? &h->cells[place->cell] : NULL;
    bool removes = edit->op == EXTPROC_EDIT_REMOVE;
    if (cell)
        sum.n_removes -= cell->state == CELL_REMOVED;
    if (edit->op != EXTPROC_EDIT_APPEND) {
        sum.n_entries -= place->n;
        sum.bytes -= place->bytes;
        sum.n_sets -= cell ? cell->n_values : 0;
    }
    sum.n_sets += !removes;
    sum.n_removes += removes;
    if (edit->joins) {
        struct extproc_str last = headers_at(h, place->last)->value;
        sum.bytes += headers_comma(last, edit->value) + edit->value.len;
    } else if (!removes) {
        sum.n_entries++;
        sum.bytes += headers_entry_bytes(edit->name.len, edit->value.len);
    }
    edit->after = sum;
}

/* Member by member: there are many, and each is set once. */
void headers_prepare(const struct headers *h, struct str_list joined, enum extproc_edit op,
                     struct extproc_str name, struct extproc_str value, struct headers_edit *ret)
{
    headers_locate(h, name, &ret->place);
    headers_sum(h, &ret->before);
    ret->at = h->n_edits;
    ret->name = name;
    ret->op = op;
    ret->moot = !resolve(op, ret->place.n > 0, &ret->op);
    ret->value = ret->op == EXTPROC_EDIT_REMOVE ? STR_ABSENT : value;
    ret->joins = ret->op == EXTPROC_EDIT_APPEND && ret->place.n > 0 && name_in_list(name, joined);
    if (ret->moot)
        ret->after = ret->before;
    else
        sum_edit(h, ret);
}
