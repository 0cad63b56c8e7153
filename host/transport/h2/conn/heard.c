/* heard: how a connection handles events of HTTP/2 and of its streams.
 *
 * It decides which request is a call, and how often a client may do what costs us more than the
 * client.
 *
 * A trap: nghttp2 limits how many streams a client resets (CVE-2023-44487), but Envoy ends every
 * stream by resetting it after its answers. So that limit is turned off, and we count only resets
 * of streams that are still being worked on.
 */
#include "transport/h2/conn/heard.h"

#include "transport/h2/conn/idle.h"
#include "transport/h2/conn/shed.h"
#include "transport/h2/http2/answer.h"
#include "transport/h2/stream/life.h"
#include "transport/health.h"
#include "transport/metadata.h"

#include <stdio.h>

enum {
    HEADERS_BURST = 8, /* times max_header_list, and the connection has to go */
    PADDING_MAX = 256, /* bytes of DATA that may be padding, with their length */
    DUE_MAX = 65536
};

/* ---- requests -------------------------------------------------------------------------------- */

static void refuse(struct conn *c, int32_t id, enum status status, struct extproc_str why)
{
    answer_refuse(&c->streams.http2, id, status, why);
}

static void refuse_size(struct conn *c, int32_t id)
{
    char text[96];
    conn_stream_exceeds(c, id, LIMIT_HEADER_LIST, c->head.size);
    int len = snprintf(text, sizeof text, "metadata of %zu bytes, and max_header_list is %zu",
                       c->head.size, c->streams.listener->limits.max_header_list);
    refuse(c, id, STATUS_RESOURCE_EXHAUSTED, (struct extproc_str){text, (size_t)len});
}

static void refuse_path(struct conn *c, int32_t id)
{
    char text[HEAD_PATH_MAX + 32];
    struct extproc_str path = head_path(&c->head);
    int len = snprintf(text, sizeof text, "unknown method %.*s", EXTPROC_ARG(path));
    refuse(c, id, STATUS_UNIMPLEMENTED, (struct extproc_str){text, (size_t)len});
}

/* A request that was answered before its end is open until then (RFC 9113, 5.1.2). */
static bool has_stream_left(const struct conn *c)
{
    uint32_t most = c->streams.listener->limits.max_streams;
    return !most || c->streams.http2.n_open <= most; /* of which it is one */
}

/* The client may try it again: nothing has looked at it. */
static void refuse_stream(struct conn *c, int32_t id)
{
    conn_stream_exceeds(c, id, LIMIT_STREAMS, c->streams.http2.n_open - 1);
    http2_refuse(&c->streams.http2, id);
}

/* NULL: none knows the path. */
static const struct transport_handler *find_handler(const struct conn *c, void **ret_arg)
{
    const struct transport_options *o = c->hub->options;
    for (size_t i = 0; i < o->n_handlers; i++)
        if (head_is_for(&c->head, o->handlers[i].path)) {
            *ret_arg = c->streams.listener->arg;
            return &o->handlers[i];
        }
    for (size_t i = 0; i < N_HEALTH_HANDLERS; i++)
        if (head_is_for(&c->head, health_handlers[i].path)) {
            *ret_arg = c->hub->health;
            return &health_handlers[i];
        }
    return NULL;
}

static void open_call(struct conn *c, int32_t id, const struct transport_handler *handler,
                      void *arg)
{
    struct metadata *metadata = c->metadata;
    c->metadata = NULL;
    h2_call_open(&c->streams, id, &c->head, metadata, handler, arg);
}

static void take_request(void *owner, int32_t id)
{
    struct conn *c = owner;
    void *arg = NULL;
    const struct transport_handler *handler = find_handler(c, &arg);
    if (!has_stream_left(c))
        refuse_stream(c, id);
    else if (c->head.size > c->streams.listener->limits.max_header_list)
        refuse_size(c, id);
    else if (!c->head.post)
        answer_not_post(&c->streams.http2, id, c->head.head);
    else if (!c->head.grpc)
        answer_not_grpc(&c->streams.http2, id, c->head.head);
    else if (!handler)
        refuse_path(c, id);
    else if (c->head.bad_timeout)
        refuse(c, id, STATUS_INTERNAL, EXTPROC_S("malformed grpc-timeout"));
    else
        open_call(c, id, handler, arg);
    conn_touch(c);
}

static void begin_head(void *owner)
{
    struct conn *c = owner;
    head_begin(&c->head);
    if (c->metadata) /* of a request that was refused */
        c->metadata = metadata_free(c->metadata);
}

static void keep_field(struct conn *c, struct extproc_str name, struct extproc_str value)
{
    if (c->head.size <= c->streams.listener->limits.max_header_list &&
        metadata_add(&c->metadata, c->hub->options, name, value))
        c->streams.http2.failed = true;
}

static void take_field(void *owner, struct extproc_str name, struct extproc_str value)
{
    struct conn *c = owner;
    /* gRPC clients send no trailers; if one does, only their size counts. */
    head_add(&c->head, name, value);
    if (c->hub->options->n_metadata)
        keep_field(c, name, value);
    if (c->head.size / HEADERS_BURST > c->streams.listener->limits.max_header_list)
        conn_break(c, LIMIT_HEADER_BURST, c->head.size);
}

/* ---- what costs us more than the client ------------------------------------------------------ */

/* What a client owes for what it has got, or has sent: it may come, but not for ever. */
static void add_due(uint32_t *due, uint32_t n)
{
    if (*due < DUE_MAX)
        *due += n;
}

