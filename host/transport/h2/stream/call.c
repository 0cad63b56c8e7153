/* call: one call of a client, from its head until nothing of it is left.
 *
 * Its stream ends when both sides have ended it, or one has reset it. The handler's closed() is
 * called then, and the call's memory is freed when the handler has also released all its messages.
 *
 * A client may send as much in a stream as its window allows, and more only as the handler takes
 * it: the bytes of a message count as taken when no message before it is still held or waits to be
 * handed over, and at most TRANSPORT_ROOM bytes of answers wait to be sent. So the bytes of the
 * first message always count as taken, however large it is, unless the handler holds the stream;
 * otherwise its end could never come.
 *
 *     OPEN ──first answer──► ANSWERING ──finish──► ENDING: the status waits for the answers
 *      │ finish: the head is the status                │ │
 *      ▼                                               │ └─ end by force, and the client would not read it
 *     TRAILERS_ONLY ──────END_STREAM is with the socket┼──► ENDED            RESET: RST_STREAM
 *
 *     from all of them: the stream is gone ──► CLOSED, until the handler has released all messages
 *
 * Who ends it, what the client gets, and what closed() gets:
 *     the handler      its status, after what was sent; FINISHED
 *     a rule           a status of ours, after what was sent; RESET
 *     time, memory,    a status of ours, and unsent answers are dropped; if the client would not
 *     or a stop        read that, RST_STREAM; RESET or STOPPED
 *     the client       RESET; LOST where it is the connection's end
 */

#include "transport/h2/stream/call.h"

#include "base/rows.h"
#include "transport/h2/framing/head.h"
#include "transport/h2/http2/answer.h"
#include "transport/h2/stream/backpressure.h"
#include "transport/metadata.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    IDLE_MAX = 1024,
    /* To begin with deflate costs 10 us, more than all else of a stream, and an answer that is
     * shorter is one packet anyway. */
    PACK_MIN = 1024
};

/* ---- states ---------------------------------------------------------------------------------- */

#define STATE(state) (1u << CALL_##state)
static const unsigned may_follow[N_CALL_STATES] = {
    [CALL_OPEN] = STATE(ANSWERING) | STATE(TRAILERS_ONLY) | STATE(CLOSED),
    [CALL_ANSWERING] = STATE(ENDING) | STATE(RESET) | STATE(CLOSED),
    [CALL_ENDING] = STATE(RESET) | STATE(ENDED) | STATE(CLOSED),
    [CALL_TRAILERS_ONLY] = STATE(ENDED) | STATE(CLOSED),
    [CALL_RESET] = STATE(CLOSED),
    [CALL_ENDED] = STATE(CLOSED),
    [CALL_CLOSED] = 0,
};
ROWS(may_follow, N_CALL_STATES, 7);
#undef STATE

static void become(struct h2_call *call, enum h2_call_state state)
{
    assert(may_follow[call->state] & 1u << state);
    if (call->state == CALL_ENDING)
        call->streams->n_ending--;
    if (state == CALL_ENDING)
        call->streams->n_ending++;
    call->state = state;
}

