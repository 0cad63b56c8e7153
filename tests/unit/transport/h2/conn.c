/* Connections that do what they should not, and what their neighbours see of it: nothing. */
#include "unit/transport/h2/peer.h"

static struct rig rig = {.name = "h2"};
static struct peer peer, neighbour;
static const struct peer_request echo = {0};

static void begin(void)
{
    rig.listener.limits.max_header_list = 4096;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
    peer_connect(&neighbour, rig.target);
    peer_request(&neighbour, 1, echo);
    peer_say(&neighbour, 1, "1 before");
    peer_expect(&neighbour, 1, "1 before");
}

static void begin_few(void)
{
    rig.listener.limits.max_streams = 100;
    begin();
}

static void end(void)
{
    peer_say(&neighbour, 1, "1 after");
    peer_expect(&neighbour, 1, "1 after");
    peer_close(&neighbour);
    peer_close(&peer);
    rig_end(&rig);
}

TestSuite(conn, .init = begin, .fini = end);
TestSuite(conn_few, .init = begin_few, .fini = end);

/* Sends it n times, as long as the server accepts it; many at a time, so that it is a flood. */
static void flood(const uint8_t *frame, size_t len, int n)
{
    static uint8_t all[1 << 20];
    cr_assert_leq(len * (size_t)n, sizeof all);
    for (int i = 0; i < n; i++)
        memcpy(all + (size_t)i * len, frame, len);
    peer_send(&peer, all, len * (size_t)n);
}

static void flood_with(uint8_t type, int32_t id, size_t len, int n)
{
    uint8_t frame[64];
    flood(frame, peer_put_frame(frame, type, 0, id, "\0\0\0\0\0\0\0", len), n);
}

static void expect_broken(const char *counter)
{
    peer_expect_end(&peer, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(rig_counted(&rig, counter), 1, "%s is not counted", counter);
}

Test(conn, no_preface)
{
    struct peer other = {.fd = -1};
    peer_connect(&other, rig.target);
    peer_send(&other, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", 30);
    peer_await(&other, PEER_EOF);
    peer_close(&other);
}

Test(conn, a_flood_of_pings)
{
    flood_with(NGHTTP2_PING, 0, 8, 3000);
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, a_flood_of_settings)
{
    flood_with(NGHTTP2_SETTINGS, 0, 0, 3000);
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, a_flood_of_empty_data)
{
    peer_request(&peer, 1, echo);
    rig_wait(&rig, &rig.n_open, 2);
    flood_with(NGHTTP2_DATA, 1, 0, 3000);
    expect_broken("max_idle_frames_exceeded");
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
}

Test(conn, a_flood_of_padding)
{
    uint8_t frame[64];
    const uint8_t padding[] = {7, 0, 0, 0, 0, 0, 0, 0};
    peer_request(&peer, 1, echo);
    flood(frame, peer_put_frame(frame, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padding, 8), 3000);
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, a_flood_of_window_updates)
{
    uint8_t frame[64];
    flood(frame, peer_put_frame(frame, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4), 3000);
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, a_flood_of_unknown_frames)
{
    flood_with(0x77, 0, 0, 3000);
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, a_flood_of_goaways)
{
    flood_with(NGHTTP2_GOAWAY, 0, 8, 3000);
    expect_broken("max_idle_frames_exceeded");
}

/* nghttp2 does not report these. */
Test(conn, floods_for_a_stream_that_is_gone)
{
    static const struct {
        uint8_t type;
        size_t len;
        const char *bytes;
    } frames[] = {
        {NGHTTP2_DATA, 0, NULL},
        {NGHTTP2_RST_STREAM, 4, "\0\0\0\10"},
        {NGHTTP2_WINDOW_UPDATE, 4, "\0\0\0\1"},
        {NGHTTP2_PRIORITY, 5, "\0\0\0\0\1"},
    };
    enum { N = sizeof frames / sizeof *frames };
    for (size_t i = 0; i < N; i++) {
        struct peer other;
        uint8_t frame[64];
        peer_connect(&other, rig.target);
        peer_request(&other, 1, echo);
        peer_reset(&other, 1);
        size_t len = peer_put_frame(frame, frames[i].type, 0, 1, frames[i].bytes, frames[i].len);
        for (int n = 0; n < 3000 && peer_send(&other, frame, len); n++)
            ;
        peer_expect_end(&other, NGHTTP2_ENHANCE_YOUR_CALM);
        peer_close(&other);
    }
    cr_assert_eq(rig_counted(&rig, "max_idle_frames_exceeded"), N);
}

/* As many as there are frames of answers, of the stream and of the connection. */
Test(conn, window_updates_for_what_was_sent_do_not_count)
{
    static char text[16001];
    rig.listener.limits.idles = (struct budget_rate){4, 1000000};
    memset(text, '9', sizeof text - 1);
    peer_request(&peer, 1, echo);
    peer_say(&peer, 1, text);
    for (size_t n_left = 9 * (sizeof text + 4); n_left;) {
        struct peer_frame *f = peer_await(&peer, NGHTTP2_DATA);
        uint8_t size[] = {0, 0, (uint8_t)(f->len >> 8), (uint8_t)f->len};
        n_left -= f->len;
        peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 0, size, sizeof size);
        peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 1, size, sizeof size);
    }
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0");
}

