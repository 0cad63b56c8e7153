/* vary: a response that depends on a request header says so, for caches. */
#ifndef EXTPROC_LIB_VARY_H
#define EXTPROC_LIB_VARY_H

#include <extproc/text.h>

static inline bool vary_has(struct extproc_txn *x, struct extproc_str name)
{
    struct extproc_str line, item, vary = EXTPROC_S("vary"), all = EXTPROC_S("*");
    for (size_t i = 0; (line = extproc_header_nth(x, EXTPROC_MAP_RESPONSE, vary, i)).ptr; i++) {
        while (extproc_split(&line, ',', &item)) {
            item = extproc_trim(item);
            if (extproc_eq(item, all) || extproc_eq_nocase(item, name))
                return true;
        }
    }
    return false;
}

/* Once. 0, or what the edit returned. */
static inline int vary_add(struct extproc_txn *x, struct extproc_str name)
{
    if (vary_has(x, name))
        return 0;
    return extproc_header_append(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("vary"), name);
}

#endif
