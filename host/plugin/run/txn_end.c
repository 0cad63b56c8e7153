/* txn_end: the end of a transaction, for every plugin that it was opened for.
 *
 * close() sees nothing of what came, but for the headers where a plugin says that it reads them
 * there: see txn.c.
 */
#include "plugin/run/handle.h"
#include "plugin/run/keep.h"

#include <assert.h>

static void lane_forget(struct txn_lane *lane, bool keeps_headers)
{
    lane->headers_here = lane->headers_here && keeps_headers;
    lane->trailers_here = false;
    direction_close(&lane->direction);
    lane->attributes = (struct tree){0};
}

void txn_end(struct txn *t, enum extproc_end why)
{
    assert(t->generation); /* the first time */
    assert(!t->turn);
    if (t->handles)
        txn_keep_id(t);
    bool keeps_headers = t->chain && t->chain->keeps_headers;
    lane_forget(&t->lanes[LANE_REQUEST], keeps_headers);
    lane_forget(&t->lanes[LANE_RESPONSE], keeps_headers);
    t->metadata = (struct tree){0};
    if (t->sent)
        metadata_sent_fini(t->sent);
    t->sent = NULL;

    keep_drop(t);
    for (uint16_t i = 0; t->handles && i < t->chain->n_instances; i++)
        handle_close(&t->handles[i], why);
    t->handles = NULL;
    t->generation = generation_unref(t->generation);
}
