/* wants: what an instance reads and writes beside the messages.
 *
 * There are few names, added while init() runs: a list, walked.
 */
#include "plugin/template/wants.h"

#include "base/str.h"

#include <errno.h>

int wants_add(struct wants *w, struct arena *arena, enum want_kind kind, struct extproc_str name)
{
    struct want **link = &w->first[kind];
    if (name.len == 0 || !extproc_is_utf8(name))
        return -EINVAL;
    for (; *link; link = &(*link)->next) {
        if (extproc_eq((*link)->name, name))
            return 0;
    }
    struct want *want = arena_alloc(arena, sizeof *want);
    struct extproc_str copy = arena_copy(arena, name);
    if (!want || !copy.ptr)
        return -ENOMEM;
    *want = (struct want){.name = copy};
    *link = want;
    return 0;
}
