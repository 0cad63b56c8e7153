/* backpressure: whether a client takes answers as fast as a handler makes them.
 *
 * A handler that was refused room waits in a list of its connection, and the list is looked at, by
 * the loop, when answers have gone. The first that was refused is the first to be called: where it
 * is the connection that has no room, one call cannot take all that comes free.
 *
 * A call that is not asked about costs nothing here.
 */
#include "transport/h2/stream/backpressure.h"

/* Is more waiting than all, or a half, of what is room? */
static bool waits_for(const struct h2_call *call, unsigned part)
{
    const struct streams *s = call->streams;
    size_t all = s->listener->limits.max_queued / 2; /* 0: no limit */
    size_t own = all && all < TRANSPORT_ROOM ? all : TRANSPORT_ROOM;
    return call->n_queued > own / part || (all && s->n_queued > all / part);
}

bool backpressure_has_room(struct transport_call *base)
{
    struct h2_call *call = (struct h2_call *)base;
    struct streams *s = call->streams;
    if (h2_call_is_finished(call) || call->refused_link)
        return false;
    if (!waits_for(call, 1))
        return true;
    call->next_refused = NULL;
    call->refused_link = s->refused_end;
    *s->refused_end = call;
    s->refused_end = &call->next_refused;
    return false;
}

void backpressure_leave(struct h2_call *call)
{
    struct h2_call *next = call->next_refused;
    if (!call->refused_link)
        return;
    *call->refused_link = next;
    *(next ? &next->refused_link : &call->streams->refused_end) = call->refused_link;
    call->refused_link = NULL;
}

void backpressure_eases(struct streams *s)
{
    if (s->refused && !s->eased.place)
        s->http2.failed |= loop_set(s->commons->loop, &s->eased, 0) != 0;
}

/* One that is refused again comes to the end of the list, and has too much waiting by then. */
static void call_refused(void *arg)
{
    struct streams *s = arg;
    for (struct h2_call *call = s->refused, *next; call; call = next) {
        next = call->next_refused;
        if (waits_for(call, 2))
            continue;
        backpressure_leave(call);
        if (!h2_call_is_finished(call) && call->handler->room)
            call->handler->room(call->stream);
    }
}

void backpressure_init(struct streams *s)
{
    s->refused_end = &s->refused;
    s->eased = (struct timer){.fn = call_refused, .arg = s};
}

void backpressure_fini(struct streams *s)
{
    loop_cancel(s->commons->loop, &s->eased);
}
