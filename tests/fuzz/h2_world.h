/* h2_world: clients that send what the script says, and a handler that keeps and ends streams at
 * random.
 *
 * Both check what they see, and record what it may cost: see fuzz_h2.c.
 */
#ifndef EXTPROCD_TESTS_FUZZ_H2_WORLD_H
#define EXTPROCD_TESTS_FUZZ_H2_WORLD_H

#include "base/str.h"
#include "unit/transport/h2/peer.h"

#include <assert.h>

enum {
    CLIENTS_MAX = 4,
    OUT_MAX = 192 * 1024, /* about what a socket takes */
    MAX_MESSAGE = 64 * 1024,
    /* What may be allocated, at most: for nothing, for a frame, and for a call. */
    MEMORY = 4 * 1024 * 1024,
    FRAME_MEMORY = 4096,
    CALL_MEMORY = MAX_MESSAGE + 4096
};

struct client {
    int fd; /* -1: closed */
    bool deaf;
    uint32_t last_id; /* that it has opened */
    /* Of what the server says. */
    uint8_t head[9];
    size_t n_head, n_left; /* bytes: of a head that are here, of a payload that are not */
    bool heard;
    size_t out_len;
    uint8_t out[OUT_MAX]; /* last: only its beginning is cleared */
};

struct stream {
    struct transport_call *call;
    struct stream *next;
    bool half_closed, finished;
    bool held;    /* see transport_hold() */
    bool refused; /* room for an answer */
    bool tidy;    /* releases its messages when it is closed; otherwise they are released later */
};

struct held {
    struct message message;
    struct stream *stream; /* NULL: it is closed */
    struct held *next;
};

struct world {
    struct loop loop;
    struct transport *t;
    const uint8_t *at, *end; /* of the script */
    struct client *client;   /* that acts; NULL: none yet        */
    unsigned n_clients, n_rounds_over;
    struct stream *streams;
    struct held *held;
    size_t n_opened, n_memory; /* bytes that may be allocated */
    bool refuses;              /* the handler opens nothing */
    bool answering;            /* the handler is in send() or finish() */
    bool stopped;
};

static struct client clients[CLIENTS_MAX];
static struct world *world; /* whose transport runs; other callbacks than open() do not get it */

/* ---- the handler ----------------------------------------------------------------------------- */

static inline void answer(struct world *w, struct stream *s, size_t len)
{
    uint8_t *bytes = transport_reserve(s->call, len);
    assert(bytes);
    memset(bytes, 'a', len);
    w->n_memory += len;
    w->answering = true;
    transport_send(s->call);
    w->answering = false;
}

static inline void finish(struct world *w, struct stream *s, enum status status)
{
    s->finished = true;
    w->answering = true;
    transport_finish(s->call, status, EXTPROC_S("said \x01 to"));
    w->answering = false;
}

static inline void release(struct held **link)
{
    struct held *h = *link;
    *link = h->next;
    message_release(&h->message);
    free(h);
}

static inline void hold(struct world *w, struct stream *s, const struct message *message)
{
    struct held *h = malloc(sizeof *h);
    *h = (struct held){*message, s, w->held};
    w->held = h;
}

/* What the one request that has it says. */
static const char *const metadata_names[] = {"x-one", "x-none"};
#define METADATA_VALUE "one value"

static inline void expect_metadata(const struct transport_call *call)
{
    struct extproc_str value = transport_metadata(call, "x-one");
    assert(!value.ptr || str_eq_c(value, METADATA_VALUE));
    assert(!transport_metadata(call, "x-none").ptr);
}

static inline void *handler_open(void *arg, struct transport_call *call)
{
    struct world *w = arg;
    struct stream *s = w->refuses ? NULL : malloc(sizeof *s);
    if (s) {
        *s = (struct stream){call, w->streams, .tidy = w->n_opened % 2};
        w->streams = s;
        w->n_opened++;
        expect_metadata(call);
    }
    return s;
}

