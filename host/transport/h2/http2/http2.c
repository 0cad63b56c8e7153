/* http2: nghttp2's session of a connection.
 *
 * nghttp2 enforces HTTP/2's own rules, and ends streams and connections that break them. We decide
 * how fast a client may send (as fast as the handler takes it), and which of nghttp2's limits are
 * turned off because ours replace them (conn/heard).
 *
 * A trap: if a client opens more streams than the limit that it has acknowledged, nghttp2 closes
 * the connection, including its correct streams. RFC 9113, 5.1.2, requires that only the excess
 * stream ends. So nghttp2 does not know max_streams: see gather_frame() and http2_refuse().
 */
#include "transport/h2/http2/http2.h"

#include <errno.h>

enum {
    STREAM_WINDOW = 1024 * 1024, /* where the listener names none */
    CONN_WINDOW = 16 * 1024 * 1024,
    STAND_IN = 0xff03 /* a type of setting that nghttp2 does not know */
};

/* For callbacks. If a callback has asked nghttp2 1.52 to terminate the session, it abort()s on a
 * following frame with a wrong size; so nothing is read afterwards. */
static int go_on(const struct http2 *h)
{
    return h->events->goes_on(h->arg) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void *stream_of(const struct http2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *h = arg;
    h->n_open += frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    h->events->head_begins(h->arg);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    struct http2 *h = arg;
    h->events->field(h->arg, (struct extproc_str){(const char *)name, name_len},
                     (struct extproc_str){(const char *)value, value_len});
    return go_on(h);
}

static void take_end(struct http2 *h, const nghttp2_frame *frame)
{
    void *stream = stream_of(h, frame->hd.stream_id);
    if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        h->events->half_closed(h->arg, stream);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *h = arg;
    int32_t id = frame->hd.stream_id;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            h->events->request(h->arg, id);
        take_end(h, frame);
        break;
    case NGHTTP2_DATA:
        take_end(h, frame);
        break;
    case NGHTTP2_RST_STREAM:
        h->events->reset(h->arg, stream_of(h, id),
                         nghttp2_session_find_stream(session, id) != NULL);
        break;
    case NGHTTP2_SETTINGS:
        h->events->settings(h->arg);
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            h->events->pong(h->arg);
        break;
    default:
        break;
    }
    return go_on(h);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg)
{
    struct http2 *h = arg;
    void *stream = stream_of(h, id);
    /* The connection's window opens as bytes come, whatever becomes of them, because it is shared:
     * one stream that is not read must not hold up the others (RFC 9113, 5.2.2). */
    http2_check(h, nghttp2_session_consume_connection(session, len));
    if (!stream)
        http2_check(h, nghttp2_session_consume_stream(session, id, len));
    h->events->data(h->arg, stream, bytes, len);
    return go_on(h);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
    struct http2 *h = arg;
    void *stream = stream_of(h, id);
    h->n_open--;
    if (stream)
        h->events->closed(h->arg, stream);
    return 0;
}

/* ---- what goes ------------------------------------------------------------------------------- */

/* Our END_STREAM is with the socket. */
static void stream_ended(struct http2 *h, int32_t id)
{
    void *stream = stream_of(h, id);
    if (stream)
        h->events->ended(h->arg, stream);
    /* What it still sends would be discarded: RFC 9113, 8.1. */
    if (nghttp2_session_get_stream_remote_close(h->session, id) == 0)
        http2_check(h,
                    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR));
}

/* True if the code is one of those with which we reset streams ourselves. */
static bool is_our_code(uint32_t code)
{
    return code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL || code == NGHTTP2_ENHANCE_YOUR_CALM;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *h = arg;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: /* a call's DATA is followed by trailers */
        h->events->sent(h->arg);
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
            stream_ended(h, frame->hd.stream_id);
        break;
    case NGHTTP2_RST_STREAM:
        /* A client can make nghttp2 reset its streams as well (CVE-2025-8671). */
        if (!is_our_code(frame->rst_stream.error_code))
            h->events->reset_by_us(h->arg);
        break;
    case NGHTTP2_GOAWAY:
        /* Only now: nghttp2 lets a PING overtake whatever waits. */
        if (frame->goaway.last_stream_id == INT32_MAX)
            http2_check(h, nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL));
        break;
    default:
        break;
    }
    return 0;
}

