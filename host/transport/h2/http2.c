/* http2: nghttp2's session of a connection: what it may do, what it tells, what it is told.
 *
 * nghttp2 keeps HTTP/2's own rules, and ends streams and connections that break them. What is ours:
 * which request is a call, how fast a client may send (it may as somebody takes), and how often it may
 * do what costs us more than it costs the client.
 *
 * The trap in the last: nghttp2 limits how many streams a client resets (CVE-2023-44487), but to reset a
 * stream that has its answers is how Envoy ends every one. So that limit is out of the way, and we
 * count those that somebody still works for.
 *
 * Another: where a client opens a stream more than it has acknowledged that it may, nghttp2 closes the
 * connection, with streams that have done nothing wrong. RFC 9113, 5.1.2, wants that one to end. So nghttp2
 * does not know max_streams: see gather_frame() and refuse_stream().
 */
#include "transport/h2/http2.h"

#include "transport/h2/conn/shed.h"
#include "transport/h2/stream/answer.h"
#include "transport/h2/stream/intake.h"
#include "transport/health.h"

#include <stdio.h>

enum {
    STREAM_WINDOW = 1024 * 1024, /* where the listener names none */
    CONN_WINDOW = 16 * 1024 * 1024,
    HEADERS_BURST = 8, /* times max_header_list, and the connection has to go */
    PADDING_MAX = 256, /* bytes of DATA that may be padding, with their length */
    DUE_MAX = 65536,
    STAND_IN = 0xff03 /* a type of setting that nghttp2 does not know */
};

/* For callbacks. Behind a limit that was broken nothing is read: told to end by one of its callbacks,
 * nghttp2 1.52 abort()s on a next frame that has a wrong size. */