/* Reads what it can of the message, and does what its first byte says. */
static inline void handler_message(void *stream, const struct message *message)
{
    struct world *w = world;
    struct stream *s = stream;
    struct extproc_str piece = message->pieces[0];
    char *copy = malloc(piece.len + 1);
    assert(message->n_pieces == 1 && piece.len <= MAX_MESSAGE);
    assert(!s->half_closed && !s->finished && !s->held && !w->answering);
    memcpy(copy, piece.ptr, piece.len);
    copy[piece.len] = 0;
    hold(w, s, message);
    if (*copy != 'h' && *copy != 'f')
        answer(w, s, piece.len);
    if (*copy == '2')
        answer(w, s, piece.len);
    if (*copy == 'e' || *copy == 'f')
        finish(w, s, (enum status)copy[0]);
    if (*copy != 'h' && *copy != 'H')
        release(&w->held);
    free(copy);
}

static inline void handler_half_close(void *stream)
{
    struct stream *s = stream;
    assert(!s->half_closed && !s->finished && !s->held && !world->answering);
    s->half_closed = true;
    if (!s->tidy)
        finish(world, s, STATUS_OK);
}

static inline void handler_room(void *stream)
{
    struct stream *s = stream;
    assert(s->refused && !s->finished && !world->answering);
    s->refused = false;
    answer(world, s, 512);
}

static inline void handler_closed(void *stream, enum transport_end why)
{
    struct world *w = world;
    struct stream *s = stream, **link = &w->streams;
    assert(!w->answering);
    expect_metadata(s->call);
    assert(why != TRANSPORT_FINISHED || s->finished);
    assert(why != TRANSPORT_STOPPED || w->stopped);
    while (*link != s) {
        assert(*link); /* else it is closed already */
        link = &(*link)->next;
    }
    *link = s->next;
    for (struct held **at = &w->held; *at;) {
        bool mine = (*at)->stream == s;
        if (mine && s->tidy) {
            release(at);
            continue;
        }
        if (mine)
            (*at)->stream = NULL;
        at = &(*at)->next;
    }
    free(s);
}

/* ---- the clients ----------------------------------------------------------------------------- */

/* A frame that does not fit is omitted completely. */
static inline void put(struct world *w, const void *bytes, size_t len)
{
    struct client *c = w->client;
    if (!c || c->fd < 0 || len > OUT_MAX - c->out_len)
        return;
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    w->n_memory += len + (len / 9 + 1 < 16 ? len / 9 + 1 : 16) * FRAME_MEMORY;
}

static inline void put_frame(struct world *w, uint8_t type, uint8_t flags, uint32_t id,
                             const void *bytes, size_t len)
{
    uint8_t frame[9 + PEER_FRAME_MAX];
    put(w, frame, peer_put_frame(frame, type, flags, (int32_t)id, bytes, len));
}

/* One more, with a socket that is connected; it acts from now on. */
static inline void client_open(struct world *w, int fd, bool greets)
{
    struct client *c = w->client = &clients[w->n_clients++];
    memset(c, 0, offsetof(struct client, out));
    c->fd = fd;
    if (!greets)
        return;
    put(w, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    put_frame(w, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

static inline void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static inline void check_head(struct client *c)
{
    uint8_t type = c->head[3];
    c->n_left = (size_t)c->head[0] << 16 | (size_t)c->head[1] << 8 | c->head[2];
    assert(c->n_left <= PEER_FRAME_MAX && type <= NGHTTP2_CONTINUATION);
    assert(c->heard || type == NGHTTP2_SETTINGS);
    c->heard = true;
    c->n_head = 0;
}

static inline void check_said(struct client *c, const uint8_t *bytes, size_t len)
{
    while (len) {
        size_t wanted = c->n_left ? c->n_left : sizeof c->head - c->n_head;
        size_t n = wanted < len ? wanted : len;
        if (c->n_left) {
            c->n_left -= n;
        } else {
            memcpy(c->head + c->n_head, bytes, n);
            c->n_head += n;
            if (c->n_head == sizeof c->head)
                check_head(c);
        }
        bytes += n;
        len -= n;
    }
}

/* Sends and receives as much as the socket takes and has. */
static inline void client_exchange(struct client *c)
{
    static uint8_t bytes[256 * 1024];
    if (c->fd < 0)
        return;
    ssize_t n = c->out_len ? send(c->fd, c->out, c->out_len, MSG_NOSIGNAL) : 0;
    if (n > 0) {
        c->out_len -= (size_t)n;
        memmove(c->out, c->out + n, c->out_len);
    }
    n = c->deaf ? 0 : recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0)
        check_said(c, bytes, (size_t)n);
}

#endif
