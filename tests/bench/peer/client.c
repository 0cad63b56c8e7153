/*
 * An HTTP/2 client of the gRPC method ExternalProcessor/Process on nghttp2, with the request
 * headers and the window sizes that Envoy uses. It has room for --streams streams, and begins each
 * that is due: in a closed loop that is one for each that ends.
 *
 * nghttp2 pulls the DATA of a stream from read_data(). A stream that has nothing to say is deferred
 * there and resumed when an answer (or the end of holding) makes it its turn.
 */
#include "client.h"

#include <err.h>
#include <string.h>

enum {
    STREAM_WINDOW = 16 << 20, /* Envoy's initial_stream_window_size */
    CONN_WINDOW = 24 << 20,   /* Envoy's initial_connection_window_size */
    MAX_FRAME = 9 + 16384 + 1024
};

static void unlink_stream(struct client *c, struct stream *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        c->open = s->next;
    if (s->next)
        s->next->prev = s->prev;
    c->n_open--;
    stream_recycle(s);
}

static void resume(struct client *c, struct stream *s)
{
    if (s->deferred && stream_turn(s) != STREAM_LISTENS) {
        s->deferred = false;
        nghttp2_session_resume_data(c->h2, s->id);
    }
}

static ssize_t read_data(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct stream *s = source->ptr;
    size_t len = stream_say(s, buf, cap);
    if (len > 0)
        return (ssize_t)len;
    if (stream_turn(s) == STREAM_IS_DONE && !s->share->run->opt->reset) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return 0;
    }
    s->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *p, size_t len,
                   void *user)
{
    struct client *c = user;
    struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (!s || s->cancelled)
        return 0;
    stream_hear(s, p, len);
    if (s->failed || (stream_turn(s) == STREAM_IS_DONE && c->share->run->opt->reset)) {
        s->cancelled = true;
        nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    } else {
        resume(c, s);
    }
    return 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct stream *s = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    if (s)
        stream_hear_header(s, (struct bytes){.p = n.base, .len = n.len},
                           (struct bytes){.p = v.base, .len = v.len});
    return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct client *c = user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        if (!c->draining)
            c->share->tally.n_goaways++;
        c->draining = true;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code, void *user)
{
    struct client *c = user;
    struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (!s)
        return 0;
    if (code == NGHTTP2_REFUSED_STREAM) { /* never processed: another one takes its place */
        c->share->tally.n_refused++;
        c->share->n_begun--;
    } else if (code != NGHTTP2_NO_ERROR && !s->cancelled) {
        stream_fault(s, FAULT_RESET, nghttp2_http2_strerror(code));
    } else {
        stream_judge(s);
    }
    unlink_stream(c, s);
    return 0;
}

void client_init(struct client *c, struct share *share)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    nghttp2_session_callbacks *callbacks;
    *c = (struct client){.share = share};
    if (nghttp2_session_callbacks_new(&callbacks))
        errx(2, "out of memory");
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&c->h2, callbacks, c))
        errx(2, "out of memory");
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
}

void client_fini(struct client *c, enum fault f, const char *why)
{
    while (c->open) {
        stream_fault(c->open, f, why);
        unlink_stream(c, c->open);
    }
    nghttp2_session_del(c->h2);
    c->h2 = NULL;
}

/* nghttp2 only reads it, but the type does not say so. */
static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .value = (uint8_t *)(uintptr_t)value,
        .namelen = strlen(name),
        .valuelen = strlen(value),
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    };
}

static bool begin_stream(struct client *c)
{
    struct stream *s = stream_new(c->share);
    const nghttp2_nv headers[] = {
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/envoy.service.ext_proc.v3.ExternalProcessor/Process"),
        field(":authority", "ext_proc"),
        field("te", "trailers"),
        field("content-type", "application/grpc"),
        field("x-envoy-internal", "true"),
        field("x-forwarded-for", "10.1.2.3"),
    };
    const nghttp2_data_provider data = {.source = {.ptr = s}, .read_callback = read_data};
    s->id =
        nghttp2_submit_request(c->h2, NULL, headers, sizeof headers / sizeof *headers, &data, s);
    if (s->id < 0) { /* out of stream ids */
        stream_recycle(s);
        c->draining = true;
        return false;
    }
    s->next = c->open;
    if (s->next)
        s->next->prev = s;
    c->open = s;
    c->n_open++;
    c->share->n_begun++;
    return true;
}

bool client_lacks_streams(const struct client *c)
{
    return c->n_open < c->share->run->opt->n_streams && !c->draining && share_is_due(c->share);
}

void client_begin_streams(struct client *c)
{
    while (client_lacks_streams(c) && begin_stream(c))
        ;
}

void client_wake(struct client *c)
{
    for (struct stream *s = c->open; s; s = s->next)
        resume(c, s);
}

bool client_input(struct client *c, const uint8_t *p, size_t len)
{
    return nghttp2_session_mem_recv(c->h2, p, len) == (ssize_t)len;
}

ssize_t client_output(struct client *c, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    while (cap - len >= MAX_FRAME) {
        const uint8_t *frame;
        ssize_t n = nghttp2_session_mem_send(c->h2, &frame);
        if (n < 0 || (size_t)n > cap - len)
            return -1;
        if (n == 0)
            break;
        memcpy(buf + len, frame, (size_t)n);
        len += (size_t)n;
    }
    return (ssize_t)len;
}

bool client_is_over(const struct client *c)
{
    return (c->draining && c->n_open == 0) ||
           (!nghttp2_session_want_read(c->h2) && !nghttp2_session_want_write(c->h2));
}