static void touch(const struct h2_call *call)
{
    call->streams->owner->touched(call->streams);
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct h2_call *h2_call_new(struct streams *s, int32_t id)
{
    struct stream_commons *commons = s->commons;
    struct h2_call *call = commons->idle;
    if (call) {
        commons->idle = call->next_idle;
        commons->n_idle--;
    } else {
        call = malloc(sizeof *call);
    }
    if (!call)
        return NULL;
    commons->n_calls++;
    *call = (struct h2_call){.base = {commons->ops, s->peer},
                             .commons = commons,
                             .streams = s,
                             .id = id,
                             .next = s->calls};
    call->queue_end = &call->queue;
    call->link = &s->calls;
    if (call->next)
        call->next->link = &call->next;
    s->calls = call;
    s->n_calls++;
    http2_set_stream(&s->http2, id, call);
    return call;
}

static void call_put(struct h2_call *call)
{
    struct stream_commons *commons = call->commons;
    commons->n_calls--;
    if (commons->n_idle == IDLE_MAX) {
        free(call);
        return;
    }
    call->next_idle = commons->idle;
    commons->idle = call;
    commons->n_idle++;
}

void h2_calls_drop_idle(struct stream_commons *commons)
{
    while (commons->idle) {
        struct h2_call *call = commons->idle;
        commons->idle = call->next_idle;
        free(call);
    }
    commons->n_idle = 0;
}

void h2_calls_fini(struct stream_commons *commons)
{
    h2_calls_drop_idle(commons);
    message_pool_fini(&commons->pool);
    gzip_fini(&commons->gzip);
}

/* ---- the queue of messages to send ----------------------------------------------------------- */

/* `len` bytes of the queue no longer wait. */
static void call_sent(struct h2_call *call, size_t len)
{
    call->n_queued -= len;
    call->streams->n_queued -= len;
    call->commons->n_held -= len;
    if (call->streams->refused)
        backpressure_eases(call->streams);
}

static struct outgoing *queue_pop(struct h2_call *call)
{
    struct outgoing *out = call->queue;
    call->queue = out->next;
    if (!call->queue)
        call->queue_end = &call->queue;
    return out;
}

/* All of it, but the bytes that a frame under way was promised. */
static void queue_drop(struct h2_call *call)
{
    size_t kept = call->n_promised ? call->n_sent + call->n_promised : 0;
    struct outgoing **end = &call->queue;
    call_sent(call, call->n_queued - call->n_promised);
    for (; kept; end = &(*end)->next) {
        if ((*end)->len > kept)
            (*end)->len = kept;
        kept -= (*end)->len;
    }
    struct outgoing *rest = *end;
    *end = NULL;
    call->queue_end = end;
    while (rest) {
        struct outgoing *out = rest;
        rest = out->next;
        gather_spend(&call->commons->gather, out);
    }
    if (!call->queue)
        call->n_sent = 0;
}

/* ---- bytes that count ------------------------------------------------------------------------ */

void h2_call_hold(struct h2_call *call, size_t len)
{
    call->n_in += len;
    call->streams->n_in += len;
    stream_commons_hold(call->commons, len);
}

void h2_call_drop(struct h2_call *call, size_t len)
{
    if (call->shed)
        return;
    call->n_in -= len;
    call->commons->n_held -= len;
    if (call->streams)
        call->streams->n_in -= len;
}

/* ---- flow ------------------------------------------------------------------------------------ */

void h2_call_consume(struct h2_call *call)
{
    bool waits = call->n_held > 0 || call->n_queued > TRANSPORT_ROOM || h2_call_waits(call) ||
                 h2_call_is_held(call);
    if (!call->n_unread || (waits && !h2_call_is_finished(call)))
        return;
    size_t len = call->n_unread;
    call->n_unread = 0;
    http2_consume(&call->streams->http2, call->id, len);
    touch(call);
}

void h2_call_arrived(struct h2_call *call, size_t len)
{
    call->n_unread += len;
    h2_call_consume(call);
}

/* ---- what HTTP/2 asks for -------------------------------------------------------------------- */

size_t h2_call_ready(void *stream, size_t most, bool *ret_last)
{
    struct h2_call *call = stream;
    size_t n = call->n_queued < most ? call->n_queued : most;
    *ret_last = n == call->n_queued && h2_call_is_finished(call);
    call->n_promised = n;
    return n;
}

static struct answer_status status_of(const struct h2_call *call)
{
    return (struct answer_status){call->status, call->status_text, call->status_text_len};
}

void h2_call_trailers(void *stream)
{
    struct h2_call *call = stream;
    struct answer_status status = status_of(call);
    answer_trailers(&call->streams->http2, call->id, &status);
}

void h2_call_take(void *stream, size_t len)
{
    struct h2_call *call = stream;
    struct gather *g = &call->commons->gather;
    call_sent(call, len);
    call->n_promised = 0;
    call->moved_ms = call->commons->loop->now_ms;
    while (len) {
        struct outgoing *out = call->queue;
        size_t n = out->len - call->n_sent;
        n = n < len ? n : len;
        gather_lend(g, out->bytes + call->n_sent, n);
        call->n_sent += n;
        len -= n;
        if (call->n_sent == out->len) {
            gather_spend(g, queue_pop(call));
            call->n_sent = 0;
        }
    }
    h2_call_consume(call);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void set_status(struct h2_call *call, enum status status, struct extproc_str why)
{
    char text[3 * HEAD_STATUS_TEXT];
    size_t len = head_escape(why, text);
    call->status = status;
    call->status_text = len ? malloc(len) : NULL;
    if (!call->status_text)
        return;
    memcpy(call->status_text, text, len);
    call->status_text_len = len;
}

/* A status comes after a frame of DATA, empty or not: so it waits for the windows as answers do. */
static void call_resume_end(struct h2_call *call)
{
    become(call, CALL_ENDING);
    if (!call->n_queued)
        call->moved_ms = call->commons->loop->now_ms;
    answer_resume(&call->streams->http2, call->id);
    touch(call);
}

/* Ends it after what was sent. */
static void call_end(struct h2_call *call, enum status status, struct extproc_str why)
{
    if (h2_call_is_finished(call))
        return;
    set_status(call, status, why);
    if (call->state == CALL_ANSWERING) {
        call_resume_end(call);
    } else {
        struct answer_status full = status_of(call);
        become(call, CALL_TRAILERS_ONLY);
        answer_status(&call->streams->http2, call->id, &full);
        touch(call);
    }
    h2_call_consume(call);
}

void h2_call_exceeds(const struct h2_call *call, enum limit which, const char *amount)
{
    const struct streams *s = call->streams;
    struct limit_place place = {
        .listener = s->listener, .peer = s->peer, .stream = (uint32_t)call->id};
    if (call->handler && call->handler->transaction)
        place.transaction = call->handler->transaction(call->stream);
    limits_exceeded(&s->commons->limits, which, &place, amount);
}

void h2_call_refuse(struct h2_call *call, enum status status, struct extproc_str why)
{
    call->aborted = true;
    call_end(call, status, why);
}

void h2_call_abort(struct h2_call *call, enum status status, struct extproc_str why)
{
    if (call->state > CALL_ENDING)
        return;
    call->aborted |= call->state != CALL_ENDING || call->n_queued;
    /* A status after only a part of the answers would be wrong, even the handler's own. */
    bool torn = call->n_sent || call->n_promised || (call->state == CALL_ENDING && call->n_queued);
    bool reset =
        call->state != CALL_OPEN && (torn || !http2_can_send(&call->streams->http2, call->id));
    queue_drop(call);
    if (reset) {
        call->aborted = true;
        become(call, CALL_RESET);
        answer_reset(&call->streams->http2, call->id, status);
        touch(call);
    } else {
        call_end(call, status, why);
    }
}

void h2_call_ended(struct h2_call *call)
{
    if (call->state == CALL_ENDING || call->state == CALL_TRAILERS_ONLY)
        become(call, CALL_ENDED); /* but not if a RST_STREAM follows the trailers */
}

void h2_call_gone(struct h2_call *call)
{
    become(call, CALL_CLOSED);
    call->n_promised = 0;
    queue_drop(call);
    backpressure_leave(call);
    free(call->reserved);
    free(call->status_text);
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->streams->n_calls--;
    call->streams->n_in -= call->n_in;
    call->streams = NULL;
}

void h2_call_unheld(struct h2_call *call)
{
    if (--call->n_held > 0)
        return;
    if (call->state == CALL_CLOSED)
        call_put(call);
    else
        h2_call_consume(call);
}

bool h2_call_is_stalled(const struct h2_call *call)
{
    bool waits = call->n_queued || call->state == CALL_ENDING;
    return waits && !http2_can_send(&call->streams->http2, call->id) &&
           call->commons->loop->now_ms - call->moved_ms >= call->streams->listener->limits.write_ms;
}

bool h2_call_is_owed(const struct h2_call *call)
{
    if (h2_call_is_finished(call))
        return false;
    return !call->heard || (call->owed > 0 && call->n_held > 0);
}

/* ---- what the handler says ------------------------------------------------------------------- */

struct extproc_str h2_call_metadata(const struct transport_call *base, const char *name)
{
    return metadata_find(((const struct h2_call *)base)->metadata, name);
}

size_t h2_call_max_answer(const struct transport_call *base)
{
    const struct h2_call *call = (const struct h2_call *)base;
    return call->streams->listener->limits.max_queued;
}

uint8_t *h2_call_reserve(struct transport_call *base, size_t len)
{
    struct h2_call *call = (struct h2_call *)base;
    free(call->reserved);
    call->reserved = NULL;
    if (len > UINT32_MAX)
        return NULL;
    struct outgoing *out = malloc(sizeof *out + MESSAGE_PREFIX + len);
    if (!out)
        return NULL;
    out->len = MESSAGE_PREFIX + len;
    messages_put_prefix(out->bytes, (uint32_t)len);
    call->reserved = out;
    return out->bytes + MESSAGE_PREFIX;
}

/* The message, or the same one compressed where that is shorter. */
static struct outgoing *pack(struct h2_call *call, struct outgoing *out)
{
    struct outgoing *packed = malloc(sizeof *packed + out->len);
    if (!packed)
        return out;
    call->commons->n_zipped += out->len;
    size_t len = gzip_pack(&call->commons->gzip, out->bytes + MESSAGE_PREFIX,
                           (uint32_t)(out->len - MESSAGE_PREFIX), packed->bytes + MESSAGE_PREFIX);
    if (!len) {
        free(packed);
        return out;
    }
    free(out);
    packed->len = MESSAGE_PREFIX + len;
    messages_put_prefix(packed->bytes, (uint32_t)len);
    packed->bytes[0] = MESSAGE_PACKED;
    struct outgoing *fitting = realloc(packed, sizeof *packed + packed->len);
    return fitting ? fitting : packed;
}

static enum answer_head head_of(const struct h2_call *call)
{
    if (call->packs)
        return ANSWER_PACKS_GZIP;
    return call->encoded ? ANSWER_TAKES_GZIP : ANSWER_PLAIN;
}

void h2_call_send(struct transport_call *base)
{
    struct h2_call *call = (struct h2_call *)base;
    struct outgoing *out = call->reserved;
    if (!out || h2_call_is_finished(call))
        return;
    struct streams *s = call->streams;
    call->reserved = NULL;
    if (call->packs && out->len >= MESSAGE_PREFIX + PACK_MIN)
        out = pack(call, out);
    out->next = NULL;
    if (!call->n_queued)
        call->moved_ms = call->commons->loop->now_ms;
    *call->queue_end = out;
    call->queue_end = &out->next;
    call->n_queued += out->len;
    s->n_queued += out->len;
    stream_commons_hold(call->commons, out->len);
    call->owed--;
    if (call->state == CALL_ANSWERING) {
        answer_resume(&s->http2, call->id);
    } else {
        become(call, CALL_ANSWERING);
        answer_begin(&s->http2, call->id, head_of(call), call);
    }
    touch(call);
    s->owner->queued(s);
}

void h2_call_unprompted(struct transport_call *base)
{
    /* Answers go out as they come: there is nothing to hold back. */
}

void h2_call_finish(struct transport_call *base, enum status status, struct extproc_str message)
{
    call_end((struct h2_call *)base, status, message);
}
