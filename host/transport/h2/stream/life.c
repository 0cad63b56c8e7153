/* life: how a call begins, is looked after, and ends. */
#include "transport/h2/stream/life.h"

#include "transport/metadata.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the beginning --------------------------------------------------------------------------- */

static void deadline_over(void *arg)
{
    h2_call_abort(arg, STATUS_DEADLINE_EXCEEDED, EXTPROC_S("Deadline Exceeded"));
}

static int set_deadline(struct h2_call *call, uint64_t timeout_ms)
{
    if (timeout_ms == HEAD_NO_TIMEOUT)
        return 0;
    call->deadline = calloc(1, sizeof *call->deadline);
    if (!call->deadline)
        return -ENOMEM;
    call->deadline->fn = deadline_over;
    call->deadline->arg = call;
    return loop_set(call->commons->loop, call->deadline, timeout_ms);
}

void h2_call_open(struct streams *s, int32_t id, const struct head *head, struct metadata *metadata,
                  const struct transport_handler *handler, void *arg)
{
    struct h2_call *call = h2_call_new(s, id);
    if (!call) {
        metadata_free(metadata);
        s->http2.failed = true;
        return;
    }
    call->metadata = metadata;
    s->owner->begun(s);
    bool good = intake_init(call, head) == 0 && set_deadline(call, head->timeout_ms) == 0;
    if (good)
        call->stream = handler->open(arg, &call->base);
    if (call->stream)
        call->handler = handler;
    else
        h2_call_refuse(call, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

/* ---- meanwhile ------------------------------------------------------------------------------- */

void h2_call_shed(struct h2_call *call, struct extproc_str why)
{
    h2_call_abort(call, STATUS_RESOURCE_EXHAUSTED, why);
    intake_fini(call);
    h2_call_drop(call, call->n_in);
    call->shed = true;
}

/* ---- the end --------------------------------------------------------------------------------- */

static enum transport_end how_it_ended(const struct h2_call *call, enum transport_end how)
{
    if (call->state == CALL_ENDED && !call->aborted)
        return TRANSPORT_FINISHED;
    return call->commons->stopping ? TRANSPORT_STOPPED : how;
}

static void drop_deadline(struct h2_call *call)
{
    if (!call->deadline)
        return;
    loop_cancel(call->commons->loop, call->deadline);
    free(call->deadline);
    call->deadline = NULL;
}

void h2_call_closed(struct h2_call *call, enum transport_end how)
{
    struct streams *s = call->streams;
    how = how_it_ended(call, how);
    drop_deadline(call);
    intake_fini(call);
    h2_call_gone(call);
    if (call->heard && --s->n_talking == 0)
        s->owner->idle(s);
    h2_call_keep(call); /* closed() may release the last message */
    if (call->handler)
        call->handler->closed(call->stream, how);
    call->metadata = metadata_free(call->metadata);
    h2_call_unheld(call);
}
