/* call: one call of a client, from its head until nothing of it is left.
 *
 * Its stream ends where both sides have ended it, or one has reset it. The service is told `closed`
 * then, and the call's memory goes when it has given back all its messages as well.
 *
 * A client may send as much in a stream as its window is wide, and more only as the service takes: the
 * bytes of a message count as taken when no message before it is held any more or waits to be unpacked, and no more
 * answers wait to be sent than UNSENT_MAX. So the bytes of the first message always are, however large it
 * is; else its end could never come.
 *
 *     OPEN ──first answer──► ANSWERING ──finish──► ENDING: the status waits behind answers
 *      │ finish: the head is the status                │ │
 *      ▼                                               │ └─ end by force, and the client would not read it
 *     TRAILERS_ONLY ──────END_STREAM is with the socket┼──► ENDED            RESET: RST_STREAM
 *
 *     from all of them: the stream is gone ──► CLOSED, until the service has given back all messages
 *
 * Who ends it, and how it is told:
 *     the service      its status, behind what was sent; FINISHED
 *     a rule           a status of ours, behind what was sent; RESET
 *     time, memory,    a status of ours, and what was to be sent is dropped; where the client would not
 *     or a stop        read that, RST_STREAM; RESET or STOPPED
 *     the client       RESET; LOST where it is the connection's end
 */
#include "transport/h2/stream/call.h"

#include "transport/h2/conn/shed.h"
#include "transport/h2/h2.h"
#include "transport/h2/http2.h"
#include "transport/h2/stream/answer.h"
#include "transport/h2/stream/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    IDLE_MAX = 1024,
    UNSENT_MAX = 1024 * 1024,
    /* To begin with deflate costs 10 us, more than all else of a stream, and an answer that is shorter
     * is one packet anyway. */
    PACK_MIN = 1024
};

/* ---- states ------------------------------------------------------------------------------------- */

#define STATE(state) (1u << CALL_##state)
static const unsigned may_follow[] = {
    [CALL_OPEN] = STATE(ANSWERING) | STATE(TRAILERS_ONLY) | STATE(CLOSED),
    [CALL_ANSWERING] = STATE(ENDING) | STATE(RESET) | STATE(CLOSED),
    [CALL_ENDING] = STATE(RESET) | STATE(ENDED) | STATE(CLOSED),
    [CALL_TRAILERS_ONLY] = STATE(ENDED) | STATE(CLOSED),
    [CALL_RESET] = STATE(CLOSED),
    [CALL_ENDED] = STATE(CLOSED),
    [CALL_CLOSED] = 0,
};
#undef STATE

static void become(struct h2_call *call, enum h2_call_state state)
{
    assert(may_follow[call->state] & 1u << state);
    if (call->state == CALL_ENDING)
        call->conn->n_ending--;
    if (state == CALL_ENDING)
        call->conn->n_ending++;
    call->state = state;
}

/* ---- memory ------------------------------------------------------------------------------------- */

/* NULL: out of memory. */
static struct h2_call *call_new(struct conn *c, int32_t id)
{
    struct hub *hub = c->hub;
    struct h2_call *call = hub->idle;
    if (call) {
        hub->idle = call->next_idle;
        hub->n_idle--;
    } else {
        call = malloc(sizeof *call);
    }
    if (!call)
        return NULL;
    hub->n_calls++;
    *call = (struct h2_call){
        .base = {&transport_h2, c->peer}, .hub = hub, .conn = c, .id = id, .next = c->calls};
    call->queue_end = &call->queue;
    call->link = &c->calls;
    if (call->next)
        call->next->link = &call->next;
    c->calls = call;
    c->n_calls++;
    conn_await_rest(c);
    return call;
}

static void call_put(struct h2_call *call)
{
    struct hub *hub = call->hub;
    hub->n_calls--;
    if (hub->n_idle == IDLE_MAX) {
        free(call);
        return;
    }
    call->next_idle = hub->idle;
    hub->idle = call;
    hub->n_idle++;
}

void h2_calls_drop_idle(struct hub *hub)
{
    while (hub->idle) {
        struct h2_call *call = hub->idle;
        hub->idle = call->next_idle;
        free(call);
    }
    hub->n_idle = 0;
}

void h2_calls_fini(struct hub *hub)
{
    h2_calls_drop_idle(hub);
    frame_pool_fini(&hub->frames);
    gzip_fini(&hub->gzip);
}

/* ---- the queue of messages to send -------------------------------------------------------------- */

/* So many bytes of the queue wait no longer. */
static void call_sent(struct h2_call *call, size_t len)
{
    call->n_queued -= len;
    call->conn->n_queued -= len;
    call->hub->n_held -= len;
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
        gather_spend(&call->hub->gather, out);
    }
    if (!call->queue)
        call->n_sent = 0;
}

/* ---- bytes that count --------------------------------------------------------------------------- */

