/* gather: what is sent to one connection in one write: small parts are copied together, large ones
 * are sent from where they are.
 *
 * Invariant: a message that a part refers to is either in its call's queue or in the list `spent`,
 * which is freed only when the gather is empty again.
 */
#include "transport/h2/channel/gather.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool gather_has_room(const struct gather *g)
{
    return g->n_copied + GATHER_FRAME <= GATHER_BYTES && g->len < GATHER_SIZE &&
           g->n_parts + 2 + 2 * (GATHER_FRAME / GATHER_LEND) <= GATHER_PARTS;
}

void gather_copy(struct gather *g, const void *bytes, size_t len)
{
    uint8_t *to = g->bytes + g->n_copied;
    struct iovec *last = g->n_parts ? &g->parts[g->n_parts - 1] : NULL;
    assert(len <= GATHER_BYTES - g->n_copied && g->n_parts < GATHER_PARTS);
    memcpy(to, bytes, len);
    if (last && (uint8_t *)last->iov_base + last->iov_len == to)
        last->iov_len += len;
    else
        g->parts[g->n_parts++] = (struct iovec){to, len};
    g->n_copied += len;
    g->len += len;
}

void gather_lend(struct gather *g, const uint8_t *bytes, size_t len)
{
    if (len < GATHER_LEND) {
        gather_copy(g, bytes, len);
        return;
    }
    assert(g->n_parts < GATHER_PARTS);
    g->parts[g->n_parts++] = (struct iovec){(void *)(uintptr_t)bytes, len};
    g->len += len;
}

void gather_spend(struct gather *g, struct outgoing *out)
{
    if (g->len == 0) {
        assert(!g->spent);
        free(out);
        return;
    }
    out->next = g->spent;
    g->spent = out;
}

void gather_reset(struct gather *g)
{
    while (g->spent) {
        struct outgoing *out = g->spent;
        g->spent = out->next;
        free(out);
    }
    g->n_parts = 0;
    g->len = g->n_copied = 0;
}
