/* stream: the edge: a message's bytes become an event, its verdict becomes an answer's bytes.
 *
 * Invariant: after finish nothing is sent, and finish is called once at most; whatever still comes
 * is released unread. The stream lies at the head of its own arena, so an idle one costs one block
 * of the heap.
 *
 * While a plugin waits in a direction, further messages of it wait as they came: decoded, a short
 * one would take a hundred times as much. They are not released, so the client may not send more
 * than its window holds; and when they are many, none are taken.
 */
#include "session/stream.h"

#include "base/str.h"
#include "plugin/wait/wait.h"
#include "wire/decode/decode.h"
#include "wire/encode/encode.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the first block: the stream itself, with room for some plugins' handles and the transaction's
 * id. An idle stream is to cost less than 1 KiB. */
enum { STREAM_FIRST_SIZE = 976 };

/* Messages of a direction that waits: small ones cost more than their bytes, which the client's
 * window counts. */
enum { PARKED_MAX = 256 };

/* A message that waits for its direction. */
struct parked {
    struct parked *next;
    enum lane lane;
    size_t len;
    struct message message; /* its pieces follow */
    struct extproc_str pieces[];
};

struct stream {
    struct arena arena;
    const struct session_env *env;
    const struct stream_out *out;
    void *call;
    bool finished;
    struct parked *parked, **parked_end;
    unsigned n_parked;
    bool held; /* the client may not send more */
    struct session session;
};

static void stream_finish(struct stream *s, enum status status, struct extproc_str why)
{
    assert(!s->finished);
    s->finished = true;
    s->out->finish(s->call, status, why);
}

/* The session has failed. */
static void stream_session_failed(void *arg, enum status status, struct extproc_str why)
{
    struct stream *s = arg;
    if (s->finished)
        return;
    struct log_context context = txn_log_context(&s->session.txn);
    log_line(s->env->log, EXTPROC_LEVEL_WARN, &context, "stream ended with %s: %.*s",
             status_name(status), EXTPROC_ARG(why));
    stream_finish(s, status, why);
}

/* The stream itself has, and so its session. */
static void stream_fail(struct stream *s, enum status status, struct extproc_str why)
{
    session_broke(&s->session);
    stream_session_failed(s, status, why);
}

