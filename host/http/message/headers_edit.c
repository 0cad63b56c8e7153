/* headers_edit: the history of edits, and the working copy and the cells that they come to.
 *
 * Every edit is one allocation: its strings, its value's place in a cell, and, where the value
 * joins one that is there, the joined text. Whatever else an edit may need is made ready before it
 * is applied. So applying needs no memory, and taking edits back is applying the earlier ones again
 * to the map as it was shown.
 */
#include "http/message/headers_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* An edit that was made. */
struct headers_past {
    struct headers_past *next;
    enum extproc_edit op; /* SET, APPEND or REMOVE */
    bool joins;           /* APPEND: to the last entry of that name */
    struct extproc_str name;
    struct extproc_str entry; /* what the working copy's entry is then */
    struct cell_value value;
};

/* ---- applying an edit: needs no memory ------------------------------------------------------- */

static void entries_count(struct headers *h, const struct extproc_header *entry, bool added)
{
    size_t bytes = headers_entry_bytes(entry->name.len, entry->value.len);
    h->work->bytes = added ? h->work->bytes + bytes : h->work->bytes - bytes;
}

static void entry_drop(struct headers *h, uint32_t i)
{
    entries_count(h, &h->entries[i], false);
    h->entries[i] = (struct extproc_header){EXTPROC_S(""), EXTPROC_S("")};
    h->work->n_holes++;
}

/* Drops the entries of a name from a place on, where there are any. Their places stay, without a
 * name, for who walks the map. */
