/* call: one call of a client, from the moment that gRPC hands it over until nothing of it is left.
 *
 * Every event of a call and every request of its handler is noted in the call, and then call_pump()
 * starts what may be started. It is the only place that starts anything:
 *
 *     read    the next message, unless the client has ended, answers wait to be sent, the handler
 *             has READ_AHEAD bytes of those before it, or it holds the call: then what a read under
 *             way brings waits, and is handed over by the loop after the handler has resumed
 *     write   the first of the queue; gRPC takes one at a time
 *     both    in one batch, which costs a fifth less: see may_join()
 *     watch   for the loss of the client, when there is no read to report it: after its half-close,
 *             and while the handler has too much or holds the call
 *     status  ours, alone or in one batch with the last message
 *
 * Invariant: n_flying counts the batches under way, and when the pump is done with a call that is
 * not over, there is at least one. The handler's closed() is called when there are none, and so
 * never from within a function that the handler has called. The call's memory stays until the
 * handler has also released all its messages.
 *
 *     OPEN ──finish──► FINISHING: the status waits for the answers ──► STATUS: it is with gRPC
 *
 *     from all of them: no batch is under way ──► OVER: closed() was called
 */
#include "transport/grpc/call.h"

#include "base/rows.h"
#include "transport/grpc/outgoing.h"
#include "transport/grpc/peer.h"
#include "transport/metadata.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MAX = 1024, READ_AHEAD = 1024 * 1024 };

enum call_state { CALL_OPEN, CALL_FINISHING, CALL_STATUS, CALL_OVER, N_GRPC_CALL_STATES };

struct call {
    struct transport_call base;
    struct call_pool *pool;
    union {
        grpc_call *grpc;
        struct call *next_idle;
    };
    const struct transport_handler *handler; /* NULL: refused */
    void *stream;
    struct metadata *metadata; /* of its request; NULL: none that is wanted */
    struct tag read_tag, write_tag, watch_tag, status_tag;
    grpc_byte_buffer *received;
    grpc_byte_buffer *waiting; /* see `waits` */
    struct timer turn;         /* of what waits */
    struct outgoing *reserved;
    struct outgoing_queue queue;
    size_t n_unsent;     /* bytes of answers in the queue, and of the one under way */
    size_t n_writing;    /* of them, of the one under way */
    size_t n_held_bytes; /* of messages that the handler has */
    unsigned n_held;     /* those messages, and our own holds of the call */
    unsigned owed;       /* messages received that had no answer yet */
    char peer[PEERNAME_MAX];
    grpc_slice status_text;
    enum status status;
    int cancelled; /* gRPC's word on how it ended */
    int fd;        /* to be corked; -1: none */
    enum call_state state;
    uint8_t n_flying;
    bool in_callback; /* the pump waits until it has returned */
    bool started;     /* initial metadata are on their way */
    bool unprompted;  /* see transport_unprompted() */
    bool reading;     /* a read is under way */
    bool writing;     /* a write is */
    bool joined;      /* both, in one batch */
    bool watching;    /* for the client's loss: started, ever */
    bool half_closed; /* by the client */
    bool held;        /* see transport_hold() */
    bool refused;     /* room for more answers: see transport_has_room() */
    bool waits;       /* a message was read and not handed over; waiting NULL: the half-close */
    bool lost;        /* the client has gone */
};

/* A message that the handler has. */
struct received {
    struct call *call;
    grpc_byte_buffer *buffer;
};

/* A step forward, or to the end. */
static void become(struct call *call, enum call_state state)
{
    assert(state > call->state && (state == call->state + 1 || state == CALL_OVER));
    ROWS(become, N_GRPC_CALL_STATES, 4);
    call->state = state;
}

/* ---- batches --------------------------------------------------------------------------------- */

static void start(struct call *call, const grpc_op *ops, size_t n_ops, struct tag *tag)
{
    cork_hold(&call->pool->completions->cork, call->fd);
    call->n_flying++;
    grpc_call_error error = grpc_call_start_batch(call->grpc, ops, n_ops, tag, NULL);
    assert(error == GRPC_CALL_OK); /* a lost call returns OK too: an error is our own fault */
    (void)error;
}

static size_t add_metadata(struct call *call, grpc_op *ops)
{
    if (call->started)
        return 0;
    call->started = true;
    ops[0] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    return 1;
}

static size_t add_read(struct call *call, grpc_op *ops)
{
    call->reading = true;
    ops[0] =
        (grpc_op){.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->received};
    return 1;
}

