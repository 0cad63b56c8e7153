/* txn_end: the end of a transaction, for every plugin that it was opened for.
 *
 * close() sees nothing of what came, but for the headers where a plugin says that it reads them
 * there: see txn.c.
 */
#include "plugin/run/apart.h"
#include "plugin/wait/keep.h"

#include <assert.h>
#include <stdlib.h>

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
    const struct keeper *keeper = keep_holder(t->kept, lane, &len);
    if (!keeper)
        return;
    const struct instance *holder = t->chain->instances[keeper->place];
    struct log_context context = txn_log_context(t);
    context.plugin = holder->name;
    log_line(holder->env->log, EXTPROC_LEVEL_WARN, &context,
             "the plugin held %zu bytes of the %s body when the stream ended: they are lost (where "
             "trailers follow, the proxy must send them: %s)",
             len, lane_name(lane),
             t->rules->sends_trailers[lane] ? t->rules->sends_trailers[lane] : "this proxy cannot");
}

static void txn_forget(struct txn *t)
{
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
    keep_drop(&t->kept);
}

/* From a place of the chain on. False: the pool has the close() of one now. */
static bool txn_close(struct txn *t, uint16_t place, enum extproc_end why)
{
    if (place == 0)
        txn_forget(t);
    for (; t->handles && place < t->chain->n_instances; place++) {
        struct handle *h = &t->handles[place];
        if (t->chain->instances[place]->blocks && !apart_close(h, why)) {
            t->calls->closing = (uint16_t)(place + 1);
            return false;
        }
        handle_close(h, why);
    }
    t->handles = NULL;
    free(t->calls);
    t->calls = NULL;
    t->generation = generation_unref(t->generation);
    return true;
}

/* A callback in the pool has ended. */
static __attribute__((cold)) void txn_go_on(struct txn *t)
{
    struct txn_calls *calls = t->calls;
    void (*ended)(void *arg) = calls->ended;
    void *arg = calls->ended_arg;
    if (calls->n_late > 0)
        return;
    if (txn_close(t, calls->closing, calls->why))
        ended(arg);
}

bool txn_end(struct txn *t, enum extproc_end why, void (*ended)(void *arg), void *arg)
{
    assert(t->generation); /* the first time */
    assert(!t->turn);
    assert(!t->lent);
    if (t->trials)
        t->generation->env.trials->over(t->generation->env.trials, t, why);
    struct txn_calls *calls = t->calls;
    if (calls) { /* it may outlive its connection */
        calls->go_on = txn_go_on;
        calls->why = why;
        calls->ended = ended;
        calls->ended_arg = arg;
        t->peer = t->peer ? arena_format(t->arena, "%s", t->peer).ptr : NULL;
    }
    if (calls && calls->n_late > 0)
        return false;
    return txn_close(t, 0, why);
}
