/* bridge: joins two floors that do not know each other. */
#include "process/run/bridge.h"

static const char *out_peer(void *call)
{
    return ((const struct transport_call *)call)->peer;
}

static struct extproc_str out_field(void *call, const char *name)
{
    return transport_metadata(call, name);
}

static size_t out_max_answer(void *call)
{
    return transport_max_answer(call);
}

static uint8_t *out_reserve(void *call, size_t len)
{
    return transport_reserve(call, len);
}

static void out_send(void *call)
{
    transport_send(call);
}

static void out_hold(void *call)
{
    transport_hold(call);
}

static void out_resume(void *call)
{
    transport_resume(call);
}

static void out_finish(void *call, enum status status, struct extproc_str message)
{
    transport_finish(call, status, message);
}

static const struct stream_out to_transport = {
    .peer = out_peer,
    .field = out_field,
    .max_answer = out_max_answer,
    .reserve = out_reserve,
    .send = out_send,
    .hold = out_hold,
    .resume = out_resume,
    .finish = out_finish,
};

static void *on_open(void *arg, struct transport_call *call)
{
    struct bridge_door *door = arg;
    struct bridge *b = door->bridge;
    return stream_open(&b->env, generation_ref(b->current), &door->coverage, &to_transport, call);
}

static void on_message(void *stream, const struct message *message)
{
    stream_message(stream, message);
}

static void on_half_close(void *stream)
{
    stream_half_close(stream);
}

static enum extproc_end end_of(enum transport_end why)
{
    switch (why) {
    case TRANSPORT_FINISHED:
        return EXTPROC_END_DONE;
    case TRANSPORT_STOPPED:
        return EXTPROC_END_DRAINED;
    case TRANSPORT_RESET:
    case TRANSPORT_LOST:
        break;
    }
    return EXTPROC_END_DISCONNECTED;
}

static void on_closed(void *stream, enum transport_end why)
{
    if (why == TRANSPORT_LOST)
        stream_lost(stream);
    stream_closed(stream, end_of(why));
}

static struct extproc_str on_transaction(void *stream)
{
    return stream_transaction(stream);
}

const struct transport_handler bridge_process = {
    .path = "/" GRPC_SERVICE "/Process",
    .open = on_open,
    .message = on_message,
    .half_close = on_half_close,
    .closed = on_closed,
    .transaction = on_transaction,
};
