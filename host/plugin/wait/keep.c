/* keep: bytes of a body that a plugin wants to see again, together with the next ones.
 *
 * They are on the heap, since a body may be long and the transaction's memory is freed at its end
 * only. What a plugin holds belongs to its place in the chain: the plugins before it have seen
 * these bytes, and those after it have not.
 */
#include "plugin/wait/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct kept *next;
    struct keeper keeper;
    size_t len;
    char bytes[];
};

size_t keep_limit(const struct instance *in)
{
    return in->policy.max_body ? in->policy.max_body : KEEP_MAX;
}

int keep_body(struct kept **list, const struct keeper *keeper, struct body *body,
              struct arena *arena, size_t n)
{
    if (n == 0) /* nothing that trailers could cut off */
        return 0;
    struct extproc_str bytes = body_bytes(body, arena);
    struct kept *kept = bytes.ptr ? malloc(sizeof *kept + n) : NULL;
    if (!kept)
        return -ENOMEM;
    bytes.len -= n;
    *kept = (struct kept){.next = *list, .keeper = *keeper, .len = n};
    memcpy(kept->bytes, bytes.ptr + bytes.len, n);
    *list = kept;
    if (keeper->waits)
        waits_hold(keeper->waits, n);
    body_lend(body, bytes);
    return 0;
}

static struct kept *take(struct kept **list, const struct keeper *keeper)
{
    struct kept **link = list, *kept;
    while (*link &&
           ((*link)->keeper.lane != keeper->lane || (*link)->keeper.place != keeper->place))
        link = &(*link)->next;
    kept = *link;
    if (kept)
        *link = kept->next;
    return kept;
}

static void kept_free(struct kept *kept)
{
    if (kept->keeper.waits)
        waits_unhold(kept->keeper.waits, kept->len);
    free(kept);
}

int keep_rejoin(struct kept **list, const struct keeper *keeper, struct body *body,
                struct arena *arena)
{
    struct kept *kept = take(list, keeper);
    if (!kept)
        return 0;
    struct extproc_str now = body_bytes(body, arena);
    char *joined = now.ptr ? arena_alloc(arena, kept->len + now.len) : NULL;
    if (joined) {
        memcpy(joined, kept->bytes, kept->len);
        memcpy(joined + kept->len, now.ptr, now.len);
        body_lend(body, (struct extproc_str){joined, kept->len + now.len});
    }
    kept_free(kept);
    return joined ? 0 : -ENOMEM;
}

const struct keeper *keep_holder(const struct kept *list, enum lane lane, size_t *ret_len)
{
    while (list && list->keeper.lane != lane)
        list = list->next;
    if (!list)
        return NULL;
    *ret_len = list->len;
    return &list->keeper;
}

void keep_drop(struct kept **list)
{
    while (*list) {
        struct kept *kept = *list;
        *list = kept->next;
        kept_free(kept);
    }
}
