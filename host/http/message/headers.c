/* headers: the working copy, the cells and the history of edits.
 *
 * Every edit is one allocation: its strings, its value's place in a cell, and, where the value
 * joins one that is there, the joined text. Whatever else an edit may need is made ready before it
 * is applied. So applying needs no memory, and taking edits back is applying the earlier ones again
 * to the map as it was shown.
 *
 * Maps are short and names differ in length, so lookups walk and compare lengths first. Once there
 * is a working copy, a bit for each name says most of the time that there is nothing to find, so
 * that many edits of different names do not cost a walk each.
 */
#include "http/message/headers.h"

#include "base/str.h"
#include "http/message/joins.h"
#include "http/message/names.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct headers_edit {
    struct headers_edit *next;
    enum extproc_edit op; /* SET, APPEND or REMOVE */
    bool joins;           /* APPEND: to the last entry of that name */
    struct extproc_str name;
    struct extproc_str entry; /* what the working copy's entry is then */
    struct cell_value value;
};

struct headers_work {
    uint32_t cap_entries, cap_cells;
    uint32_t n_holes;           /* places of entries that were dropped */
    uint32_t n_sets, n_removes; /* of the cells   */
    size_t bytes;               /* of the entries */
    struct names names;         /* of all that was in a cell or an entry */
};

void headers_init(struct headers *h, const struct extproc_header *shown, size_t n)
{
    *h = (struct headers){.shown = shown, .n_shown = (uint32_t)n};
}

/* ---- looking up ------------------------------------------------------------------------------ */

size_t headers_count(const struct headers *h)
{
    return h->entries ? h->n_entries : h->n_shown;
}

static const struct extproc_header *all_entries(const struct headers *h)
{
    return h->entries ? h->entries : h->shown;
}

