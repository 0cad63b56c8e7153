/* What is said on a stream, frame by frame. There is no connection: a test reads and writes the
 * bytes itself, and plays the part of what has the answers. */
#include "transport/h2/http2/answer.h"

#include "unit/transport/h2/peer.h"

static struct http2 h;
static struct gather gather;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *option;
static struct peer peer;
static int server; /* our end of the peer's connection */

/* The answers of the stream: so many bytes are ready, and whether the status follows them. */
static struct {
    size_t n_ready, n_taken;
    bool last;
    struct answer_status status;
} answers;

static bool goes_on(void *arg)
{
    return true;
}

static void nothing(void *arg)
{
}

static void no_field(void *arg, struct extproc_str name, struct extproc_str value)
{
}

static void request(void *arg, int32_t id)
{
    http2_set_stream(&h, id, &answers);
}

static void no_data(void *arg, void *stream, const uint8_t *bytes, size_t len)
{
}

static void no_stream(void *arg, void *stream)
{
}

static void no_reset(void *arg, void *stream, bool known)
{
}

static size_t ready(void *stream, size_t most, bool *ret_last)
{
    size_t n = answers.n_ready < most ? answers.n_ready : most;
    *ret_last = answers.last && n == answers.n_ready;
    return n;
}

static void trailers(void *stream)
{
    answer_trailers(&h, 1, &answers.status);
}

static void take(void *stream, size_t len)
{
    char bytes[64];
    cr_assert_leq(len, sizeof bytes);
    memset(bytes, 'a', len);
    gather_copy(&gather, bytes, len);
    answers.n_ready -= len;
    answers.n_taken += len;
}

static const struct http2_events events = {
    .goes_on = goes_on,
    .head_begins = nothing,
    .field = no_field,
    .request = request,
    .data = no_data,
    .half_closed = no_stream,
    .reset = no_reset,
    .settings = nothing,
    .pong = nothing,
    .closed = no_stream,
    .sent = nothing,
    .ended = no_stream,
    .reset_by_us = nothing,
    .ready = ready,
    .trailers = trailers,
    .take = take,
};