static int go_on(const struct conn *c)
{
    return c->state >= CONN_BROKEN ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static struct h2_call *call_of(struct conn *c, int32_t id)
{
    return nghttp2_session_get_stream_user_data(c->session, id);
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void refuse_size(struct conn *c, int32_t id)
{
    char text[96];
    conn_exceeds_by(c, LIMIT_HEADER_LIST, c->head.size);
    int len = snprintf(text, sizeof text, "metadata of %zu bytes, and max_header_list is %zu",
                       c->head.size, c->listener->limits.max_header_list);
    answer_refuse(c, id, TRANSPORT_RESOURCE_EXHAUSTED, (struct extproc_str){text, (size_t)len});
}

static void refuse_path(struct conn *c, int32_t id)
{
    char text[HEAD_PATH_MAX + 32];
    struct extproc_str path = head_path(&c->head);
    int len = snprintf(text, sizeof text, "unknown method %.*s", EXTPROC_ARG(path));
    answer_refuse(c, id, TRANSPORT_UNIMPLEMENTED, (struct extproc_str){text, (size_t)len});
}

static bool has_stream_left(const struct conn *c)
{
    uint32_t most = c->listener->limits.max_streams;
    return !most || c->n_calls < most;
}

/* The client may try it again: nothing has looked at it. */
static void refuse_stream(struct conn *c, int32_t id)
{
    conn_exceeds_by(c, LIMIT_STREAMS, c->n_calls);
    conn_check(
        c, nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
}

/* NULL: none knows the path. */
static const struct transport_service *find_service(const struct conn *c, void **ret_arg)
{
    const struct transport_options *o = c->hub->options;
    for (size_t i = 0; i < o->n_services; i++)
        if (head_is_for(&c->head, o->services[i].path)) {
            *ret_arg = c->listener->arg;
            return &o->services[i];
        }
    for (size_t i = 0; i < N_HEALTH_SERVICES; i++)
        if (head_is_for(&c->head, health_services[i].path)) {
            *ret_arg = c->hub->health;
            return &health_services[i];
        }
    return NULL;
}

static void take_request(struct conn *c, int32_t id)
{
    void *arg = NULL;
    const struct transport_service *service = find_service(c, &arg);
    if (!has_stream_left(c))
        refuse_stream(c, id);
    else if (c->head.size > c->listener->limits.max_header_list)
        refuse_size(c, id);
    else if (!c->head.post)
        answer_not_post(c, id);
    else if (!c->head.grpc)
        answer_not_grpc(c, id);
    else if (!service)
        refuse_path(c, id);
    else if (c->head.bad_timeout)
        answer_refuse(c, id, TRANSPORT_INTERNAL, EXTPROC_S("malformed grpc-timeout"));
    else
        h2_call_open(c, id, service, arg);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    head_begin(&c->head);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct conn *c = arg;
    /* Of the client's trailers, in gRPC there are none, the size alone counts. */
    head_add(&c->head, (struct extproc_str){(const char *)name, name_len},
             (struct extproc_str){(const char *)value, value_len});
    if (c->head.size / HEADERS_BURST > c->listener->limits.max_header_list)
        conn_break(c, LIMIT_HEADER_BURST, c->head.size);
    return go_on(c);
}

/* ---- what comes --------------------------------------------------------------------------------- */

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

/* What is none of these is a frame that nothing comes of: PING, PRIORITY, unknown types, ... To open a
 * stream's window and the connection's is due for each stream and each frame of answers, a reset for each
 * stream. Padding is no content; a frame that may be nothing else is taken to be. */
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
            !budget_take(&c->idles, &c->listener->limits.idles, loop_now(c->hub->loop)))
            conn_break(c, LIMIT_IDLES, c->idles.spent + 1u);
}

static void count_reset(struct conn *c)
{
    if (!budget_take(&c->resets, &c->listener->limits.resets, loop_now(c->hub->loop)))
        conn_break(c, LIMIT_RESETS, c->resets.spent + 1u);
}

static void take_reset(struct conn *c, int32_t id)
{
    const struct h2_call *call = call_of(c, id);
    /* A stream without a call has a refusal on its way. */
    if (call ? h2_call_is_owed(call) : nghttp2_session_find_stream(c->session, id) != NULL)
        count_reset(c);
}

static void take_end(struct conn *c, const nghttp2_frame *frame)
{
    struct h2_call *call = call_of(c, frame->hd.stream_id);
    if (call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        intake_half_close(call);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            take_request(c, frame->hd.stream_id);
        take_end(c, frame);
        break;
    case NGHTTP2_DATA:
        take_end(c, frame);
        break;
    case NGHTTP2_RST_STREAM:
        take_reset(c, frame->hd.stream_id);
        break;
    case NGHTTP2_SETTINGS:
        conn_greeted(c);
        break;
    case NGHTTP2_PING:
        if (c->state == CONN_DRAINING && frame->hd.flags & NGHTTP2_FLAG_ACK)
            conn_last_goaway(c);
        break;
    default:
        break;
    }
    return go_on(c);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg)
{
    struct conn *c = arg;
    struct h2_call *call = call_of(c, id);
    /* The connection's window opens as bytes come, whatever becomes of them, because it is shared: one
     * stream that is not read must not hold up the others (RFC 9113, 5.2.2). */
    conn_check(c, nghttp2_session_consume_connection(session, len));
    if (call)
        intake_data(call, bytes, len);
    else
        conn_check(c, nghttp2_session_consume_stream(session, id, len));
    shed_held(c->hub);
    return go_on(c);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
    struct h2_call *call = call_of(arg, id);
    if (call)
        h2_call_closed(call, TRANSPORT_RESET);
    return 0;
}

/* Our END_STREAM is with the socket. */
static void stream_ended(struct conn *c, int32_t id)
{
    struct h2_call *call = call_of(c, id);
    if (call)
        h2_call_ended(call);
    /* What it still sends would be thrown away: RFC 9113, 8.1. */
    if (nghttp2_session_get_stream_remote_close(c->session, id) == 0)
        conn_check(c,
                   nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR));
}

/* Of the streams that we reset ourselves. */
static bool is_our_code(uint32_t code)
{
    return code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL || code == NGHTTP2_ENHANCE_YOUR_CALM;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: /* behind a call's there are trailers */
        add_due(&c->n_updates_due, 2);
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
            stream_ended(c, frame->hd.stream_id);
        break;
    case NGHTTP2_RST_STREAM:
        /* A client can make nghttp2 reset its streams as well (CVE-2025-8671). */
        if (!is_our_code(frame->rst_stream.error_code))
            count_reset(c);
        break;
    case NGHTTP2_GOAWAY:
        /* Only now: nghttp2 lets a PING overtake whatever waits. */
        if (frame->goaway.last_stream_id == INT32_MAX)
            conn_check(c, nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL));
        break;
    default:
        break;
    }
    return 0;
}

/* ---- windows ------------------------------------------------------------------------------------ */