void h2_call_hold(struct h2_call *call, size_t len)
{
    call->n_in += len;
    call->conn->n_in += len;
    hub_hold(call->hub, len);
}

void h2_call_drop(struct h2_call *call, size_t len)
{
    if (call->shed)
        return;
    call->n_in -= len;
    call->hub->n_held -= len;
    if (call->conn)
        call->conn->n_in -= len;
}

/* ---- flow --------------------------------------------------------------------------------------- */

void h2_call_consume(struct h2_call *call)
{
    bool waits =
        call->n_held > 0 || call->n_queued > UNSENT_MAX || (call->packed && intake_waits(call));
    if (!call->n_unread || (waits && !h2_call_is_finished(call)))
        return;
    size_t len = call->n_unread;
    call->n_unread = 0;
    http2_consume(call, len);
}

void h2_call_take(struct h2_call *call, size_t len)
{
    struct gather *g = &call->hub->gather;
    call_sent(call, len);
    call->n_promised = 0;
    call->moved_ms = call->hub->loop->now_ms;
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

/* ---- ends --------------------------------------------------------------------------------------- */

static void set_status(struct h2_call *call, int status, struct extproc_str why)
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
        call->moved_ms = call->hub->loop->now_ms;
    answer_resume(call);
}

/* Ends it behind what was sent. */
static void call_end(struct h2_call *call, int status, struct extproc_str why)
{
    if (h2_call_is_finished(call))
        return;
    set_status(call, status, why);
    if (call->state == CALL_ANSWERING) {
        call_resume_end(call);
    } else {
        become(call, CALL_TRAILERS_ONLY);
        answer_status(call);
    }
    h2_call_consume(call);
}

void h2_call_exceeds(const struct h2_call *call, enum limit which, const char *amount)
{
    const struct conn *c = call->conn;
    struct limit_place place = {.listener = c->listener, .peer = c->peer};
    if (call->service && call->service->transaction)
        place.transaction = call->service->transaction(call->stream);
    limits_exceeded(&c->hub->limits, which, &place, amount);
}

void h2_call_refuse(struct h2_call *call, int status, struct extproc_str why)
{
    call->aborted = true;
    call_end(call, status, why);
}

void h2_call_abort(struct h2_call *call, int status, struct extproc_str why)
{
    if (call->state > CALL_ENDING)
        return;
    call->aborted |= call->state != CALL_ENDING || call->n_queued;
    /* A status behind a part of the answers would be a lie, and so would the service's own. */
    bool torn = call->n_sent || call->n_promised || (call->state == CALL_ENDING && call->n_queued);
    bool reset = call->state != CALL_OPEN && (torn || !http2_can_send(call));
    queue_drop(call);
    if (reset) {
        call->aborted = true;
        become(call, CALL_RESET);
        answer_reset(call, status);
    } else {
        call_end(call, status, why);
    }
}

void h2_call_shed(struct h2_call *call, struct extproc_str why)
{
    h2_call_abort(call, TRANSPORT_RESOURCE_EXHAUSTED, why);
    intake_fini(call);
    h2_call_drop(call, call->n_in);
    call->shed = true;
}

static void deadline_over(void *arg)
{
    h2_call_abort(arg, TRANSPORT_DEADLINE_EXCEEDED, EXTPROC_S("Deadline Exceeded"));
}

void h2_call_look(struct h2_call *call, unsigned patience)
{
    /* Where it may not send, it is not the client that we wait for. */
    bool open =
        call->heard ? !frames_at_rest(&call->frames) && !call->n_unread : !intake_waits(call);
    call->n_silent = open && !h2_call_is_finished(call) ? call->n_silent + 1 : 0;
    if (call->n_silent <= patience)
        return;
    h2_call_exceeds(call, call->heard ? LIMIT_MESSAGE_REST : LIMIT_FIRST_MESSAGE, NULL);
    h2_call_abort(call, TRANSPORT_DEADLINE_EXCEEDED,
                  EXTPROC_S("no complete message within first_message_timeout"));
}

static enum transport_end how_it_ended(const struct h2_call *call, enum transport_end how)
{
    if (call->state == CALL_ENDED && !call->aborted)
        return TRANSPORT_FINISHED;
    return call->hub->stopping ? TRANSPORT_STOPPED : how;
}

static void drop_deadline(struct h2_call *call)
{
    if (!call->deadline)
        return;
    loop_cancel(call->hub->loop, call->deadline);
    free(call->deadline);
    call->deadline = NULL;
}

void h2_call_ended(struct h2_call *call)
{
    if (call->state == CALL_ENDING || call->state == CALL_TRAILERS_ONLY)
        become(call, CALL_ENDED); /* and not where its RST_STREAM stands behind the trailers */
}