/* The caller frees *ret_out after it has started the batch. */
static size_t add_write(struct call *call, grpc_op *ops, struct outgoing **ret_out)
{
    size_t n = add_metadata(call, ops);
    struct outgoing *out = outgoing_pop(&call->queue);
    call->writing = true;
    call->n_writing = out->len;
    ops[n] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = out->buffer};
    *ret_out = out;
    return n + 1;
}

static size_t add_watch(struct call *call, grpc_op *ops)
{
    if (call->watching)
        return 0;
    call->watching = true;
    ops[0] = (grpc_op){.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                       .data.recv_close_on_server.cancelled = &call->cancelled};
    return 1;
}

static void start_status(struct call *call)
{
    grpc_op ops[4];
    struct outgoing *out = NULL;
    size_t n = call->queue.first ? add_write(call, ops, &out) : add_metadata(call, ops);
    ops[n] = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    ops[n].data.send_status_from_server.status = (grpc_status_code)call->status;
    ops[n].data.send_status_from_server.status_details = &call->status_text;
    n++;
    n += add_watch(call, ops + n);
    become(call, CALL_STATUS);
    start(call, ops, n, &call->status_tag);
    outgoing_free(out);
}

/* A read and a write in one batch are done when both are: nothing can be written until the client
 * has sent something more. That is right if every message has had its one answer and was released,
 * so that the client is the next to send; otherwise both sides could wait for each other. Nor is a
 * write joined that a handler may wait for, because it has no room before that is done. */
static bool may_join(const struct call *call)
{
    return call->owed == 0 && call->n_held == 0 && !call->unprompted &&
           call->n_unsent <= TRANSPORT_ROOM / 2;
}

static void start_traffic(struct call *call)
{
    grpc_op ops[3];
    size_t n = 0;
    struct outgoing *out = NULL;
    if (call->queue.first && !call->writing)
        n = add_write(call, ops, &out);
    /* A client that takes no answers must not fill our memory with them, nor a handler that is slow
     * with what is sent to it. */
    bool full = call->n_held_bytes >= READ_AHEAD;
    bool stopped = call->held || call->waits;
    bool may_read = !call->reading && !call->half_closed && call->state == CALL_OPEN &&
                    !call->queue.first && !full && !stopped;
    if (out && may_read && may_join(call)) {
        n += add_read(call, ops + n);
        call->joined = true;
        start(call, ops, n, &call->read_tag);
    } else {
        if (out)
            start(call, ops, n, &call->write_tag);
        if (may_read)
            start(call, ops, add_read(call, ops), &call->read_tag);
    }
    outgoing_free(out);
    bool blind = call->half_closed || full || (stopped && !call->reading);
    if (blind && !call->watching)
        start(call, ops, add_watch(call, ops), &call->watch_tag);
}