static bool take_due(uint32_t *due)
{
    return *due && (*due)--;
}

/* All other frames have no content: PING, PRIORITY, unknown types, ... For each stream and each
 * frame of answers the client may send a WINDOW_UPDATE for the stream and one for the connection,
 * and for each stream one RST_STREAM. Padding is not content; a frame that may consist only of
 * padding counts as one without. */
static bool has_content(struct conn *c, uint8_t type, uint8_t flags, uint32_t len)
{
    switch (type) {
    case NGHTTP2_HEADERS:
        add_due(&c->n_updates_due, 2);
        add_due(&c->n_resets_due, 1);
        return true;
    case NGHTTP2_CONTINUATION:
        return true;
    case NGHTTP2_DATA:
        return flags & NGHTTP2_FLAG_END_STREAM ||
               len > (flags & NGHTTP2_FLAG_PADDED ? PADDING_MAX : 0);
    case NGHTTP2_RST_STREAM:
        return take_due(&c->n_resets_due);
    case NGHTTP2_SETTINGS:
        return c->seam.n_done == 0 || flags & NGHTTP2_FLAG_ACK;
    case NGHTTP2_WINDOW_UPDATE:
        return take_due(&c->n_updates_due);
    default:
        return false;
    }
}

/* Before nghttp2 sees them, which says nothing of those that it ignores. */
static void count_idles(struct conn *c, const uint8_t *bytes, size_t len)
{
    const struct seam *s = &c->seam;
    while (seam_next(&c->seam, &bytes, &len))
        if (!has_content(c, s->head[3], s->head[4], s->n_left) &&
            !budget_take(&c->idles, &c->streams.listener->limits.idles,
                         loop_now(c->hub->streams.loop)))
            conn_break(c, LIMIT_IDLES, c->idles.spent + 1u);
}

static void count_reset(struct conn *c)
{
    if (!budget_take(&c->resets, &c->streams.listener->limits.resets,
                     loop_now(c->hub->streams.loop)))
        conn_break(c, LIMIT_RESETS, c->resets.spent + 1u);
}

/* After a limit was exceeded nothing is read. */
static bool goes_on(void *owner)
{
    const struct conn *c = owner;
    return c->state < CONN_BROKEN;
}

static bool feed(struct conn *c, const uint8_t *bytes, size_t len)
{
    count_idles(c, bytes, len);
    enum http2_fed fed = goes_on(c) ? http2_feed(&c->streams.http2, bytes, len) : HTTP2_FED;
    if (fed == HTTP2_CONTINUATIONS) /* the first that is too many */
        conn_break(c, LIMIT_CONTINUATIONS, c->streams.listener->limits.max_continuations + 1u);
    return fed == HTTP2_FED || !goes_on(c);
}

/* ---- from HTTP/2 ----------------------------------------------------------------------------- */

static void take_data(void *owner, void *stream, const uint8_t *bytes, size_t len)
{
    struct conn *c = owner;
    if (stream)
        intake_data(stream, bytes, len);
    shed_held(c->hub);
}

static void take_half_close(void *owner, void *stream)
{
    intake_half_close(stream);
}

static void take_reset(void *owner, void *stream, bool known)
{
    /* A stream without a call has a refusal on its way. */
    if (stream ? h2_call_is_owed(stream) : known)
        count_reset(owner);
}

static void take_settings(void *owner)
{
    conn_greeted(owner);
}

static void take_pong(void *owner)
{
    struct conn *c = owner;
    if (c->state == CONN_DRAINING)
        conn_last_goaway(c);
}

static void stream_closed(void *owner, void *stream)
{
    h2_call_closed(stream, TRANSPORT_RESET);
}

static void answer_sent(void *owner)
{
    struct conn *c = owner;
    add_due(&c->n_updates_due, 2);
}

static void stream_ended(void *owner, void *stream)
{
    h2_call_ended(stream);
}

static void reset_by_us(void *owner)
{
    count_reset(owner);
}

/* ---- from streams ---------------------------------------------------------------------------- */

static void streams_touched(struct streams *s)
{
    conn_touch(conn_of(s));
}

static void streams_begun(struct streams *s)
{
    conn_await_rest(conn_of(s));
}

static void streams_busy(struct streams *s)
{
    idle_take(conn_of(s));
}

static void streams_heard(struct streams *s)
{
    conn_of(s)->idles.spent = 0; /* a client that sends messages may ping */
}

static void streams_idle(struct streams *s)
{
    idle_put(conn_of(s));
}

static void streams_queued(struct streams *s)
{
    shed_answers(conn_of(s));
}

const struct conn_ears heard = {
    .feed = feed,
    .http2 =
        {
            .goes_on = goes_on,
            .head_begins = begin_head,
            .field = take_field,
            .request = take_request,
            .data = take_data,
            .half_closed = take_half_close,
            .reset = take_reset,
            .settings = take_settings,
            .pong = take_pong,
            .closed = stream_closed,
            .sent = answer_sent,
            .ended = stream_ended,
            .reset_by_us = reset_by_us,
            .ready = h2_call_ready,
            .trailers = h2_call_trailers,
            .take = h2_call_take,
        },
    .streams =
        {
            .touched = streams_touched,
            .begun = streams_begun,
            .busy = streams_busy,
            .heard = streams_heard,
            .idle = streams_idle,
            .queued = streams_queued,
        },
};
