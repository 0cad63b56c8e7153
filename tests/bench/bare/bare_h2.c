/*
 * bare_h2: the least that an ext_proc server on nghttp2 can do, for comparison.
 *
 *     bare_h2 [PORT]        on 127.0.0.1; 0 or none takes a free one. Prints where it listens.
 *     bare_h2 unix:PATH
 *
 * It has none of our floors (bare_answer.c is all it does with a message) and of gRPC only the
 * framing (bare_frames.c): every request is taken for a call of Process, every call ends with
 * status OK, and a message that is none ends its connection. One thread; one write answers what a
 * read brought.
 *
 * The windows are extprocd's. nghttp2's own limit of resets is out of the way: Envoy ends every
 * stream with one. Sockets are watched by their edges, so that nothing has to be changed when one
 * is full: the next event, whichever it is, goes on with all there is to read and to write.
 */
#include "bare_frames.h"
#include "bare_listen.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_STREAMS = 100000,
    STREAM_WINDOW = 1 << 20,
    CONN_WINDOW = 16 << 20,
    READ_LEN = 256 * 1024,
    WRITE_LEN = 64 * 1024, /* and the frame that goes beyond it */
    N_EVENTS = 64,
};

struct stream {
    struct stream *next, *prev; /* of its connection, or spare */
    struct conn *conn;
    int32_t id;
    bool has_answered, deferred, half_closed;
    struct bare_frames frames;
};

struct conn {
    struct server *server;
    int fd;
    nghttp2_session *h2;
    struct stream *open;
    struct bytes out;
    size_t out_off;
};

struct server {
    int epoll_fd, listen_fd;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct stream *spare;
    struct bare_parser parser;
    uint8_t scratch[READ_LEN];
};

static void open_stream(struct conn *c, int32_t id)
{
    struct stream *s = c->server->spare;
    if (s)
        c->server->spare = s->next;
    else
        s = mem_new(1, sizeof *s);
    bare_frames_reset(&s->frames);
    *s = (struct stream){.next = c->open, .conn = c, .id = id, .frames = s->frames};
    if (s->next)
        s->next->prev = s;
    c->open = s;
    nghttp2_session_set_stream_user_data(c->h2, id, s);
}

static void close_stream(struct stream *s)
{
    struct conn *c = s->conn;
    if (s->prev)
        s->prev->next = s->next;
    else
        c->open = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->next = c->server->spare;
    c->server->spare = s;
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

static ssize_t read_data(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct stream *s = source->ptr;
    size_t len = bare_frames_say(&s->frames, buf, cap);
    if (s->half_closed && bare_frames_said_all(&s->frames)) {
        const nghttp2_nv status = field("grpc-status", "0");
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(h2, id, &status, 1))
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    } else if (len == 0) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)len;
}

static void speak(struct stream *s)
{
    if (!s->has_answered) {
        const nghttp2_nv head[] = {field(":status", "200"),
                                   field("content-type", "application/grpc")};
        const nghttp2_data_provider data = {.source = {.ptr = s}, .read_callback = read_data};
        s->has_answered = true;
        nghttp2_submit_response(s->conn->h2, s->id, head, 2, &data);
    } else if (s->deferred) {
        s->deferred = false;
        nghttp2_session_resume_data(s->conn->h2, s->id);
    }
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *p, size_t len,
                   void *user)
{
    struct conn *c = user;
    struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (!s)
        return 0;
    if (!bare_frames_hear(&s->frames, &c->server->parser, p, len))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!bare_frames_said_all(&s->frames))
        speak(s);
    return 0;
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        open_stream(user, frame->hd.stream_id);
    return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    bool talks = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (talks && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        struct stream *s = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
        if (s) {
            s->half_closed = true;
            speak(s);
        }
    }
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code, void *user)
{
    struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (s)
        close_stream(s);
    return 0;
}

/* Gathers what nghttp2 has to say, and returns whether that went well. */
static bool gather(struct conn *c)
{
    c->out_off = c->out.len = 0;
    while (c->out.len < WRITE_LEN) {
        const uint8_t *frame;
        ssize_t n = nghttp2_session_mem_send(c->h2, &frame);
        if (n <= 0)
            return n == 0;
        bytes_add(&c->out, frame, (size_t)n);
    }
    return true;
}

static bool flush(struct conn *c)
{
    for (;;) {
        if (c->out_off == c->out.len && !gather(c))
            return false;
        if (c->out.len == 0)
            return true;
        ssize_t n = write(c->fd, c->out.p + c->out_off, c->out.len - c->out_off);
        if (n < 0)
            return errno == EAGAIN;
        c->out_off += (size_t)n;
    }
}

static bool drink_and_flush(struct conn *c)
{
    uint8_t *scratch = c->server->scratch;
    ssize_t n;
    do {
        n = read(c->fd, scratch, READ_LEN);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        if (n > 0 && nghttp2_session_mem_recv(c->h2, scratch, (size_t)n) != n)
            return false;
        if (!flush(c))
            return false;
    } while (n == READ_LEN);
    return nghttp2_session_want_read(c->h2) || nghttp2_session_want_write(c->h2);
}

static void close_conn(struct conn *c)
{
    nghttp2_session_del(c->h2);
    while (c->open)
        close_stream(c->open);
    close(c->fd);
    bytes_fini(&c->out);
    free(c);
}

static void accept_conn(struct server *s)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
        return;
    if (fd < 0)
        err(1, "accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));

    struct conn *c = mem_new(1, sizeof *c);
    *c = (struct conn){.server = s, .fd = fd};
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (nghttp2_session_server_new2(&c->h2, s->callbacks, c, s->option) ||
        nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, 2) ||
        nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
        errx(1, "a connection cannot be set up");
}

static void start(struct server *s)
{
    struct epoll_event ev = {.events = EPOLLIN}; /* no connection: the one who listens */
    bare_parser_init(&s->parser);
    if (nghttp2_session_callbacks_new(&s->callbacks) || nghttp2_option_new(&s->option))
        errx(1, "out of memory");
    nghttp2_session_callbacks_set_on_begin_headers_callback(s->callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(s->callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(s->callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(s->callbacks, on_stream_close);
    nghttp2_option_set_no_closed_streams(s->option, 1);
    nghttp2_option_set_stream_reset_rate_limit(s->option, UINT64_MAX, UINT64_MAX);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll_fd < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &ev))
        err(1, "epoll");
}

static void loop(struct server *s)
{
    for (;;) {
        struct epoll_event events[N_EVENTS];
        int n = epoll_wait(s->epoll_fd, events, N_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c)
                accept_conn(s);
            else if (!drink_and_flush(c))
                close_conn(c);
        }
    }
}

int main(int argc, char **argv)
{
    struct server *s = mem_new(1, sizeof *s);
    signal(SIGPIPE, SIG_IGN);
    s->listen_fd = bare_listen(argc, argv);
    start(s);
    loop(s);
}
