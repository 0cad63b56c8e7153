/* view: what a plugin sees in a callback, kept so that it can be compared with what it or another
 * plugin sees in a later one.
 */
#ifndef EXTPROCD_TESTS_SIM_VIEW_H
#define EXTPROCD_TESTS_SIM_VIEW_H

#include <extproc/plugin.h>

enum { TEXT_SIZE = 4096 };

struct text {
    size_t len;
    char bytes[TEXT_SIZE];
};

void text_copy(struct text *to, const struct text *from);
void text_add(struct text *t, struct extproc_str s);
bool text_same(const struct text *a, const struct text *b);
/* first comes before what is there. */
void text_precede(struct text *t, const struct text *first);
bool text_begins(const struct text *t, const struct text *with);

/* Headers are lines "name=value". Absent maps, and a body where there is none, are empty. */
struct view {
    struct text headers, trailers, metadata, body;
};

void view_take(struct extproc_txn *x, struct view *ret);
/* with_trailers: those stay as they are otherwise, since a proxy may have sent some meanwhile. */
void view_copy(struct view *to, const struct view *from, bool with_trailers);

#endif
