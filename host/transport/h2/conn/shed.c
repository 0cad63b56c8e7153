/* shed: whose calls end when bytes exceed a budget.
 *
 * Of a connection whose answers wait, it is the call that costs most: its bytes times the time
 * since one of them went. So a client that reads goes on, however much it is sent, beside one that
 * does not. Of all connections that which holds most is chosen, and then a call of it in the same
 * way: a neighbour that holds little never pays for it.
 */
#include "transport/h2/conn/shed.h"

#include "transport/h2/stream/life.h"

#include <stdio.h>

/* Those that a frame under way was promised go anyway. */
static size_t waiting(const struct h2_call *call)
{
    return call->n_queued - call->n_promised;
}

/* The prefix of an answer that is as large as may be does not count. */
static size_t most_queued(const struct streams *s)
{
    return s->listener->limits.max_queued + MESSAGE_PREFIX;
}

/* One that would be too much by itself is never its neighbours' fault. */
static uint64_t cost(const struct h2_call *call)
{
    if (waiting(call) > most_queued(call->streams))
        return UINT64_MAX;
    return waiting(call) * (call->commons->loop->now_ms - call->moved_ms + 1);
}

/* NULL: none holds anything. */
static struct h2_call *costliest(const struct conn *c)
{
    struct h2_call *worst = NULL;
    for (struct h2_call *call = c->streams.calls; call; call = call->next)
        if (waiting(call) && (!worst || cost(call) > cost(worst)))
            worst = call;
    return worst;
}

void shed_answers(struct conn *c)
{
    size_t most = c->streams.listener->limits.max_queued;
    struct h2_call *call;
    while (most && c->streams.n_queued > most_queued(&c->streams) && (call = costliest(c))) {
        char amount[24], why[96];
        snprintf(amount, sizeof amount, "%zu", c->streams.n_queued);
        int len = snprintf(why, sizeof why, "%s bytes of queued answers exceed max_queued (%zu)",
                           amount, most);
        h2_call_exceeds(call, LIMIT_QUEUED, amount);
        h2_call_abort(call, STATUS_RESOURCE_EXHAUSTED, (struct extproc_str){why, (size_t)len});
    }
}

static size_t held(const struct h2_call *call)
{
    return call->n_in + waiting(call);
}

/* NULL: none holds anything. */
static struct h2_call *largest(const struct hub *hub)
{
    const struct conn *conn = hub->conns;
    struct h2_call *worst = NULL;
    for (const struct conn *c = conn; c; c = c->next)
        if (c->streams.n_in + c->streams.n_queued > conn->streams.n_in + conn->streams.n_queued)
            conn = c;
    for (struct h2_call *call = conn ? conn->streams.calls : NULL; call; call = call->next)
        if (held(call) && (!worst || held(call) > held(worst)))
            worst = call;
    return worst;
}

void shed_held(struct hub *hub)
{
    size_t most = hub->options->max_held;
    struct h2_call *call;
    while (most && hub->streams.n_held > most && (call = largest(hub))) {
        char why[160];
        int len = snprintf(why, sizeof why,
                           "%zu bytes of messages in memory exceed max_held (%zu), and %zu of them "
                           "are this stream's",
                           hub->streams.n_held, most, held(call));
        h2_call_exceeds(call, LIMIT_HELD, why);
        h2_call_shed(call, (struct extproc_str){why, (size_t)len});
    }
}
