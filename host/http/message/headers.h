/* headers: one header map as several plugins edit it, and the sum of their edits.
 *
 * The map holds what the proxy showed and, once edited, the working copy that the next plugin sees.
 * Beside it one cell per touched name says what the edits come to:
 *
 *     untouched   no cell
 *     appended    v1..vn after the present values, also those that the proxy does not send
 *     set         exactly v1..vn
 *     removed     none
 *
 *     set(v):    any -> set[v]          append(v): untouched -> appended[v], appended -> appended+v
 *     remove():  any -> removed                    set -> set+v, removed -> set[v]
 *
 * Encoding each cell once (removed; set: overwrite, then append; appended: append) has exactly the
 * effect of the edits one after another, for every original map: see tests/unit/http/cells.c.
 *
 * The edits of one plugin can be undone: headers_mark() before, headers_rewind() after it failed.
 * Names in the map are lower case; bytes belong to the arena that was handed in, or to the message.
 */
#ifndef EXTPROCD_HTTP_MESSAGE_HEADERS_H
#define EXTPROCD_HTTP_MESSAGE_HEADERS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cell_state { CELL_APPENDED, CELL_SET, CELL_REMOVED };

/* One value that a cell adds. */
struct cell_value {
    struct extproc_str value;
    struct cell_value *next;
};

struct cell {
    struct extproc_str name;
    enum cell_state state;
    uint32_t n_values;
    struct cell_value *first, *last;
};

struct headers {
    const struct extproc_header *shown; /* as the proxy sent it, or as it is after a commit */
    uint32_t n_shown, n_entries, n_cells, n_edits;
    struct extproc_header *entries; /* the working copy; NULL: nothing was edited yet     */
    struct cell *cells;             /* in the order in which names were first touched     */
    struct headers_work *work;      /* beside the working copy: what is known without a walk */
    struct headers_past *first_edit, *last_edit; /* since the last commit, for headers_rewind() */
    const struct arena *kept;                    /* where `shown` lives after a commit */
};

/* Begins with these entries, borrowed. */
void headers_init(struct headers *h, const struct extproc_header *shown, size_t n);

/* Places of entries. Those of entries that were dropped count until headers_settle(). */
size_t headers_count(const struct headers *h);
/* The entry at place i < headers_count(); of one that was dropped, name and value are empty. */
const struct extproc_header *headers_at(const struct headers *h, size_t i);
/* The place of the first entry of a name, case ignored, from a place on; headers_count(): none. */
size_t headers_find(const struct headers *h, struct extproc_str name, size_t from);
/* The i-th value of a name, case ignored; `host` finds `:authority` where there is no host. Absent:
 * ptr NULL. */
struct extproc_str headers_get(const struct headers *h, struct extproc_str name, size_t i);
/* The name under which a request's map has its host: `host` and `:authority` are one header, and a
 * proxy that knows both shows one. Other names stay as they are. */
struct extproc_str headers_host(const struct headers *h, struct extproc_str name);
/* What the edits of a name come to so far, case ignored. NULL: untouched. */
const struct cell *headers_cell(const struct headers *h, struct extproc_str name);

/* What the cells come to when they are sent, and the map with them. */
struct headers_sum {
    uint32_t n_sets, n_removes; /* set_headers and remove_headers entries        */
    size_t n_entries, bytes;    /* of the working copy; names, values and 4 each */
};
void headers_sum(const struct headers *h, struct headers_sum *ret);
/* An entry's part of it. */
static inline size_t headers_entry_bytes(size_t name_len, size_t value_len)
{
    return name_len + value_len + 4;
}

/* Where a name is in a map. */
struct headers_place {
    uint32_t n, first, last; /* its entries, and the places of two of them */
    uint32_t cell;           /* its cell; n_cells: there is none           */
    size_t bytes;            /* of the entries                             */
};

/* An edit with all that is looked up for it, so that it is judged and applied without a further
 * look. Good for the map as it is: not after another edit. */
struct headers_edit {
    enum extproc_edit op; /* SET, APPEND or REMOVE          */
    bool moot;            /* it would do nothing            */
    bool joins;           /* APPEND: to the last of its name */
    struct extproc_str name, value;
    struct headers_place place;
    uint32_t at; /* headers_mark() when it was looked up */
    struct headers_sum before, after;
};

/* Looks it up. IF_ABSENT and IF_PRESENT are resolved against the working copy; an operation that
 * is none is moot. What may be edited is asked elsewhere (rules.h): nothing is refused here.
 * joined: the headers of which the proxy keeps one entry, with further values after a comma; here
 * they are joined too. */
void headers_prepare(const struct headers *h, struct str_list joined, enum extproc_edit op,
                     struct extproc_str name, struct extproc_str value, struct headers_edit *ret);
/* Edits the map; the name is lowered, name and value are copied into the arena. 0, or -ENOMEM with
 * nothing changed. */
int headers_apply(struct headers *h, struct arena *arena, const struct headers_edit *edit);

/* Closes the gaps that dropped entries have left. */
void headers_settle(struct headers *h);

/* A place in the history of edits. */
uint32_t headers_mark(const struct headers *h);
/* Was this name edited since? */
bool headers_touched(const struct headers *h, uint32_t mark, struct extproc_str name);
/* Undoes every edit since. It needs no memory, so it cannot fail. */
void headers_rewind(struct headers *h, uint32_t mark);

/* The proxy has the edits: the working copy is now what it shows. Entries are moved to `keep`, an
 * arena that lives longer than the message (those that are there already stay where they are); NULL
 * drops them all. 0, or -ENOMEM (then all are dropped). Nothing may be rewound past this. */
int headers_commit(struct headers *h, struct arena *keep);

#endif
