/* fuzz_h2: clients that do anything, and a handler that does anything -> the transport on nghttp2.
 *
 * The input is a script, a letter and its arguments at a time: see act(). It is played by a timer
 * of the loop, one command in a round, so that all runs in one thread and comes out the same each
 * time; the loop's clock is the script's as well. After the script
 * the transport is stopped. In every case:
 *     a call that was opened is closed, once, last, and for a reason that is true
 *     no event follows for a call that has half-closed or was finished
 *     the server sends complete frames
 *     memory is at most what clients and handler have put in
 *     the loop ends, even if the clients do nothing
 */
#include "fuzz/h2_world.h"
#include "transport/h2/framing/gzip.h"
#include "transport/h2/h2.h"

#include <sanitizer/allocator_interface.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the loop's end, when the script is over. */
enum { LAST_ROUNDS = 32, LAST_MS = 250 };

enum { MESSAGE_MAX = 128 * 1024 };

static int listener = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len = sizeof address;
static uint64_t now_ms;

static uint64_t read_clock(void *unused)
{
    return now_ms;
}

/* ---- the script ------------------------------------------------------------------------------ */

static uint8_t take(struct world *w)
{
    return w->at < w->end ? *w->at++ : 0;
}

static const uint8_t *take_bytes(struct world *w, size_t *ret_len)
{
    size_t len = take(w), left = (size_t)(w->end - w->at);
    const uint8_t *bytes = w->at;
    *ret_len = len < left ? len : left;
    w->at += *ret_len;
    return bytes;
}

/* '*' is the client's newest stream. */
static uint32_t take_id(struct world *w)
{
    uint8_t id = take(w);
    return id == '*' && w->client ? w->client->last_id : id % 64;
}

static struct stream *take_stream(struct world *w)
{
    struct stream *s = w->streams;
    for (unsigned i = take(w) % 16; s && i > 0; i--)
        s = s->next;
    return s;
}

static void play_open(struct world *w, bool greets)
{
    if (w->n_clients == CLIENTS_MAX)
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_len))
        abort();
    client_open(w, fd, greets);
}

static void play_adopt(struct world *w)
{
    int pair[2];
    if (w->n_clients == CLIENTS_MAX)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
        abort();
    if (transport_h2.adopt(w->t, 0, pair[0])) {
        assert(w->stopped);
        close(pair[0]);
    }
    client_open(w, pair[1], true);
}

static void play_request(struct world *w)
{
    static const struct peer_request requests[] = {
        {0},
        {.name = "grpc-timeout", .value = "50m"},
        {.path = "/grpc.health.v1.Health/Check"},
        {.path = "/grpc.health.v1.Health/Watch"},
        {.name = "grpc-encoding", .value = "gzip"},
        {.path = "/test.Nobody/Knows"},
        {.method = "GET"},
        {.type = "text/plain"},
        {.name = "grpc-timeout", .value = "soon"},
        {.name = "content-length", .value = "7"},
        {.name = "Wrong", .value = "case"},
        {.name = "x-one", .value = METADATA_VALUE},
    };
    uint8_t block[1024], flags = take(w);
    size_t which = take(w) % (sizeof requests / sizeof *requests);
    size_t len = peer_put_request(block, requests[which]), cut = flags & 8 ? len / 2 : len;
    uint8_t end = flags & NGHTTP2_FLAG_END_STREAM;
    if (!w->client)
        return;
    uint32_t id = w->client->last_id += w->client->last_id ? 2 : 1;
    w->n_memory += CALL_MEMORY;
    if (cut == len) {
        put_frame(w, NGHTTP2_HEADERS, end | NGHTTP2_FLAG_END_HEADERS, id, block, len);
        return;
    }
    put_frame(w, NGHTTP2_HEADERS, end, id, block, cut);
    put_frame(w, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, id, block + cut, len - cut);
}

/* Compressed, if it becomes shorter; its length. */
static size_t pack(struct world *w, uint8_t *message, size_t len)
{
    static struct gzip gzip;
    static uint8_t packed[MESSAGE_MAX];
    size_t n = gzip_pack(&gzip, message + MESSAGE_PREFIX, (uint32_t)len, packed);
    memcpy(message + MESSAGE_PREFIX, packed, n);
    messages_put_prefix(message, (uint32_t)(n ? n : len));
    message[0] = MESSAGE_PACKED;
    w->n_memory += MAX_MESSAGE;
    return n ? n : len;
}