bool http2_can_send(const struct h2_call *call)
{
    nghttp2_session *session = call->conn->session;
    return nghttp2_session_get_remote_window_size(session) > 0 &&
           nghttp2_session_get_stream_remote_window_size(session, call->id) > 0;
}

void http2_consume(struct h2_call *call, size_t len)
{
    struct conn *c = call->conn;
    conn_check(c, nghttp2_session_consume_stream(c->session, call->id, len));
    conn_touch(c);
}

/* ---- the session -------------------------------------------------------------------------------- */

nghttp2_session_callbacks *http2_callbacks_new(void)
{
    nghttp2_session_callbacks *cb;
    if (nghttp2_session_callbacks_new(&cb))
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
    nghttp2_session_callbacks_set_send_data_callback(cb, answer_send_data);
    return cb;
}

nghttp2_option *http2_option_new(const struct transport_limits *limits)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option))
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    /* count_idles() counts what asks for an acknowledgement, and a client that takes none is not read. */
    nghttp2_option_set_max_outbound_ack(option, SIZE_MAX);
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    if (limits->max_continuations)
        nghttp2_option_set_max_continuations(option, limits->max_continuations);
    return option;
}

static uint32_t setting(size_t value)
{
    return value > INT32_MAX ? INT32_MAX : (uint32_t)value;
}

int http2_open(struct conn *c)
{
    const struct transport_limits *l = &c->listener->limits;
    size_t window = l->stream_window ? l->stream_window : STREAM_WINDOW;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, setting(window)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setting(l->max_header_list)},
        /* Last: 0 means that there is none, and gather_frame() looks there. */
        {STAND_IN, l->max_streams},
    };
    size_t n = sizeof settings / sizeof *settings - (l->max_streams ? 0 : 1);
    if (nghttp2_session_server_new2(&c->session, c->hub->callbacks, c, c->gate->option) ||
        nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, n) ||
        nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
                                              window > CONN_WINDOW ? (int32_t)setting(window)
                                                                   : CONN_WINDOW))
        return -ENOMEM;
    return 0;
}

bool http2_feed(struct conn *c, const uint8_t *bytes, size_t len)
{
    count_idles(c, bytes, len);
    ssize_t n = c->state >= CONN_BROKEN ? 0 : nghttp2_session_mem_recv(c->session, bytes, len);
    if (n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) /* the first that is too many */
        conn_break(c, LIMIT_CONTINUATIONS, c->listener->limits.max_continuations + 1u);
    return n >= 0 || c->state >= CONN_BROKEN;
}

/* Our first frame is the settings. */
static void gather_frame(struct conn *c, const uint8_t *bytes, size_t len)
{
    static const uint8_t type[] = {0, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS};
    enum { ENTRY = 6 };
    struct gather *g = &c->hub->gather;
    size_t kept = len;
    if (!c->announced && c->listener->limits.max_streams) {
        kept = ENTRY - sizeof type; /* its value */
        gather_copy(g, bytes, len - ENTRY);
        gather_copy(g, type, sizeof type);
    }
    gather_copy(g, bytes + len - kept, kept);
    c->announced = true;
}

int http2_gather(struct conn *c)
{
    struct gather *g = &c->hub->gather;
    while (gather_has_room(g)) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(c->session, &bytes);
        if (n < 0 || c->failed)
            return -ENOMEM;
        if (n == 0)
            return !gather_has_room(g);
        gather_frame(c, bytes, (size_t)n);
    }
    return 1;
}

bool http2_is_over(const struct conn *c)
{
    /* Behind the last GOAWAY streams without a call are nothing to wait for: their heads are not complete,
     * or their refusals not taken. */
    bool may_hear =
        nghttp2_session_want_read(c->session) && !(c->state >= CONN_ENDING && !c->calls);
    return !may_hear && !nghttp2_session_want_write(c->session);
}

void http2_announce_end(struct conn *c)
{
    conn_check(c, nghttp2_submit_shutdown_notice(c->session));
}

void http2_end(struct conn *c)
{
    conn_check(c, nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
                                        nghttp2_session_get_last_proc_stream_id(c->session),
                                        NGHTTP2_NO_ERROR, NULL, 0));
}

void http2_calm(struct conn *c)
{
    conn_check(c, nghttp2_session_terminate_session(c->session, NGHTTP2_ENHANCE_YOUR_CALM));
}