/* What comes after the limit is not even looked at: nghttp2 would abort() on it. */
Test(conn, a_wrong_frame_after_a_flood)
{
    enum { N = 2000 };
    static uint8_t all[(N + 2) * 9];
    uint8_t *p = all;
    peer_request(&peer, 1, echo);
    for (int i = 0; i < N; i++)
        p += peer_put_frame(p, NGHTTP2_DATA, 0, 1, NULL, 0);
    p += peer_put_frame(p, NGHTTP2_PING, 0, 0, "short", 5);
    peer_send(&peer, all, (size_t)(p - all));
    expect_broken("max_idle_frames_exceeded");
}

Test(conn, pings_of_an_active_client_do_not_count)
{
    peer_request(&peer, 1, echo);
    for (int i = 0; i < 8; i++) {
        flood_with(NGHTTP2_PING, 0, 8, 500);
        peer_say(&peer, 1, "1");
        peer_expect(&peer, 1, "1");
    }
}

Test(conn, a_flood_of_continuations)
{
    uint8_t block[PEER_FRAME_MAX];
    size_t len = peer_put_request(block, echo);
    peer_send_frame(&peer, NGHTTP2_HEADERS, 0, 1, block, len);
    for (int i = 0; i < 1000; i++)
        if (!peer_send_frame(&peer, NGHTTP2_CONTINUATION, 0, 1, block, 0))
            break;
    expect_broken("max_continuations_exceeded");
}

/* One kilobyte once, and then a byte for each time: HPACK's own bomb. */
Test(conn, a_head_that_swells)
{
    uint8_t block[PEER_FRAME_MAX];
    size_t len = peer_put_request(block, echo);
    block[len++] = 0x40; /* literal, to be remembered */
    block[len++] = 1;
    block[len++] = 'x';
    block[len++] = 127; /* 1000 bytes */
    block[len++] = (1000 - 127) % 128 | 128;
    block[len++] = (1000 - 127) / 128;
    memset(block + len, 'v', 1000);
    len += 1000;
    memset(block + len, 0x80 | 62, 5000); /* and again */
    len += 5000;
    peer_send_frame(&peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, len);
    expect_broken("max_header_list_exceeded");
    cr_assert_eq(rig.n_open, 1);
}

/* CVE-2023-44487. */
Test(conn, a_flood_of_streams_that_are_reset_immediately)
{
    for (int32_t id = 1; id < 20000; id += 2)
        if (!peer_request(&peer, id, echo) || !peer_reset(&peer, id))
            break;
    expect_broken("max_resets_exceeded");
}

/* How Envoy ends all of its streams. */
Test(conn, streams_that_are_reset_after_their_answer_do_not_count)
{
    for (int32_t id = 1; id < 20000; id += 2) {
        peer_request(&peer, id, echo);
        peer_say(&peer, id, "1");
        peer_expect(&peer, id, "1");
        peer_reset(&peer, id);
    }
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 10000);
}

/* CVE-2025-8671: frames that make us reset the stream. */
Test(conn, a_flood_of_streams_that_we_must_reset)
{
    for (int32_t id = 1; id < 20000; id += 2)
        if (!peer_request(&peer, id, echo) ||
            !peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, id, "\x7f\xff\xff\xff", 4))
            break;
    expect_broken("max_resets_exceeded");
}