const struct extproc_header *headers_at(const struct headers *h, size_t i)
{
    return &all_entries(h)[i];
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
    const struct extproc_header *entry = all_entries(h);
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
    const struct extproc_header *entries = all_entries(h);
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

static struct cell *find_cell(const struct headers *h, struct extproc_str name)
{
    if (!may_have(h, name))
        return NULL;
    for (uint32_t i = 0; i < h->n_cells; i++) {
        if (name_equal(h->cells[i].name, name))
            return &h->cells[i];
    }
    return NULL;
}

const struct cell *headers_cell(const struct headers *h, struct extproc_str name)
{
    return find_cell(h, name);
}

bool headers_resolve(const struct headers *h, enum extproc_edit op, struct extproc_str name,
                     enum extproc_edit *ret_op)
{
    switch (op) {
    case EXTPROC_EDIT_SET:
    case EXTPROC_EDIT_APPEND:
    case EXTPROC_EDIT_REMOVE:
        *ret_op = op;
        return true;
    case EXTPROC_EDIT_IF_ABSENT: /* added, not set: a hidden value stays, as with any append */
        if (find_entry(h, name, 0))
            return false;
        *ret_op = EXTPROC_EDIT_APPEND;
        return true;
    case EXTPROC_EDIT_IF_PRESENT:
        if (!find_entry(h, name, 0))
            return false;
        *ret_op = EXTPROC_EDIT_SET;
        return true;
    }
    return false;
}

const struct extproc_header *headers_joined(const struct headers *h, struct extproc_str name)
{
    const struct extproc_header *last = NULL;
    if (!may_have(h, name) || !joins(name))
        return NULL;
    for (size_t i = 0; i < headers_count(h); i++) {
        if (name_equal(headers_at(h, i)->name, name))
            last = headers_at(h, i);
    }
    return last;
}

/* ---- applying an edit: needs no memory ------------------------------------------------------- */

static void entries_count(struct headers *h, const struct extproc_header *entry, bool added)
{
    size_t bytes = headers_entry_bytes(entry->name.len, entry->value.len);
    h->work->bytes = added ? h->work->bytes + bytes : h->work->bytes - bytes;
}

/* Drops the entries of a name from a place on. Their places stay, without a name, for who walks the
 * map. */
static void entries_drop(struct headers *h, struct extproc_str name, uint32_t from)
{
    for (uint32_t i = from; i < h->n_entries; i++) {
        if (name_equal(h->entries[i].name, name)) {
            entries_count(h, &h->entries[i], false);
            h->entries[i] = (struct extproc_header){EXTPROC_S(""), EXTPROC_S("")};
            h->work->n_holes++;
        }
    }
}

void headers_settle(struct headers *h)
{
    uint32_t n = 0;
    if (!h->work || h->work->n_holes == 0)
        return;
    for (uint32_t i = 0; i < h->n_entries; i++) {
        if (h->entries[i].name.len > 0)
            h->entries[n++] = h->entries[i];
    }
    h->n_entries = n;
    h->work->n_holes = 0;
}

static void entries_add(struct headers *h, const struct headers_edit *edit)
{
    assert(h->n_entries < h->work->cap_entries);
    struct extproc_header *entry = &h->entries[h->n_entries++];
    *entry = (struct extproc_header){edit->name, edit->entry};
    entries_count(h, entry, true);
}

static void entries_replace(struct headers *h, struct extproc_header *entry,
                            const struct headers_edit *edit)
{
    entries_count(h, entry, false);
    entry->value = edit->entry;
    entries_count(h, entry, true);
}

static void entries_set(struct headers *h, const struct headers_edit *edit)
{
    uint32_t i = may_have(h, edit->name) ? 0 : h->n_entries;
    while (i < h->n_entries && !name_equal(h->entries[i].name, edit->name))
        i++;
    if (i == h->n_entries) {
        entries_add(h, edit);
        return;
    }
    entries_replace(h, &h->entries[i], edit);
    entries_drop(h, edit->name, i + 1);
}

static void entries_join(struct headers *h, const struct headers_edit *edit)
{
    uint32_t i = h->n_entries - 1;
    while (!name_equal(h->entries[i].name, edit->name))
        i--;
    entries_replace(h, &h->entries[i], edit);
}

/* Enters a state; the sums lose what the cell counted in the previous one. */
static void cell_become(struct headers *h, struct cell *cell, enum cell_state state)
{
    h->work->n_sets -= cell->n_values;
    h->work->n_removes -= cell->state == CELL_REMOVED;
    h->work->n_removes += state == CELL_REMOVED;
    *cell = (struct cell){.name = cell->name, .state = state};
}

static void cell_add(struct headers *h, struct cell *cell, struct cell_value *value)
{
    value->next = NULL;
    if (cell->last)
        cell->last->next = value;
    else
        cell->first = value;
    cell->last = value;
    cell->n_values++;
    h->work->n_sets++;
}

/* One that is new has appended nothing yet. */
static struct cell *touch_cell(struct headers *h, struct extproc_str name)
{
    struct cell *cell = find_cell(h, name);
    if (!cell) {
        assert(h->n_cells < h->work->cap_cells);
        cell = &h->cells[h->n_cells++];
        *cell = (struct cell){.name = name, .state = CELL_APPENDED};
        names_add(&h->work->names, name);
    }
    return cell;
}

static void apply_set(struct headers *h, struct headers_edit *edit)
{
    entries_set(h, edit);
    struct cell *cell = touch_cell(h, edit->name);
    cell_become(h, cell, CELL_SET);
    cell_add(h, cell, &edit->value);
}

static void apply_append(struct headers *h, struct headers_edit *edit)
{
    struct cell *cell = touch_cell(h, edit->name);
    if (cell->state == CELL_REMOVED)
        cell_become(h, cell, CELL_SET);
    cell_add(h, cell, &edit->value);
    if (edit->joins)
        entries_join(h, edit);
    else
        entries_add(h, edit);
}

static void apply_remove(struct headers *h, struct headers_edit *edit)
{
    if (may_have(h, edit->name))
        entries_drop(h, edit->name, 0);
    cell_become(h, touch_cell(h, edit->name), CELL_REMOVED);
}

/* Puts an edit into the history and applies it. */
static void record(struct headers *h, struct headers_edit *edit)
{
    edit->next = NULL;
    if (h->last_edit)
        h->last_edit->next = edit;
    else
        h->first_edit = edit;
    h->last_edit = edit;
    h->n_edits++;

    switch (edit->op) {
    case EXTPROC_EDIT_SET:
        apply_set(h, edit);
        break;
    case EXTPROC_EDIT_APPEND:
        apply_append(h, edit);
        break;
    case EXTPROC_EDIT_REMOVE:
        apply_remove(h, edit);
        break;
    case EXTPROC_EDIT_IF_ABSENT: /* headers_resolve() has made one of these of them */
    case EXTPROC_EDIT_IF_PRESENT:
        assert(false && "an edit that was not resolved");
    }
}

/* ---- making ready ---------------------------------------------------------------------------- */

static uint32_t grown(uint32_t n)
{
    return n + n / 2 + 8;
}

static void copy_entries(struct extproc_header *to, const struct extproc_header *from, size_t n)
{
    if (n)
        memcpy(to, from, n * sizeof *to);
}

static size_t bytes_shown(const struct headers *h)
{
    size_t bytes = 0;
    for (size_t i = 0; i < h->n_shown; i++)
        bytes += headers_entry_bytes(h->shown[i].name.len, h->shown[i].value.len);
    return bytes;
}

/* The first time. */
static int work_new(struct headers *h, struct arena *arena)
{
    struct headers_work *work = arena_alloc(arena, sizeof *work);
    if (!work)
        return -ENOMEM;
    *work = (struct headers_work){.bytes = bytes_shown(h)};
    for (size_t i = 0; i < h->n_shown; i++)
        names_add(&work->names, h->shown[i].name);
    h->work = work;
    return 0;
}

/* Room for one more entry; the first time, the working copy itself. */
static int entries_reserve(struct headers *h, struct arena *arena)
{
    if (h->entries && h->n_entries < h->work->cap_entries)
        return 0;
    uint32_t n = (uint32_t)headers_count(h), cap = grown(n);
    struct extproc_header *entries = arena_array(arena, cap, sizeof *entries);
    if (!entries || (!h->work && work_new(h, arena) < 0))
        return -ENOMEM;
    copy_entries(entries, all_entries(h), n);
    h->entries = entries;
    h->n_entries = n;
    h->work->cap_entries = cap;
    return 0;
}

static int cells_reserve(struct headers *h, struct arena *arena)
{
    if (h->n_cells < h->work->cap_cells)
        return 0;
    uint32_t cap = grown(h->n_cells);
    struct cell *cells = arena_array(arena, cap, sizeof *cells);
    if (!cells)
        return -ENOMEM;
    if (h->n_cells)
        memcpy(cells, h->cells, h->n_cells * sizeof *cells);
    h->cells = cells;
    h->work->cap_cells = cap;
    return 0;
}

/* Writes s at *at, moves *at past it. */
static struct extproc_str put(char **at, struct extproc_str s)
{
    struct extproc_str copy = {*at, s.len};
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return copy;
}

/* The text of an edit is the name, then the entry; the value is the entry's end. As in Envoy's
 * HeaderMapImpl, nothing empty is joined with a comma. */
static struct headers_edit *edit_new(const struct headers *h, struct arena *arena,
                                     enum extproc_edit op, struct extproc_str name,
                                     struct extproc_str value)
{
    const struct extproc_header *joined =
        op == EXTPROC_EDIT_APPEND ? headers_joined(h, name) : NULL;
    struct extproc_str before = joined ? joined->value : STR_ABSENT;
    size_t comma = before.len > 0 && value.len > 0;

    struct headers_edit *edit =
        arena_alloc(arena, sizeof *edit + name.len + before.len + comma + value.len);
    if (!edit)
        return NULL;
    char *at = (char *)(edit + 1);
    *edit = (struct headers_edit){.op = op, .joins = joined != NULL};
    edit->name = (struct extproc_str){at, name.len};
    for (size_t i = 0; i < name.len; i++)
        *at++ = extproc_lower(name.ptr[i]);
    edit->entry = put(&at, before);
    if (comma)
        *at++ = ',';
    edit->value.value = put(&at, value);
    edit->entry.len += comma + value.len;
    return edit;
}

int headers_edit(struct headers *h, struct arena *arena, enum extproc_edit op,
                 struct extproc_str name, struct extproc_str value)
{
    if (!headers_resolve(h, op, name, &op))
        return 0;
    if (entries_reserve(h, arena) < 0 || cells_reserve(h, arena) < 0)
        return -ENOMEM;
    struct headers_edit *edit =
        edit_new(h, arena, op, name, op == EXTPROC_EDIT_REMOVE ? STR_ABSENT : value);
    if (!edit)
        return -ENOMEM;
    record(h, edit);
    return 0;
}

/* ---- taking back, handing over --------------------------------------------------------------- */

uint32_t headers_mark(const struct headers *h)
{
    return h->n_edits;
}

bool headers_touched(const struct headers *h, uint32_t mark, struct extproc_str name)
{
    uint32_t place = 0;
    if (!find_cell(h, name))
        return false;
    for (const struct headers_edit *edit = h->first_edit; edit; edit = edit->next) {
        if (place++ >= mark && name_equal(edit->name, name))
            return true;
    }
    return false;
}

void headers_rewind(struct headers *h, uint32_t mark)
{
    assert(mark <= h->n_edits); /* else there was a commit since */
    if (mark == h->n_edits)
        return;
    struct headers_edit *edit = h->first_edit;
    copy_entries(h->entries, h->shown, h->n_shown);
    h->n_entries = h->n_shown;
    h->work->bytes = bytes_shown(h);
    h->work->n_sets = h->work->n_removes = h->work->n_holes = 0;
    h->n_cells = 0;
    h->first_edit = h->last_edit = NULL;
    h->n_edits = 0;
    while (h->n_edits < mark) {
        struct headers_edit *next = edit->next;
        record(h, edit);
        edit = next;
    }
}

/* Copies entries and their bytes into one piece of memory. */
static struct extproc_header *entries_keep(const struct extproc_header *entries, size_t n,
                                           struct arena *keep)
{
    size_t size = n * sizeof *entries;
    for (size_t i = 0; i < n; i++)
        size += entries[i].name.len + entries[i].value.len;
    struct extproc_header *copy = arena_alloc(keep, size);
    if (!copy)
        return NULL;

    char *at = (char *)(copy + n);
    for (size_t i = 0; i < n; i++) {
        copy[i].name = put(&at, entries[i].name);
        copy[i].value = put(&at, entries[i].value);
    }
    return copy;
}

int headers_commit(struct headers *h, struct arena *keep)
{
    headers_settle(h);
    const struct extproc_header *entries = all_entries(h);
    size_t n = keep ? headers_count(h) : 0;

    if (keep && h->kept == keep && h->n_edits == 0) { /* lives there already */
        entries = h->shown;
    } else if (n > 0) {
        entries = entries_keep(entries, n, keep);
        if (!entries) {
            headers_init(h, NULL, 0);
            return -ENOMEM;
        }
    }
    headers_init(h, entries, n);
    h->kept = keep;
    return 0;
}

void headers_sum(const struct headers *h, struct headers_sum *ret)
{
    *ret = (struct headers_sum){.n_entries = headers_count(h)};
    if (!h->work) {
        ret->bytes = bytes_shown(h);
        return;
    }
    ret->n_entries -= h->work->n_holes;
    ret->n_sets = h->work->n_sets;
    ret->n_removes = h->work->n_removes;
    ret->bytes = h->work->bytes;
}

void headers_sum_drop(const struct headers *h, struct extproc_str name, struct headers_sum *sum)
{
    if (!may_have(h, name))
        return;
    const struct cell *cell = find_cell(h, name);
    if (cell) {
        sum->n_removes -= cell->state == CELL_REMOVED;
        sum->n_sets -= cell->n_values;
    }
    const struct extproc_header *entry = all_entries(h);
    for (size_t left = headers_count(h); left > 0; left--, entry++) {
        if (name_equal(entry->name, name)) {
            sum->n_entries--;
            sum->bytes -= headers_entry_bytes(name.len, entry->value.len);
        }
    }
}
