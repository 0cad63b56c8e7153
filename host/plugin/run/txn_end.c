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

/* Bytes that a plugin holds when the stream ends are never sent. */
static void txn_lost(struct txn *t, enum lane lane)
{
    size_t len;
    const struct instance *holder = keep_holder(t, lane, &len);
    if (!holder)
        return;
    struct log_context context = txn_log_context(t);
    context.plugin = holder->name;
    log_line(holder->env->log, EXTPROC_LEVEL_WARN, &context,
             "the plugin held %zu bytes of the %s body when the stream ended: they are lost (where "
             "trailers follow, the proxy must send them: %s)",
             len, lane_name(lane),
             t->rules->sends_trailers[lane] ? t->rules->sends_trailers[lane] : "this proxy cannot");
}

void txn_end(struct txn *t, enum extproc_end why)
{
    assert(t->generation); /* the first time */
    assert(!t->turn);
    if (t->trials)
        t->generation->env.trials->over(t->generation->env.trials, t, why);
    if (t->handles)
        txn_keep_id(t);
    bool keeps_headers = t->chain && t->chain->keeps_headers;
    lane_forget(&t->lanes[LANE_REQUEST], keeps_headers);
    lane_forget(&t->lanes[LANE_RESPONSE], keeps_headers);
    t->metadata = (struct tree){0};
    if (t->sent)
        metadata_sent_fini(t->sent);
    t->sent = NULL;

    for (enum lane lane = 0; lane < N_LANES; lane++)
        txn_lost(t, lane);
    keep_drop(t);
    for (uint16_t i = 0; t->handles && i < t->chain->n_instances; i++)
        handle_close(&t->handles[i], why);
    t->handles = NULL;
    t->generation = generation_unref(t->generation);
}