static void stream_out_of_memory(struct stream *s)
{
    if (!s->session.txn.lent)
        txn_report_memory(&s->session.txn, NULL);
    stream_fail(s, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

/* What plugins make of headers and metadata may be too much together. */
static void stream_too_large(struct stream *s, size_t len, struct arena *arena)
{
    struct extproc_str why = arena_format(arena, "answer of %zu bytes exceeds max_queued (%zu)",
                                          len, s->session.txn.max_answer);
    stream_fail(s, STATUS_RESOURCE_EXHAUSTED, why.ptr ? why : EXTPROC_S("answer too large"));
}

static void stream_verdict(void *arg, const struct verdict *verdict, struct arena *arena)
{
    struct stream *s = arg;
    struct encoded answer;
    if (s->finished)
        return;
    uint8_t *buffer = NULL;
    int r = encode_verdict(verdict, arena, &answer);
    if (r == 0 && txn_exceeds_answer(&s->session.txn, answer.len)) {
        stream_too_large(s, answer.len, arena);
        return;
    }
    if (r == 0)
        buffer = s->out->reserve(s->call, answer.len);
    if (!buffer) {
        stream_out_of_memory(s);
        return;
    }
    encode_pack(&answer, buffer);
    s->out->send(s->call);
}

static struct extproc_str stream_field(void *arg, const char *name)
{
    const struct stream *s = arg;
    return s->out->field ? s->out->field(s->call, name) : STR_ABSENT;
}

static void stream_ready(void *arg);
static void stream_ended(void *arg);

static const struct session_out stream_session_out = {
    .verdict = stream_verdict,
    .fail = stream_session_failed,
    .ready = stream_ready,
    .field = stream_field,
    .ended = stream_ended,
};

static const char *end_name(enum extproc_end end)
{
    switch (end) {
    case EXTPROC_END_DONE:
        return "done";
    case EXTPROC_END_FAILED:
        return "failed";
    case EXTPROC_END_DISCONNECTED:
        return "disconnected";
    case EXTPROC_END_DRAINED: /* the last: N_ENDS */
        break;
    }
    return "drained";
}

void stream_env_counts(struct session_env *env, struct metrics *metrics)
{
    env->streams_open =
        metrics_define(metrics, &(struct metric_definition){.name = "streams_open",
                                                            .help = "Streams that are open.",
                                                            .kind = METRIC_GAUGE});
    for (unsigned end = 0; end < N_ENDS; end++)
        env->streams_closed[end] = metrics_define(
            metrics, &(struct metric_definition){
                         .name = "streams_closed",
                         .help = "Streams that have ended, by how.",
                         .labels = {[METRIC_REASON] = end_name((enum extproc_end)end)}});
}

struct stream *stream_open(const struct session_env *env, struct generation *g,
                           struct coverage *coverage, const struct stream_out *out, void *call)
{
    struct arena arena;
    arena_init(&arena, STREAM_FIRST_SIZE);
    struct stream *s = arena_alloc(&arena, sizeof *s);
    if (!s) {
        generation_unref(g);
        return NULL;
    }
    s->arena = arena; /* field by field: session_init() sees to most of it */
    s->env = env;
    s->out = out;
    s->call = call;
    s->finished = false;
    s->parked = NULL;
    s->parked_end = &s->parked;
    s->n_parked = 0;
    s->held = false;
    loop_count(env->loop, env->streams_open, 1);
    session_init(&s->session, env, g, coverage, &s->arena, &stream_session_out, s);
    if (out->max_answer)
        s->session.txn.max_answer = out->max_answer(call);
    if (out->peer)
        s->session.txn.peer = out->peer(call);
    return s;
}

/* NULL: it could not be read, and the stream has failed. */
static struct event *stream_decode(struct stream *s, const struct message *message,
                                   struct arena *arena)
{
    const char *why;
    struct event *event = arena_alloc(arena, sizeof *event);
    int r =
        event ? decode_request(message->pieces, message->n_pieces, arena, event, &why) : -ENOMEM;
    if (r == 0)
        return event;
    struct extproc_str text = {NULL, 0};
    if (r == -EBADMSG)
        text = arena_format(arena, "malformed ProcessingRequest: %s", why);
    if (text.ptr)
        stream_fail(s, STATUS_INVALID_ARGUMENT, text);
    else
        stream_out_of_memory(s);
    return NULL;
}

static void stream_take(struct stream *s, const struct message *message)
{
    struct arena_lease *memory = NULL;
    struct event *event = NULL;
    if (!s->finished) {
        memory = session_memory(&s->session);
        if (memory)
            event = stream_decode(s, message, &memory->arena);
        else
            stream_out_of_memory(s);
    }
    if (event) {
        session_event(&s->session, event, memory, message);
        return;
    }
    struct message unread = *message;
    message_release(&unread);
    arena_pool_put(&s->env->loop->memory, memory);
}

/* ---- while a plugin waits -------------------------------------------------------------------- */

static struct waits *stream_waits(const struct stream *s)
{
    return s->session.txn.generation->env.waits;
}

static void stream_park(struct stream *s, const struct message *message, enum lane lane)
{
    struct parked *parked = malloc(sizeof *parked + message->n_pieces * sizeof *parked->pieces);
    if (!parked) {
        struct message unread = *message;
        message_release(&unread);
        stream_out_of_memory(s);
        return;
    }
    *parked = (struct parked){.lane = lane, .message = *message, .len = message_len(message)};
    memcpy(parked->pieces, message->pieces, message->n_pieces * sizeof *parked->pieces);
    parked->message.pieces = parked->pieces;
    *s->parked_end = parked;
    s->parked_end = &parked->next;
    s->n_parked++;
    waits_hold(stream_waits(s), parked->len);
    if (s->n_parked >= PARKED_MAX && !s->held && s->out->hold) {
        s->held = true;
        s->out->hold(s->call);
    }
}

/* The first whose direction is free. NULL: there is none. */
static struct parked *stream_unpark(struct stream *s, bool any)
{
    struct parked **link = &s->parked, *parked;
    while (*link && !any && session_waits(&s->session, (*link)->lane))
        link = &(*link)->next;
    parked = *link;
    if (!parked)
        return NULL;
    *link = parked->next;
    if (!*link)
        s->parked_end = link;
    s->n_parked--;
    waits_unhold(stream_waits(s), parked->len);
    return parked;
}

static void stream_half_close_if_free(struct stream *s)
{
    if (s->finished || !s->session.half_closed || !session_is_free(&s->session))
        return;
    stream_finish(s, STATUS_OK, EXTPROC_S(""));
}

/* A direction is free: its messages first, then the end that the proxy has announced after them. */
static void stream_ready(void *arg)
{
    struct stream *s = arg;
    struct parked *parked;
    while ((parked = stream_unpark(s, s->finished))) {
        stream_message(s, &parked->message);
        free(parked);
    }
    if (s->held && s->n_parked < PARKED_MAX && !s->finished) {
        s->held = false;
        s->out->resume(s->call);
    }
    stream_half_close_if_free(s);
}

void stream_message(struct stream *s, const struct message *message)
{
    enum lane lane = N_LANES;
    if (!s->finished && !session_is_free(&s->session))
        lane = decode_lane(message->pieces, message->n_pieces);
    if (!s->finished && session_waits(&s->session, lane))
        stream_park(s, message, lane);
    else
        stream_take(s, message);
}

void stream_half_close(struct stream *s)
{
    if (s->finished)
        return;
    session_half_close(&s->session);
    stream_half_close_if_free(s);
}

void stream_lost(struct stream *s)
{
    session_lost(&s->session);
}

struct extproc_str stream_transaction(struct stream *s)
{
    return txn_id(&s->session.txn);
}

static const char *stream_cut(const struct session *s)
{
    if (s->lost)
        return "connection lost";
    return s->half_closed ? "half-closed by proxy" : "reset by proxy";
}

static void stream_log_end(struct stream *s, enum extproc_end why)
{
    if (!log_wants(s->env->log, EXTPROC_LEVEL_DEBUG))
        return;
    const struct session *session = &s->session;
    struct log_context context = txn_log_context(&s->session.txn);
    if (why == EXTPROC_END_DISCONNECTED)
        log_line(s->env->log, EXTPROC_LEVEL_DEBUG, &context,
                 "stream closed: %s before the %s was complete", stream_cut(session),
                 lane_name(session_incomplete(session)));
    else
        log_line(s->env->log, EXTPROC_LEVEL_DEBUG, &context, "stream closed: %s",
                 why == EXTPROC_END_DRAINED ? "the service is stopping" : end_name(why));
}

static void stream_ended(void *arg)
{
    struct stream *s = arg;
    struct arena arena = s->arena; /* it holds the stream */
    arena_fini(&arena);
}

void stream_closed(struct stream *s, enum extproc_end seen)
{
    enum extproc_end why = session_outcome(&s->session, seen);
    stream_log_end(s, why);
    loop_count(s->env->loop, s->env->streams_open, (uint64_t)-1);
    loop_count(s->env->loop, s->env->streams_closed[why], 1);
    s->finished = true; /* nothing more can be said */
    for (struct parked *parked; (parked = stream_unpark(s, true)); free(parked))
        message_release(&parked->message);
    if (session_end(&s->session, why))
        stream_ended(s);
}
