/* keep: bytes of a body that a plugin wants to see again, together with the next ones.
 *
 * They are on the heap, since a body may be long and the transaction's memory is freed at its end
 * only. What a plugin holds belongs to its place in the chain: the plugins before it have seen
 * these bytes, and those after it have not.
 */
#include "plugin/run/keep.h"

#include "plugin/run/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct kept *next;
    uint16_t place;
    enum lane lane;
    size_t len;
    char bytes[];
};

size_t keep_limit(const struct instance *in)
{
    return in->policy.max_body ? in->policy.max_body : KEEP_MAX;
}

int keep_body(struct turn *turn, size_t n)
{
    struct body *body = &turn->event->body;
    if (n == 0) /* nothing that trailers could cut off */
        return 0;
    struct extproc_str bytes = body_bytes(body, turn->arena);
    struct kept *kept = bytes.ptr ? malloc(sizeof *kept + n) : NULL;
    if (!kept)
        return -ENOMEM;
    bytes.len -= n;
    *kept = (struct kept){
        .next = turn->txn->kept, .place = turn->place, .lane = turn->event->lane, .len = n};
    memcpy(kept->bytes, bytes.ptr + bytes.len, n);
    turn->txn->kept = kept;
    if (turn->txn->generation->env.waits)
        waits_hold(turn->txn->generation->env.waits, n);
    body_lend(body, bytes);
    return 0;
}

static struct kept *take(struct txn *t, enum lane lane, uint16_t place)
{
    struct kept **link = &t->kept, *kept;
    while (*link && ((*link)->lane != lane || (*link)->place != place))
        link = &(*link)->next;
    kept = *link;
    if (kept)
        *link = kept->next;
    return kept;
}

static void kept_free(const struct txn *t, struct kept *kept)
{
    if (t->generation->env.waits)
        waits_unhold(t->generation->env.waits, kept->len);
    free(kept);
}

int keep_rejoin(struct turn *turn, uint16_t place)
{
    struct body *body = &turn->event->body;
    struct kept *kept = turn->txn->kept ? take(turn->txn, turn->event->lane, place) : NULL;
    if (!kept)
        return 0;
    struct extproc_str now = body_bytes(body, turn->arena);
    char *joined = now.ptr ? arena_alloc(turn->arena, kept->len + now.len) : NULL;
    if (joined) {
        memcpy(joined, kept->bytes, kept->len);
        memcpy(joined + kept->len, now.ptr, now.len);
        body_lend(body, (struct extproc_str){joined, kept->len + now.len});
    }
    kept_free(turn->txn, kept);
    return joined ? 0 : -ENOMEM;
}

const struct instance *keep_holder(const struct txn *t, enum lane lane, size_t *ret_len)
{
    const struct kept *kept = t->kept;
    while (kept && kept->lane != lane)
        kept = kept->next;
    if (!kept)
        return NULL;
    *ret_len = kept->len;
    return t->chain->instances[kept->place];
}

void keep_drop(struct txn *t)
{
    while (t->kept) {
        struct kept *kept = t->kept;
        t->kept = kept->next;
        kept_free(t, kept);
    }
}