/* A message in frames of one size. */
static void play_message(struct world *w)
{
    static uint8_t bytes[MESSAGE_PREFIX + MESSAGE_MAX];
    uint32_t id = take_id(w);
    uint8_t what = take(w), flags = take(w);
    size_t unit = flags & 2 ? 512 : 1, len = take(w) * unit, step = take(w) * unit, at = 0;
    if (step == 0 || step > PEER_FRAME_MAX)
        step = PEER_FRAME_MAX;
    messages_put_prefix(bytes, (uint32_t)len);
    memset(bytes + MESSAGE_PREFIX, what, len);
    if (flags & 4)
        len = pack(w, bytes, len);
    for (len += MESSAGE_PREFIX; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        bool last = at + n == len;
        put_frame(w, NGHTTP2_DATA, last ? flags & NGHTTP2_FLAG_END_STREAM : 0, id, bytes + at, n);
    }
}

/* Any frame, many times. */
static void play_frame(struct world *w)
{
    uint8_t type = take(w) % 16, flags = take(w);
    uint32_t id = take_id(w), n = 1u << take(w) % 9;
    size_t len;
    const uint8_t *bytes = take_bytes(w, &len);
    if (type == NGHTTP2_HEADERS)
        w->n_memory += CALL_MEMORY;
    while (n--)
        put_frame(w, type, flags, id, bytes, len);
}

/* Calls that are reset as soon as they are opened. */
static void play_resets(struct world *w)
{
    uint8_t block[1024];
    static const uint8_t code[] = {0, 0, 0, NGHTTP2_CANCEL};
    size_t len = peer_put_request(block, (struct peer_request){0});
    for (unsigned n = 1u << take(w) % 7; n > 0 && w->client; n--) {
        uint32_t id = w->client->last_id += w->client->last_id ? 2 : 1;
        put_frame(w, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block, len);
        put_frame(w, NGHTTP2_RST_STREAM, 0, id, code, sizeof code);
    }
}

static void play_window(struct world *w)
{
    uint32_t id = take_id(w);
    const uint8_t bytes[] = {0, take(w) & 0x7f, 0, 1};
    put_frame(w, NGHTTP2_WINDOW_UPDATE, 0, id, bytes, sizeof bytes);
}

static void play_raw(struct world *w)
{
    size_t len;
    const uint8_t *bytes = take_bytes(w, &len);
    w->n_memory += CALL_MEMORY * (len / 9);
    put(w, bytes, len);
}

/* What the handler does by itself. */
static void play_handler(struct world *w, uint8_t what)
{
    struct stream *s = take_stream(w);
    size_t len = (size_t)take(w) * 512;
    if (!s)
        return;
    if (what == 'a')
        answer(w, s, len);
    else if (what == 'z')
        finish(w, s, (enum status)(len / 512));
    else
        w->n_memory += transport_reserve(s->call, len) ? len : 0;
}

/* How fast it wants the client to be. Nothing is handed over meanwhile. */
static void play_pace(struct world *w, uint8_t what)
{
    struct stream *s = take_stream(w);
    if (!s)
        return;
    w->answering = true;
    if (what == 'h')
        transport_hold(s->call);
    else if (what == 'H')
        transport_resume(s->call);
    else
        s->refused = !transport_has_room(s->call) && !s->finished;
    w->answering = false;
    if (what == 'h' || what == 'H')
        s->held = what == 'h';
}

static void play_release(struct world *w)
{
    struct held **link = &w->held;
    for (unsigned i = take(w); *link && i > 0; i--)
        link = &(*link)->next;
    if (*link)
        release(link);
}

static void play_client(struct world *w, uint8_t what)
{
    struct client *c = w->client;
    if (what == 's' && w->n_clients)
        w->client = &clients[take(w) % w->n_clients];
    else if (c && what == 'q')
        c->deaf = !c->deaf;
    else if (c && c->fd >= 0 && what == 'e')
        shutdown(c->fd, SHUT_WR);
    else if (c && what == 'k')
        client_close(c);
}

static void play_end(struct world *w, uint8_t what)
{
    /* A drain that is over ends by force. */
    w->stopped = true;
    if (what == 'D')
        transport_h2.drain(w->t, (uint64_t)take(w) * 16);
    else
        transport_h2.stop(w->t);
}