/* Bytes that answer.c has said are ready: they go from where they lie. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *arg)
{
    struct http2 *h = arg;
    if (!gather_has_room(h->gather))
        return NGHTTP2_ERR_WOULDBLOCK;
    gather_copy(h->gather, head, 9);
    h->events->take(source->ptr, length);
    return 0;
}

/* ---- the session ----------------------------------------------------------------------------- */

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
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    return cb;
}

nghttp2_option *http2_option_new(const struct transport_limits *limits)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option))
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    /* conn/heard counts frames that need an acknowledgement, and we do not read a client that
     * accepts none. */
    nghttp2_option_set_max_outbound_ack(option, SIZE_MAX);
    if (limits->max_continuations)
        nghttp2_option_set_max_continuations(option, limits->max_continuations);
    return option;
}

static uint32_t setting(size_t value)
{
    return value > INT32_MAX ? INT32_MAX : (uint32_t)value;
}

int http2_open(struct http2 *h, const nghttp2_session_callbacks *callbacks,
               const nghttp2_option *option, const struct transport_limits *l)
{
    size_t window = l->stream_window ? l->stream_window : STREAM_WINDOW;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, setting(window)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setting(l->max_header_list)},
        /* Last: 0 means that there is none, and gather_frame() looks there. */
        {STAND_IN, l->max_streams},
    };
    size_t n = sizeof settings / sizeof *settings - (l->max_streams ? 0 : 1);
    h->max_streams = l->max_streams;
    if (nghttp2_session_server_new2(&h->session, callbacks, h, option) ||
        nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, n) ||
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                              window > CONN_WINDOW ? (int32_t)setting(window)
                                                                   : CONN_WINDOW))
        return -ENOMEM;
    return 0;
}

void http2_close(struct http2 *h)
{
    nghttp2_session_del(h->session);
    h->session = NULL;
}

enum http2_fed http2_feed(struct http2 *h, const uint8_t *bytes, size_t len)
{
    ssize_t n = nghttp2_session_mem_recv(h->session, bytes, len);
    if (n >= 0)
        return HTTP2_FED;
    return n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ? HTTP2_CONTINUATIONS : HTTP2_LOST;
}

/* Our first frame is the settings. */
static void gather_frame(struct http2 *h, const uint8_t *bytes, size_t len)
{
    static const uint8_t type[] = {0, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS};
    enum { ENTRY = 6 };
    size_t kept = len;
    if (!h->greeted && h->max_streams) {
        kept = ENTRY - sizeof type; /* its value */
        gather_copy(h->gather, bytes, len - ENTRY);
        gather_copy(h->gather, type, sizeof type);
    }
    gather_copy(h->gather, bytes + len - kept, kept);
    h->greeted = true;
}

int http2_gather(struct http2 *h)
{
    while (gather_has_room(h->gather)) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(h->session, &bytes);
        if (n < 0 || h->failed)
            return -ENOMEM;
        if (n == 0)
            return !gather_has_room(h->gather);
        gather_frame(h, bytes, (size_t)n);
    }
    return 1;
}

bool http2_wants_to_read(const struct http2 *h)
{
    return nghttp2_session_want_read(h->session);
}

bool http2_wants_to_write(const struct http2 *h)
{
    return nghttp2_session_want_write(h->session);
}

void http2_announce_end(struct http2 *h)
{
    http2_check(h, nghttp2_submit_shutdown_notice(h->session));
}

void http2_end(struct http2 *h)
{
    http2_check(h, nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                         nghttp2_session_get_last_proc_stream_id(h->session),
                                         NGHTTP2_NO_ERROR, NULL, 0));
}

void http2_calm(struct http2 *h)
{
    http2_check(h, nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM));
}

/* ---- streams --------------------------------------------------------------------------------- */

void http2_set_stream(struct http2 *h, int32_t id, void *stream)
{
    (void)nghttp2_session_set_stream_user_data(h->session, id, stream);
}

void http2_refuse(struct http2 *h, int32_t id)
{
    http2_check(
        h, nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
}

bool http2_can_send(const struct http2 *h, int32_t id)
{
    return nghttp2_session_get_remote_window_size(h->session) > 0 &&
           nghttp2_session_get_stream_remote_window_size(h->session, id) > 0;
}

void http2_consume(struct http2 *h, int32_t id, size_t len)
{
    http2_check(h, nghttp2_session_consume_stream(h->session, id, len));
}