/* All that the peer has sent. */
static void hear(void)
{
    uint8_t bytes[PEER_FRAME_MAX];
    ssize_t n;
    while ((n = recv(server, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        cr_assert_eq(http2_feed(&h, bytes, (size_t)n), HTTP2_FED);
}

/* All that is to be said. */
static void speak(void)
{
    cr_assert_eq(http2_gather(&h), 0);
    cr_assert_eq(writev(server, gather.parts, gather.n_parts), (ssize_t)gather.len);
    gather_reset(&gather);
}

static void begin(void)
{
    static const struct transport_limits limits = {.max_header_list = 4096};
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    server = pair[0];
    callbacks = http2_callbacks_new();
    option = http2_option_new(&limits);
    h = (struct http2){.gather = &gather, .events = &events};
    cr_assert_eq(http2_open(&h, callbacks, option, &limits), 0);
    peer_greet(&peer, pair[1]);
}

static void end(void)
{
    cr_expect_not(h.failed);
    http2_close(&h);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    close(server);
    peer_close(&peer);
}

TestSuite(answer, .init = begin, .fini = end);

static void given_a_request(struct peer_request r)
{
    peer_request(&peer, 1, r);
    hear();
}

/* The next head or trailers, as they are. */
static void expect_fields(const char *fields, bool at_the_end)
{
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_HEADERS);
    cr_expect_eq(f->id, 1);
    cr_expect_str_eq(f->fields, fields);
    cr_expect_eq((f->flags & NGHTTP2_FLAG_END_STREAM) != 0, at_the_end);
}

static void expect_data(size_t len, bool at_the_end)
{
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_DATA);
    cr_expect_eq(f->len, len);
    cr_expect_eq((f->flags & NGHTTP2_FLAG_END_STREAM) != 0, at_the_end);
}

/* ---- statuses -------------------------------------------------------------------------------- */

Test(answer, a_status_alone_is_head_and_end)
{
    given_a_request((struct peer_request){0});
    answer_status(&h, 1, &(struct answer_status){STATUS_UNAVAILABLE, "no", 2});
    speak();
    expect_fields(":status: 200\ncontent-type: application/grpc\n"
                  "grpc-status: 14\ngrpc-message: no\n",
                  true);
}

Test(answer, a_status_without_a_text_has_no_message)
{
    given_a_request((struct peer_request){0});
    answer_status(&h, 1, &(struct answer_status){STATUS_OK, "", 0});
    speak();
    expect_fields(":status: 200\ncontent-type: application/grpc\ngrpc-status: 0\n", true);
}

Test(answer, unimplemented_names_the_encodings_that_are)
{
    given_a_request((struct peer_request){0});
    answer_status(&h, 1, &(struct answer_status){STATUS_UNIMPLEMENTED, "no", 2});
    speak();
    expect_fields(":status: 200\ncontent-type: application/grpc\ngrpc-status: 12\n"
                  "grpc-message: no\ngrpc-accept-encoding: identity,gzip\n",
                  true);
}

Test(answer, a_refusal_is_escaped)
{
    given_a_request((struct peer_request){0});
    answer_refuse(&h, 1, STATUS_INTERNAL, EXTPROC_S("50 %\n"));
    speak();
    expect_fields(":status: 200\ncontent-type: application/grpc\ngrpc-status: 13\n"
                  "grpc-message: 50 %25%0A\n",
                  true);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void expect_head(enum answer_head head, const char *fields)
{
    given_a_request((struct peer_request){0});
    answer_begin(&h, 1, head, &answers);
    speak();
    expect_fields(fields, false);
}

Test(answer, a_plain_head)
{
    expect_head(ANSWER_PLAIN, ":status: 200\ncontent-type: application/grpc\n");
}

Test(answer, a_head_that_takes_gzip)
{
    expect_head(ANSWER_TAKES_GZIP, ":status: 200\ncontent-type: application/grpc\n"
                                   "grpc-accept-encoding: identity,gzip\n");
}

Test(answer, a_head_whose_messages_are_packed)
{
    expect_head(ANSWER_PACKS_GZIP, ":status: 200\ncontent-type: application/grpc\n"
                                   "grpc-accept-encoding: identity,gzip\ngrpc-encoding: gzip\n");
}

Test(answer, bytes_go_when_they_are_ready_and_the_status_comes_last)
{
    /* Given a head whose answers are not there yet, */
    expect_head(ANSWER_PLAIN, ":status: 200\ncontent-type: application/grpc\n");

    /* when there is one, it goes, and nothing with it; */
    answers.n_ready = 5;
    answer_resume(&h, 1);
    speak();
    expect_data(5, false);

    /* when there is another, and the status after it, both go. */
    answers.n_ready = 7;
    answers.last = true;
    answers.status = (struct answer_status){STATUS_OK, "", 0};
    answer_resume(&h, 1);
    speak();
    expect_data(7, false);
    expect_fields("grpc-status: 0\n", true);
    cr_expect_eq(answers.n_taken, 12);
}

Test(answer, a_status_follows_no_answer)
{
    expect_head(ANSWER_PLAIN, ":status: 200\ncontent-type: application/grpc\n");
    answers.last = true;
    answers.status = (struct answer_status){STATUS_DEADLINE_EXCEEDED, "late", 4};
    answer_resume(&h, 1);
    speak();
    expect_fields("grpc-status: 4\ngrpc-message: late\n", true);
    cr_expect_eq(answers.n_taken, 0);
}

Test(answer, what_was_not_deferred_is_resumed_without_harm)
{
    given_a_request((struct peer_request){0});
    answers.n_ready = 5;
    answer_begin(&h, 1, ANSWER_PLAIN, &answers);
    answer_resume(&h, 1);
    speak();
    expect_fields(":status: 200\ncontent-type: application/grpc\n", false);
    expect_data(5, false);
}

/* ---- resets ---------------------------------------------------------------------------------- */

static void expect_reset(enum status status, uint32_t code)
{
    given_a_request((struct peer_request){0});
    answer_reset(&h, 1, status);
    speak();
    const struct peer_frame *f = peer_await(&peer, NGHTTP2_RST_STREAM);
    cr_expect_eq(f->id, 1);
    cr_expect_eq(f->bytes[3], code);
}

Test(answer, a_reset_for_want_of_room_is_ENHANCE_YOUR_CALM)
{
    expect_reset(STATUS_RESOURCE_EXHAUSTED, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(answer, any_other_reset_cancels)
{
    expect_reset(STATUS_UNAVAILABLE, NGHTTP2_CANCEL);
}

/* ---- what is not gRPC ------------------------------------------------------------------------ */

static const char words[] = "This server speaks gRPC: POST, content-type application/grpc\n";

Test(answer, a_method_that_is_not_post)
{
    given_a_request((struct peer_request){.method = "GET"});
    answer_not_post(&h, 1, false);
    speak();
    expect_fields(":status: 405\ncontent-type: text/plain\nallow: POST\n", false);
    expect_data(sizeof words - 1, true);
    cr_expect_str_eq((const char *)peer.frame.bytes, words);
}

Test(answer, a_head_gets_no_body)
{
    given_a_request((struct peer_request){.method = "HEAD"});
    answer_not_post(&h, 1, true);
    speak();
    expect_fields(":status: 405\ncontent-type: text/plain\nallow: POST\n", true);
}

Test(answer, what_is_not_grpc)
{
    given_a_request((struct peer_request){.type = "text/html"});
    answer_not_grpc(&h, 1, false);
    speak();
    expect_fields(":status: 415\ncontent-type: text/plain\n", false);
    expect_data(sizeof words - 1, true);
}

Test(answer, the_words_for_a_person_go_as_the_window_opens)
{
    /* Given a client whose streams take ten bytes, */
    peer_send_frame(&peer, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\12", 6);
    given_a_request((struct peer_request){.type = "text/html"});
    answer_not_grpc(&h, 1, false);
    speak();
    expect_data(10, false);

    /* when it takes the rest, the rest comes, from where it was. */
    peer_send_frame(&peer, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\1\0", 4);
    hear();
    speak();
    expect_data(sizeof words - 1 - 10, true);
    cr_expect_str_eq((const char *)peer.frame.bytes, words + 10);
}
