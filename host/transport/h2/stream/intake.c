/* intake: what a client sends in a call, on its way to the handler.
 *
 * A message is handed over as soon as it is complete, and is the handler's until the handler
 * releases it. If the client compresses, a message may have to wait until others are released (see
 * unpack), and if the handler holds the call, until it resumes. Then neither a message nor a
 * half-close overtakes it, and the loop delivers it, by a timer that is due immediately: a handler
 * that releases a message, or resumes, does not expect the next one during that call.
 *
 * A kilobyte can become a megabyte, which takes time. So at most ROUND_ZIPPED bytes are unpacked or
 * packed in one round of the loop; the calls that come after wait for a later round, in their
 * order.
 */
#include "transport/h2/stream/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUND_ZIPPED = 1024 * 1024 };

/* ---- refusals -------------------------------------------------------------------------------- */

static void refuse_memory(struct h2_call *call)
{
    h2_call_refuse(call, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

/* `size`: what is known of it. */
static void refuse_size(struct h2_call *call, const char *size)
{
    char text[96];
    h2_call_exceeds(call, LIMIT_MESSAGE, size);
    int len = snprintf(text, sizeof text, "Received message larger than max (%s vs. %zu)", size,
                       call->streams->listener->limits.max_message);
    h2_call_refuse(call, STATUS_RESOURCE_EXHAUSTED, (struct extproc_str){text, (size_t)len});
}

static void refuse_malformed(struct h2_call *call, const char *why)
{
    char text[96];
    int len = snprintf(text, sizeof text, "malformed compressed message: %s", why);
    h2_call_refuse(call, STATUS_INTERNAL, (struct extproc_str){text, (size_t)len});
}

/* Framing comes to anything but a message. */
static void fail_frame(struct h2_call *call, int event)
{
    char size[16];
    switch (event) {
    case MESSAGES_TOO_LARGE:
        snprintf(size, sizeof size, "%u", messages_len(&call->messages));
        refuse_size(call, size);
        break;
    case MESSAGES_COMPRESSED:
        if (call->encoded)
            h2_call_refuse(call, STATUS_UNIMPLEMENTED,
                           EXTPROC_S("unsupported grpc-encoding: expected identity or gzip"));
        else
            h2_call_refuse(call, STATUS_INTERNAL,
                           EXTPROC_S("compressed message without grpc-encoding"));
        break;
    case MESSAGES_MALFORMED:
        h2_call_refuse(call, STATUS_INTERNAL, EXTPROC_S("malformed message prefix"));
        break;
    default:
        refuse_memory(call);
    }
}

/* And so does unpacking. */
static void fail_unpack(struct h2_call *call, int event)
{
    char size[32];
    switch (event) {
    case GZIP_TOO_LARGE:
        snprintf(size, sizeof size, "more than %zu", call->streams->listener->limits.max_message);
        refuse_size(call, size);
        break;
    case GZIP_MALFORMED:
        refuse_malformed(call, call->commons->gzip.why);
        break;
    default:
        refuse_memory(call);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

/* What waits comes from the loop. */
static void intake_later(struct h2_call *call)
{
    struct backlog *b = call->backlog;
    if (b->later)
        return;
    if (loop_set(call->commons->loop, &b->timer, 0)) {
        refuse_memory(call);
        return;
    }
    b->later = true;
    call->commons->n_later++;
}

static void intake_not_later(struct h2_call *call)
{
    call->commons->n_later -= call->backlog->later;
    call->backlog->later = false;
}

static void make_room(struct h2_call *call, const struct message_buffer *message)
{
    unpack_back(&call->backlog->unpack, message);
    if (!h2_call_is_finished(call) && h2_call_waits(call) && !h2_call_is_held(call))
        intake_later(call);
}

static void release_message(void *owner)
{
    struct message_buffer *message = owner;
    struct h2_call *call = message->owner;
    if (call->backlog)
        make_room(call, message);
    h2_call_drop(call, message->size);
    message_free(&call->commons->pool, message);
    h2_call_unheld(call);
}

/* A message has come. The first makes a call one that its connection is busy with: silent ones must
 * not keep others out. */
static void note_message(struct h2_call *call)
{
    struct streams *s = call->streams;
    call->n_silent = 0;
    s->owner->heard(s);
    if (call->heard)
        return;
    call->heard = true;
    s->n_heard++;
    if (s->n_talking++ == 0)
        s->owner->busy(s);
}

static void deliver(struct h2_call *call, struct message_buffer *received)
{
    const struct extproc_str piece = {received->bytes, received->len};
    const struct message message = {&piece, 1, received, release_message};
    received->owner = call;
    h2_call_keep_message(call);
    call->handler->message(call->stream, &message);
}

/* Delivers as many of the waiting messages as there is room for, and then the half-close. */
static void deliver_waiting(struct h2_call *call)
{
    struct backlog *b = call->backlog;
    struct stream_commons *commons = call->commons;
    while (!h2_call_is_finished(call) && !b->held) {
        struct message_buffer *message = NULL;
        if (h2_call_waits(call) && commons->n_zipped >= ROUND_ZIPPED) {
            intake_later(call);
            break;
        }
        size_t max = call->streams->listener->limits.max_message;
        size_t waited = unpack_waits(&b->unpack) ? b->unpack.first->size : 0;
        int event = unpack_next(&b->unpack, &commons->gzip, &commons->pool, max, &message);
        if (event == UNPACK_WAIT)
            break;
        if (event == UNPACK_MESSAGE) {
            h2_call_drop(call, waited);
            h2_call_hold(call, message->size);
            commons->n_zipped += message->len;
            deliver(call, message);
        } else {
            fail_unpack(call, event);
        }
    }
    if (!b->half_closed || b->held || h2_call_is_finished(call) || h2_call_waits(call))
        return;
    b->half_closed = false;
    call->handler->half_close(call->stream);
}

static void turn_comes(void *arg)
{
    struct h2_call *call = arg;
    intake_not_later(call);
    deliver_waiting(call);
}

static void take_message(struct h2_call *call, struct message_buffer *message)
{
    struct backlog *b = call->backlog;
    note_message(call);
    if (!b) {
        deliver(call, message);
        return;
    }
    message->packed = messages_packed(&call->messages);
    unpack_put(&b->unpack, message);
    if (call->commons->n_later && !b->held)
        intake_later(call);
    else
        deliver_waiting(call);
}

void intake_data(struct h2_call *call, const uint8_t *bytes, size_t len)
{
    size_t arrived = len;
    if (call->heard) /* before that, dripping counts as silence */
        call->n_silent = 0;
    while (len && !h2_call_is_finished(call)) {
        struct message_buffer *message = NULL;
        size_t max = call->streams->listener->limits.max_message;
        size_t before = messages_held(&call->messages);
        int event =
            messages_feed(&call->messages, &call->commons->pool, max, &bytes, &len, &message);
        h2_call_hold(call, messages_held(&call->messages) + (message ? message->size : 0) - before);
        if (event == MESSAGES_COMPLETE)
            take_message(call, message);
        else if (event != MESSAGES_MORE)
            fail_frame(call, event);
    }
    h2_call_arrived(call, arrived);
}

void intake_half_close(struct h2_call *call)
{
    if (h2_call_is_finished(call))
        return;
    if (messages_at_rest(&call->messages) && (h2_call_waits(call) || h2_call_is_held(call)))
        call->backlog->half_closed = true;
    else if (messages_at_rest(&call->messages))
        call->handler->half_close(call->stream);
    else
        h2_call_refuse(call, STATUS_INTERNAL, EXTPROC_S("the stream ended inside a message"));
}

void intake_look(struct h2_call *call, unsigned patience)
{
    /* Where it may not send, it is not the client that we wait for. */
    bool open = !call->n_unread && !(call->heard && messages_at_rest(&call->messages));
    call->n_silent = open && !h2_call_is_finished(call) ? call->n_silent + 1 : 0;
    if (call->n_silent <= patience)
        return;
    h2_call_exceeds(call, call->heard ? LIMIT_MESSAGE_REST : LIMIT_FIRST_MESSAGE, NULL);
    h2_call_abort(call, STATUS_DEADLINE_EXCEEDED,
                  EXTPROC_S("no complete message within first_message_timeout"));
}

/* ---- life ------------------------------------------------------------------------------------ */

/* 0 or -ENOMEM. */
static int backlog_new(struct h2_call *call)
{
    struct backlog *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    unpack_init(&b->unpack);
    b->unpack.n_bytes =
        call->n_in - messages_held(&call->messages); /* the handler has them by now */
    b->timer.fn = turn_comes;
    b->timer.arg = call;
    call->backlog = b;
    return 0;
}

int intake_init(struct h2_call *call, const struct head *head)
{
    call->encoded = head->encoding != HEAD_IDENTITY;
    if (head->encoding != HEAD_GZIP)
        return 0;
    call->messages.may_pack = true;
    call->packs = !head->refuses_gzip;
    return backlog_new(call);
}

void intake_fini(struct h2_call *call)
{
    struct stream_commons *commons = call->commons;
    struct backlog *b = call->backlog;
    /* All but what the handler has. */
    h2_call_drop(call, b ? call->n_in - b->unpack.n_bytes : messages_held(&call->messages));
    messages_fini(&call->messages, &commons->pool);
    if (!b)
        return;
    loop_cancel(commons->loop, &b->timer);
    intake_not_later(call);
    unpack_fini(&b->unpack, &commons->pool);
    free(b);
    call->backlog = NULL;
}

/* ---- what the handler says ------------------------------------------------------------------- */

void intake_hold(struct transport_call *base)
{
    struct h2_call *call = (struct h2_call *)base;
    if (h2_call_is_finished(call))
        return;
    if (call->backlog || backlog_new(call) == 0)
        call->backlog->held = true;
    else
        refuse_memory(call);
}

void intake_resume(struct transport_call *base)
{
    struct h2_call *call = (struct h2_call *)base;
    struct backlog *b = call->backlog;
    if (!h2_call_is_held(call))
        return;
    b->held = false;
    if (h2_call_is_finished(call))
        return;
    if (h2_call_waits(call) || b->half_closed)
        intake_later(call);
    h2_call_consume(call);
}
