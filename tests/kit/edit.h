/* edit: one edit of a map, looked up and made; whether it is allowed is not asked. */
#ifndef EXTPROCD_KIT_EDIT_H
#define EXTPROCD_KIT_EDIT_H

#include "http/message/headers.h"

/* Of which the proxy keeps one entry. */
static const struct extproc_str edit_joined_names[] = {
    EXTPROC_STR("accept"), EXTPROC_STR("user-agent"), EXTPROC_STR("via")};
static const struct str_list edit_joined = STR_LIST(edit_joined_names);

/* 0 or -ENOMEM. */
static inline int edit_map(struct headers *h, struct arena *arena, enum extproc_edit op,
                           struct extproc_str name, struct extproc_str value)
{
    struct headers_edit edit;
    headers_prepare(h, edit_joined, op, name, value, &edit);
    return headers_apply(h, arena, &edit);
}

#endif