static void entries_drop(struct headers *h, struct extproc_str name, uint32_t from, uint32_t last)
{
    for (uint32_t i = from; i <= last; i++) {
        if (i == last || name_equal(h->entries[i].name, name))
            entry_drop(h, i);
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

static void entries_add(struct headers *h, const struct headers_past *past)
{
    assert(h->n_entries < h->work->cap_entries);
    struct extproc_header *entry = &h->entries[h->n_entries++];
    *entry = (struct extproc_header){past->name, past->entry};
    entries_count(h, entry, true);
}

static void entry_replace(struct headers *h, uint32_t i, const struct headers_past *past)
{
    entries_count(h, &h->entries[i], false);
    h->entries[i].value = past->entry;
    entries_count(h, &h->entries[i], true);
}

static void entries_set(struct headers *h, const struct headers_past *past,
                        const struct headers_place *place)
{
    if (place->n == 0) {
        entries_add(h, past);
        return;
    }
    entry_replace(h, place->first, past);
    entries_drop(h, past->name, place->first + 1, place->last);
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
static struct cell *touch_cell(struct headers *h, struct extproc_str name, uint32_t i)
{
    struct cell *cell = &h->cells[i];
    if (i == h->n_cells) {
        assert(h->n_cells < h->work->cap_cells);
        h->n_cells++;
        *cell = (struct cell){.name = name, .state = CELL_APPENDED};
        names_add(&h->work->names, name);
    }
    return cell;
}

static void apply_set(struct headers *h, struct headers_past *past,
                      const struct headers_place *place)
{
    entries_set(h, past, place);
    struct cell *cell = touch_cell(h, past->name, place->cell);
    cell_become(h, cell, CELL_SET);
    cell_add(h, cell, &past->value);
}

static void apply_append(struct headers *h, struct headers_past *past,
                         const struct headers_place *place)
{
    struct cell *cell = touch_cell(h, past->name, place->cell);
    if (cell->state == CELL_REMOVED)
        cell_become(h, cell, CELL_SET);
    cell_add(h, cell, &past->value);
    if (past->joins)
        entry_replace(h, place->last, past);
    else
        entries_add(h, past);
}

static void apply_remove(struct headers *h, struct headers_past *past,
                         const struct headers_place *place)
{
    if (place->n > 0)
        entries_drop(h, past->name, place->first, place->last);
    cell_become(h, touch_cell(h, past->name, place->cell), CELL_REMOVED);
}

/* Puts an edit into the history and applies it. */
static void record(struct headers *h, struct headers_past *past, const struct headers_place *place)
{
    past->next = NULL;
    if (h->last_edit)
        h->last_edit->next = past;
    else
        h->first_edit = past;
    h->last_edit = past;
    h->n_edits++;

    switch (past->op) {
    case EXTPROC_EDIT_SET:
        apply_set(h, past, place);
        break;
    case EXTPROC_EDIT_APPEND:
        apply_append(h, past, place);
        break;
    case EXTPROC_EDIT_REMOVE:
        apply_remove(h, past, place);
        break;
    case EXTPROC_EDIT_IF_ABSENT: /* headers_prepare() has made one of these of them */
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

/* The first time. */
static int work_new(struct headers *h, struct arena *arena, size_t bytes)
{
    struct headers_work *work = arena_alloc(arena, sizeof *work);
    if (!work)
        return -ENOMEM;
    *work = (struct headers_work){.bytes = bytes};
    for (size_t i = 0; i < h->n_shown; i++)
        names_add(&work->names, h->shown[i].name);
    h->work = work;
    return 0;
}

/* Room for one more entry; the first time, the working copy itself. */
static int entries_reserve(struct headers *h, struct arena *arena, size_t bytes)
{
    if (h->entries && h->n_entries < h->work->cap_entries)
        return 0;
    uint32_t n = (uint32_t)headers_count(h), cap = grown(n);
    struct extproc_header *entries = arena_array(arena, cap, sizeof *entries);
    if (!entries || (!h->work && work_new(h, arena, bytes) < 0))
        return -ENOMEM;
    copy_entries(entries, headers_entries(h), n);
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

/* Its text is the name, then the entry; the value is the entry's end. */
static struct headers_past *past_new(const struct headers *h, struct arena *arena,
                                     const struct headers_edit *edit)
{
    struct extproc_str name = edit->name, value = edit->value;
    struct extproc_str before = edit->joins ? headers_at(h, edit->place.last)->value : STR_ABSENT;
    size_t comma = headers_comma(before, value);
    struct headers_past *past =
        arena_alloc(arena, sizeof *past + name.len + before.len + comma + value.len);
    if (!past)
        return NULL;
    char *at = (char *)(past + 1);
    *past = (struct headers_past){.op = edit->op, .joins = edit->joins};
    past->name = (struct extproc_str){at, name.len};
    for (size_t i = 0; i < name.len; i++)
        *at++ = extproc_lower(name.ptr[i]);
    past->entry = put(&at, before);
    if (comma)
        *at++ = ',';
    past->value.value = put(&at, value);
    past->entry.len += comma + value.len;
    return past;
}

int headers_apply(struct headers *h, struct arena *arena, const struct headers_edit *edit)
{
    assert(edit->at == h->n_edits); /* nothing was edited since it was looked up */
    if (edit->moot)
        return 0;
    if (entries_reserve(h, arena, edit->before.bytes) < 0 || cells_reserve(h, arena) < 0)
        return -ENOMEM;
    struct headers_past *past = past_new(h, arena, edit);
    if (!past)
        return -ENOMEM;
    record(h, past, &edit->place);
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
    if (!headers_cell(h, name))
        return false;
    for (const struct headers_past *past = h->first_edit; past; past = past->next) {
        if (place++ >= mark && name_equal(past->name, name))
            return true;
    }
    return false;
}

void headers_rewind(struct headers *h, uint32_t mark)
{
    assert(mark <= h->n_edits); /* else there was a commit since */
    if (mark == h->n_edits)
        return;
    struct headers_past *past = h->first_edit;
    copy_entries(h->entries, h->shown, h->n_shown);
    h->n_entries = h->n_shown;
    h->work->bytes = headers_bytes_shown(h);
    h->work->n_sets = h->work->n_removes = h->work->n_holes = 0;
    h->n_cells = 0;
    h->first_edit = h->last_edit = NULL;
    h->n_edits = 0;
    while (h->n_edits < mark) {
        struct headers_past *next = past->next;
        struct headers_place place;
        headers_locate(h, past->name, &place);
        record(h, past, &place);
        past = next;
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
    const struct extproc_header *entries = headers_entries(h);
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