void h2_call_closed(struct h2_call *call, enum transport_end how)
{
    how = how_it_ended(call, how);
    become(call, CALL_CLOSED);
    drop_deadline(call);
    intake_fini(call);
    call->n_promised = 0;
    queue_drop(call);
    free(call->reserved);
    free(call->status_text);
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->conn->n_calls--;
    if (call->heard && --call->conn->n_talking == 0)
        hub_put_idle(call->conn);
    call->conn->n_in -= call->n_in;
    call->conn = NULL;
    call->n_held++; /* by us: it stays until the service knows, which may give back the last one */
    if (call->service)
        call->service->closed(call->stream, how);
    h2_call_unheld(call);
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
    return waits && !http2_can_send(call) &&
           call->hub->loop->now_ms - call->moved_ms >= call->conn->listener->limits.write_ms;
}

bool h2_call_is_owed(const struct h2_call *call)
{
    if (h2_call_is_finished(call))
        return false;
    return !call->heard || (call->owed > 0 && call->n_held > 0);
}

/* ---- the beginning ------------------------------------------------------------------------------ */

static int set_deadline(struct h2_call *call, uint64_t timeout_ms)
{
    if (timeout_ms == HEAD_NO_TIMEOUT)
        return 0;
    call->deadline = calloc(1, sizeof *call->deadline);
    if (!call->deadline)
        return -ENOMEM;
    call->deadline->fn = deadline_over;
    call->deadline->arg = call;
    return loop_set(call->hub->loop, call->deadline, timeout_ms);
}

void h2_call_open(struct conn *c, int32_t id, const struct transport_service *service, void *arg)
{
    struct h2_call *call = call_new(c, id);
    if (!call) {
        c->failed = true;
        return;
    }
    (void)nghttp2_session_set_stream_user_data(c->session, id, call);
    bool good = intake_init(call, &c->head) == 0 && set_deadline(call, c->head.timeout_ms) == 0;
    if (good)
        call->stream = service->open(arg, &call->base);
    if (call->stream)
        call->service = service;
    else
        h2_call_refuse(call, TRANSPORT_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

/* ---- what the service says ---------------------------------------------------------------------- */

size_t h2_call_max_answer(const struct transport_call *base)
{
    const struct h2_call *call = (const struct h2_call *)base;
    return call->conn->listener->limits.max_queued;
}

uint8_t *h2_call_reserve(struct transport_call *base, size_t len)
{
    struct h2_call *call = (struct h2_call *)base;
    free(call->reserved);
    call->reserved = NULL;
    if (len > UINT32_MAX)
        return NULL;
    struct outgoing *out = malloc(sizeof *out + FRAME_PREFIX + len);
    if (!out)
        return NULL;
    out->len = FRAME_PREFIX + len;
    frames_put_prefix(out->bytes, (uint32_t)len);
    call->reserved = out;
    return out->bytes + FRAME_PREFIX;
}

/* The message, or the same one compressed where that is shorter. */
static struct outgoing *pack(struct h2_call *call, struct outgoing *out)
{
    struct outgoing *packed = malloc(sizeof *packed + out->len);
    if (!packed)
        return out;
    call->hub->n_zipped += out->len;
    size_t len = gzip_pack(&call->hub->gzip, out->bytes + FRAME_PREFIX,
                           (uint32_t)(out->len - FRAME_PREFIX), packed->bytes + FRAME_PREFIX);
    if (!len) {
        free(packed);
        return out;
    }
    free(out);
    packed->len = FRAME_PREFIX + len;
    frames_put_prefix(packed->bytes, (uint32_t)len);
    packed->bytes[0] = FRAME_PACKED;
    struct outgoing *fitting = realloc(packed, sizeof *packed + packed->len);
    return fitting ? fitting : packed;
}

void h2_call_send(struct transport_call *base)
{
    struct h2_call *call = (struct h2_call *)base;
    struct outgoing *out = call->reserved;
    if (!out || h2_call_is_finished(call))
        return;
    struct conn *c = call->conn;
    call->reserved = NULL;
    if (call->packs && out->len >= FRAME_PREFIX + PACK_MIN)
        out = pack(call, out);
    out->next = NULL;
    if (!call->n_queued)
        call->moved_ms = call->hub->loop->now_ms;
    *call->queue_end = out;
    call->queue_end = &out->next;
    call->n_queued += out->len;
    c->n_queued += out->len;
    hub_hold(call->hub, out->len);
    call->owed--;
    if (call->state == CALL_ANSWERING) {
        answer_resume(call);
    } else {
        become(call, CALL_ANSWERING);
        answer_begin(call);
    }
    shed_answers(c);
}

void h2_call_unprompted(struct transport_call *base)
{
    /* Answers go out as they come: there is nothing to hold back. */
}

void h2_call_finish(struct transport_call *base, int status, struct extproc_str message)
{
    call_end((struct h2_call *)base, status, message);
}
