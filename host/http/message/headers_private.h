/* headers_private: what lies beside a working copy, for looking up and for editing. */
#ifndef EXTPROCD_HTTP_MESSAGE_HEADERS_PRIVATE_H
#define EXTPROCD_HTTP_MESSAGE_HEADERS_PRIVATE_H

#include "http/message/headers.h"
#include "http/message/names.h"

struct headers_work {
    uint32_t cap_entries, cap_cells;
    uint32_t n_holes;           /* places of entries that were dropped */
    uint32_t n_sets, n_removes; /* of the cells   */
    size_t bytes;               /* of the entries */
    struct names names;         /* of all that was in a cell or an entry */
};

static inline const struct extproc_header *headers_entries(const struct headers *h)
{
    return h->entries ? h->entries : h->shown;
}

/* How many commas join two values: nothing empty is joined with one. */
static inline size_t headers_comma(struct extproc_str a, struct extproc_str b)
{
    return a.len > 0 && b.len > 0;
}

/* Of the entries that the proxy has shown. */
size_t headers_bytes_shown(const struct headers *h);
/* All of a name in one walk. */
void headers_locate(const struct headers *h, struct extproc_str name, struct headers_place *ret);

#endif