/* One command. */
static void act(struct world *w)
{
    uint8_t what = take(w);
    switch (what) {
    case 'o': /* a client more, which acts from now on */
    case 'O': /* the same, and it says nothing by itself */
        play_open(w, what == 'o');
        break;
    case 'A': /* a client more, whose connection is adopted */
        play_adopt(w);
        break;
    case 'c': /* flags, which: a call */
        play_request(w);
        break;
    case 'm': /* stream, first byte, flags, length, frame: a message */
        play_message(w);
        break;
    case 'f': /* type, flags, stream, times, length, bytes */
        play_frame(w);
        break;
    case 'x': /* times */
        play_resets(w);
        break;
    case 'w': /* stream, 64 KiB times what */
        play_window(w);
        break;
    case 'r': /* length, bytes */
        play_raw(w);
        break;
    case 's': /* which: that client acts from now on */
    case 'q': /* it stops reading, or starts again */
    case 'e': /* it ends its side */
    case 'k': /* it is gone */
        play_client(w, what);
        break;
    case 'a': /* call, length: an answer to nothing */
    case 'z': /* call, status */
    case 'u': /* call, length: a buffer that is not used */
        play_handler(w, what);
        break;
    case 'h': /* call: nothing more of it is handed over, ... */
    case 'H': /* call: ... and again */
    case 'b': /* call: is there room for an answer? */
        play_pace(w, what);
        break;
    case 'v': /* which message is given back */
        play_release(w);
        break;
    case 'n': /* the handler opens nothing, or again */
        w->refuses = !w->refuses;
        break;
    case 't': /* the power of two: milliseconds pass */
        now_ms += UINT64_C(1) << take(w) % 17;
        break;
    case 'D': /* time */
    case 'S':
        play_end(w, what);
        break;
    default:
        break;
    }
}

static void step(void *arg)
{
    struct world *w = arg;
    if (w->at < w->end) {
        /* '+': and the next one in the same round. */
        for (act(w); w->at < w->end && *w->at == '+'; act(w))
            w->at++;
    } else {
        assert(w->n_rounds_over < LAST_ROUNDS);
        if (w->n_rounds_over++ == 0)
            play_end(w, 'S');
        now_ms += LAST_MS;
    }
    for (unsigned i = 0; i < w->n_clients; i++)
        client_exchange(&clients[i]);
    assert(__sanitizer_get_current_allocated_bytes() <= w->n_memory);
    if (loop_after(&w->loop, 0, step, w))
        abort();
}

/* ---- a run ----------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    /* A name of the kernel's own, in no folder. */
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) ||
        listen(listener, CLIENTS_MAX) ||
        getsockname(listener, (struct sockaddr *)&address, &address_len))
        abort();
    return 0;
}

/* Accepts the connections that were not accepted. */
static void drain_backlog(void)
{
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0)
        close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct transport_handler handler = {
        ECHO_PATH,          handler_open,   handler_message,
        handler_half_close, handler_closed, .room = handler_room,
    };
    struct world w = {.at = data, .end = data + size};
    const struct transport_listener l = {.name = "fuzz",
                                         .address = "",
                                         .fd = dup(listener), /* which the end closes */
                                         .arg = &w,
                                         .limits.max_message = MAX_MESSAGE,
                                         .limits.max_header_list = 4096,
                                         .limits.max_streams = size % 2 ? 8 : 0};
    const struct transport_listener *const listeners[] = {&l};
    const struct transport_options options = {.loop = &w.loop,
                                              .listeners = listeners,
                                              .n_listeners = 1,
                                              .handlers = &handler,
                                              .n_handlers = 1,
                                              .metadata = metadata_names,
                                              .n_metadata = 2};
    const char *why;
    now_ms = 1;
    w.n_memory = __sanitizer_get_current_allocated_bytes() + MEMORY;
    world = &w;
    loop_init(&w.loop, &(struct loop_clock){.read = read_clock});
    if (transport_h2.create(&options, NULL, &w.t, &why) || loop_after(&w.loop, 0, step, &w))
        abort();
    transport_h2.run(w.t);
    assert(!w.streams);
    while (w.held)
        release(&w.held);
    transport_h2.destroy(w.t);
    loop_fini(&w.loop);
    for (unsigned i = 0; i < w.n_clients; i++)
        client_close(&clients[i]);
    drain_backlog();
    return 0;
}