Test(conn_few, streams_over_the_limit_are_refused)
{
    for (int32_t id = 1; id <= 201; id += 2)
        peer_request(&peer, id, echo);
    struct peer_frame *f = peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_assert_eq(f->id, 201);
    cr_assert_eq(f->bytes[3], NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(rig_counted(&rig, "max_streams_exceeded"), 1);
}

/* Also where the client has acknowledged how many it may open: the others have done nothing
 * wrong. */
Test(conn_few, a_stream_over_a_known_limit_is_refused_alone)
{
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_SETTINGS);
    cr_assert(memmem(f->bytes, f->len, "\0\x03\0\0\0\x64", 6), "100 are not announced");
    for (int32_t id = 1; id <= 199; id += 2)
        peer_request(&peer, id, echo);
    for (int32_t id = 201; id < 211; id += 2) {
        peer_request(&peer, id, echo);
        f = peer_await(&peer, NGHTTP2_RST_STREAM);
        cr_assert_eq(f->id, id);
        cr_assert_eq(f->bytes[3], NGHTTP2_REFUSED_STREAM);
    }
    for (int32_t id = 1; id <= 199; id += 2) {
        peer_say(&peer, id, "1");
        peer_expect(&peer, id, "1");
    }
    /* When one has ended there is a place. */
    peer_reset(&peer, 1);
    peer_request(&peer, 211, echo);
    peer_say(&peer, 211, "1");
    peer_expect(&peer, 211, "1");
    cr_assert_eq(rig_counted(&rig, "max_streams_exceeded"), 5);
}

/* What costs us a reset each is limited as well. */
Test(conn_few, a_flood_of_streams_over_the_limit)
{
    for (int32_t id = 1; id < 20000; id += 2)
        if (!peer_request(&peer, id, echo))
            break;
    expect_broken("max_resets_exceeded");
}

Test(conn, one_that_goes_is_lost_to_its_streams)
{
    peer_request(&peer, 1, echo);
    peer_request(&peer, 3, echo);
    rig_wait(&rig, &rig.n_open, 2);
    peer_send_frame(&peer, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    peer_close(&peer);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_LOST], 1);
    cr_assert_eq(rig.n_closed[TRANSPORT_RESET], 1);
    peer_connect(&peer, rig.target);
}

/* It sends more and more requests, and reads nothing: so at some time we no longer read from it. */
Test(conn, one_that_does_not_read_is_not_read)
{
    char path[100] = "/";
    memset(path + 1, '%', sizeof path - 2);
    const struct timeval soon = {.tv_usec = 200000};
    setsockopt(peer.fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    uint8_t block[512], frame[600];
    size_t block_len = peer_put_request(block, (struct peer_request){.path = path});
    size_t sent = 0, len = 0;
    ssize_t n = 0;
    for (int32_t id = 1; n == (ssize_t)len; id += 2) {
        len =
            peer_put_frame(frame, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block, block_len);
        n = send(peer.fd, frame, len, MSG_NOSIGNAL);
        sent += len;
        cr_assert_leq(sent, 64u << 20, "it reads on and on");
    }
    cr_assert(n >= 0 || errno == EAGAIN, "%s", strerror(errno));
}

/* It reads, but opens no window: its answers wait with us, so it may not send more. */
Test(conn, a_client_that_opens_no_window_gets_none)
{
    size_t n_updates = 0;
    char text[900];
    memset(text, '9', sizeof text - 1);
    text[sizeof text - 1] = 0;
    peer_await(&peer, NGHTTP2_SETTINGS);
    peer_request(&peer, 1, echo);
    for (int i = 0; i < 1000; i++) /* 900 kB of messages, 8 MB of answers */
        peer_say(&peer, 1, text);
    peer_send_frame(&peer, NGHTTP2_PING, 0, 0, "12345678", 8);
    struct peer_frame *f;
    while ((f = peer_read(&peer))->type != NGHTTP2_PING)
        n_updates += f->type == NGHTTP2_WINDOW_UPDATE && f->id == 1;
    cr_assert_eq(n_updates, 0);
}