static bool may_start_status(const struct call *call)
{
    if (call->state != CALL_FINISHING)
        return false;
    /* If there are writes, the status is sent with the queue's last message, or when that write is
     * done. A write that is joined to a read is with gRPC already, and waiting for it means waiting
     * for the client. */
    return call->queue.first ? !call->writing && !call->queue.first->next
                             : !call->writing || call->joined;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void call_put(struct call *call)
{
    struct call_pool *pool = call->pool;
    if (pool->n_idle < IDLE_MAX) {
        call->next_idle = pool->idle;
        pool->idle = call;
        pool->n_idle++;
    } else {
        free(call);
    }
}

/* One reason less that the call stays. */
static void call_unheld(struct call *call)
{
    if (--call->n_held == 0 && call->state == CALL_OVER)
        call_put(call);
}

/* What was read and not handed over. */
static void drop_waiting(struct call *call)
{
    loop_cancel(call->pool->completions->loop, &call->turn);
    if (call->waiting)
        grpc_byte_buffer_destroy(call->waiting);
    call->waiting = NULL;
    call->waits = false;
}

static void call_over(struct call *call)
{
    struct call_pool *pool = call->pool;
    bool has_status = call->state == CALL_STATUS;
    assert(call->n_flying == 0);
    become(call, CALL_OVER);
    call->n_held++;
    if (call->handler) {
        enum transport_end why = TRANSPORT_RESET;
        if (has_status && !call->cancelled)
            why = TRANSPORT_FINISHED;
        else if (call->pool->stopping)
            why = TRANSPORT_STOPPED;
        call->in_callback = true;
        call->handler->closed(call->stream, why);
    }
    metadata_free(call->metadata);
    outgoing_free(call->reserved);
    outgoing_fini(&call->queue);
    drop_waiting(call);
    grpc_slice_unref(call->status_text);
    /* gRPC cancels a call that had no status from us. Such a call is lost, so the client is
     * gone. */
    grpc_call_unref(call->grpc);
    call_unheld(call);
    if (--pool->n_calls == 0)
        pool->emptied(pool->arg);
}

static void call_pump(struct call *call)
{
    if (call->in_callback)
        return;
    if (!call->lost && may_start_status(call))
        start_status(call);
    else if (!call->lost && call->state < CALL_STATUS)
        start_traffic(call);
    if (call->n_flying == 0)
        call_over(call);
}

/* ---- events of gRPC -------------------------------------------------------------------------- */

static void release_received(void *owner)
{
    struct received *received = owner;
    struct call *call = received->call;
    bool over = call->state == CALL_OVER;
    call->n_held_bytes -= grpc_byte_buffer_length(received->buffer);
    grpc_byte_buffer_destroy(received->buffer);
    free(received);
    call_unheld(call);
    if (!over)
        call_pump(call);
}

/* Views of the buffer's slices. NULL: out of memory. */
static const struct extproc_str *make_pieces(struct call_pool *pool, grpc_slice_buffer *slices)
{
    if (slices->count > pool->n_pieces) {
        size_t n = 2 * slices->count + 16;
        struct extproc_str *pieces = reallocarray(pool->pieces, n, sizeof *pieces);
        if (!pieces)
            return NULL;
        pool->pieces = pieces;
        pool->n_pieces = n;
    }
    for (size_t i = 0; i < slices->count; i++) {
        grpc_slice *slice = &slices->slices[i];
        pool->pieces[i] = (struct extproc_str){(const char *)GRPC_SLICE_START_PTR(*slice),
                                               GRPC_SLICE_LENGTH(*slice)};
    }
    return pool->pieces;
}

static void deliver(struct call *call, grpc_byte_buffer *buffer)
{
    grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    const struct extproc_str *pieces = make_pieces(call->pool, slices);
    struct received *received = malloc(sizeof *received);
    if (!received || (!pieces && slices->count)) {
        free(received);
        grpc_byte_buffer_destroy(buffer);
        call_finish(&call->base, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
        return;
    }
    *received = (struct received){call, buffer};
    struct message message = {pieces, slices->count, received, release_received};
    call->n_held_bytes += grpc_byte_buffer_length(buffer);
    call->n_held++;
    call->owed++;
    call->in_callback = true;
    call->handler->message(call->stream, &message);
    call->in_callback = false;
}

/* A buffer of NULL ends the client's messages. */
static void hand_over(struct call *call, grpc_byte_buffer *buffer)
{
    if (buffer) {
        deliver(call, buffer);
        return;
    }
    call->in_callback = true;
    call->handler->half_close(call->stream);
    call->in_callback = false;
}

/* A read has ended. */
static void take_read(struct call *call, grpc_byte_buffer *buffer, bool ok)
{
    bool lost = !buffer && (!ok || grpc_call_failed_before_recv_message(call->grpc));
    call->lost |= lost;
    if (lost)
        return;
    if (!ok || call->state != CALL_OPEN) {
        if (buffer)
            grpc_byte_buffer_destroy(buffer);
        return;
    }
    call->half_closed = !buffer;
    if (call->held) {
        call->waits = true;
        call->waiting = buffer;
    } else {
        hand_over(call, buffer);
    }
}

/* What has waited may be handed over. */
static void turn_comes(void *arg)
{
    struct call *call = arg;
    grpc_byte_buffer *buffer = call->waiting;
    if (call->held)
        return;
    if (call->state != CALL_OPEN) {
        drop_waiting(call);
    } else {
        call->waits = false;
        call->waiting = NULL;
        hand_over(call, buffer);
    }
    call_pump(call);
}

/* A write is done. */
static void take_written(struct call *call)
{
    call->writing = false;
    call->n_unsent -= call->n_writing;
    call->n_writing = 0;
    if (!call->refused || call->n_unsent > TRANSPORT_ROOM / 2 || call->state != CALL_OPEN ||
        call->lost)
        return;
    call->refused = false;
    if (!call->handler->room)
        return;
    call->in_callback = true;
    call->handler->room(call->stream);
    call->in_callback = false;
}

static void read_done(void *owner, bool ok)
{
    struct call *call = owner;
    grpc_byte_buffer *buffer = call->received;
    call->received = NULL;
    call->n_flying--;
    call->reading = false;
    if (call->joined) {
        call->joined = false;
        take_written(call);
    }
    take_read(call, buffer, ok);
    call_pump(call);
}

static void write_done(void *owner, bool ok)
{
    struct call *call = owner;
    call->n_flying--;
    call->lost |= !ok;
    take_written(call);
    call_pump(call);
}

static void watch_done(void *owner, bool ok)
{
    struct call *call = owner;
    call->n_flying--;
    call->lost |= call->cancelled;
    call_pump(call);
}

static void status_done(void *owner, bool ok)
{
    struct call *call = owner;
    call->n_flying--;
    call_pump(call);
}

/* ---- beginnings ------------------------------------------------------------------------------ */

/* NULL: out of memory, and the call is cancelled. */
static struct call *call_new(struct call_pool *pool, grpc_call *grpc, bool tcp)
{
    struct call *call = pool->idle;
    if (call) {
        pool->idle = call->next_idle;
        pool->n_idle--;
    } else {
        call = malloc(sizeof *call);
    }
    if (!call) {
        grpc_call_cancel_with_status(grpc, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory", NULL);
        grpc_call_unref(grpc);
        return NULL;
    }
    *call = (struct call){
        .base = {pool->ops},
        .pool = pool,
        .grpc = grpc,
        .read_tag = {read_done, call},
        .write_tag = {write_done, call},
        .watch_tag = {watch_done, call},
        .status_tag = {status_done, call},
        .turn = {.fn = turn_comes, .arg = call},
        .status_text = grpc_empty_slice(),
    };
    int fd = peer_name(grpc, call->peer);
    call->base.peer = call->peer;
    call->fd = tcp ? fd : -1;
    outgoing_init(&call->queue);
    pool->n_calls++;
    return call;
}

void call_begin(struct call_pool *pool, const struct call_start *start)
{
    struct call *call = call_new(pool, start->grpc, start->tcp);
    if (!call) {
        metadata_free(start->metadata);
        if (start->first)
            grpc_byte_buffer_destroy(start->first);
        return;
    }
    call->metadata = start->metadata;
    call->in_callback = true;
    call->stream = start->handler->open(start->arg, &call->base);
    call->in_callback = false;
    if (call->stream)
        call->handler = start->handler;
    else
        call_finish(&call->base, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
    take_read(call, start->first, true);
    call_pump(call);
}

void call_refuse(struct call_pool *pool, grpc_call *grpc, bool tcp, enum status status,
                 struct extproc_str message)
{
    struct call *call = call_new(pool, grpc, tcp);
    if (call)
        call_finish(&call->base, status, message);
}

void call_pool_fini(struct call_pool *pool)
{
    while (pool->idle) {
        struct call *call = pool->idle;
        pool->idle = call->next_idle;
        free(call);
    }
    free(pool->pieces);
}

/* ---- what the handler says ------------------------------------------------------------------- */

struct extproc_str call_metadata(const struct transport_call *base, const char *name)
{
    return metadata_find(((const struct call *)base)->metadata, name);
}

size_t call_max_answer(const struct transport_call *base)
{
    return 0;
}

uint8_t *call_reserve(struct transport_call *base, size_t len)
{
    struct call *call = (struct call *)base;
    outgoing_free(call->reserved);
    uint8_t *bytes = NULL;
    call->reserved = outgoing_new(len, &bytes);
    return bytes;
}

void call_send(struct transport_call *base)
{
    struct call *call = (struct call *)base;
    if (!call->reserved || call->state != CALL_OPEN)
        return;
    call->n_unsent += call->reserved->len;
    outgoing_push(&call->queue, call->reserved);
    call->reserved = NULL;
    call->owed -= call->owed > 0; /* one that is extra answers nothing */
    call_pump(call);
}

void call_unprompted(struct transport_call *base)
{
    struct call *call = (struct call *)base;
    call->unprompted = true;
}

void call_hold(struct transport_call *base)
{
    struct call *call = (struct call *)base;
    call->held = true;
    call_pump(call);
}

void call_resume(struct transport_call *base)
{
    struct call *call = (struct call *)base;
    if (!call->held)
        return;
    call->held = false;
    if (call->waits && loop_set(call->pool->completions->loop, &call->turn, 0))
        call_finish(base, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
    else
        call_pump(call);
}

bool call_has_room(struct transport_call *base)
{
    struct call *call = (struct call *)base;
    if (call->state != CALL_OPEN)
        return false;
    call->refused |= call->n_unsent > TRANSPORT_ROOM;
    return !call->refused;
}

void call_finish(struct transport_call *base, enum status status, struct extproc_str message)
{
    struct call *call = (struct call *)base;
    if (call->state != CALL_OPEN)
        return;
    become(call, CALL_FINISHING);
    call->status = status;
    if (message.len)
        call->status_text = grpc_slice_from_copied_buffer(message.ptr, message.len);
    call_pump(call);
}
