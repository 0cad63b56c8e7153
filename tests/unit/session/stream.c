/* The edge itself: what goes out to a transport, and what happens when that cannot take it. */
#include "session/stream.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct loop loop;
static struct session_env env = {.loop = &loop};
static const struct session_listener listener = {.name = "main"};
static struct coverage coverage = {.listener = &listener};
static struct stream *stream;

static unsigned n_sent, n_finished, n_released;
static bool no_memory;
static uint8_t buffer[256];
static size_t buffer_len;
static enum status status;
static char why[256];

static uint8_t *on_reserve(void *call, size_t len)
{
    buffer_len = len;
    return no_memory || len > sizeof buffer ? NULL : buffer;
}
static void on_send(void *call)
{
    n_sent++;
}
static void on_finish(void *call, enum status s, struct extproc_str message)
{
    n_finished++;
    status = s;
    memcpy(why, message.ptr, message.len);
    why[message.len] = '\0';
}
static void on_release(void *owner)
{
    n_released++;
}
static size_t max_answer;

static size_t on_max_answer(void *call)
{
    return max_answer;
}
static const char *on_peer(void *call)
{
    return "192.0.2.1:4711";
}
static const struct stream_out out = {.peer = on_peer,
                                      .max_answer = on_max_answer,
                                      .reserve = on_reserve,
                                      .send = on_send,
                                      .finish = on_finish};

static void setup(void)
{
    struct generation *nothing = calloc(1, sizeof *nothing);
    nothing->refs = 1;
    arena_init(&nothing->arena, 64);
    n_sent = n_finished = n_released = 0;
    no_memory = false;
    loop_init(&loop, NULL);
    stream = stream_open(&env, nothing, &coverage, &out, NULL);
}
static void teardown(void)
{
    stream_closed(stream, EXTPROC_END_DONE);
    loop_fini(&loop);
}
TestSuite(stream, .init = setup, .fini = teardown);

static void feed(struct extproc_str bytes)
{
    stream_message(stream, &(struct message){&bytes, 1, NULL, on_release});
}

/* ProcessingRequest { request_headers {} } and its answer, ProcessingResponse { request_headers {}
 * } */
#define HEADERS  EXTPROC_S("\x12\x00")
#define ANSWERED "\x0a\x00"

Test(stream, answers)
{
    feed(HEADERS);
    cr_expect_eq(n_sent, 1);
    cr_expect_eq(buffer_len, 2);
    cr_expect_arr_eq(buffer, ANSWERED, 2);
    cr_expect_eq(n_released, 1);
    cr_expect_eq(n_finished, 0);
}

Test(stream, says_what_is_malformed)
{
    feed(EXTPROC_S("\x12\x05"));
    cr_expect_eq(n_finished, 1);
    cr_expect_eq(status, STATUS_INVALID_ARGUMENT);
    cr_expect(extproc_has_prefix(extproc_str_of(why), EXTPROC_S("malformed ProcessingRequest: ")),
              "%s", why);
    cr_expect_eq(n_released, 1);
}

Test(stream, an_answer_that_is_too_large_ends_it)
{
    max_answer = 1;
    struct generation *nothing = calloc(1, sizeof *nothing);
    nothing->refs = 1;
    arena_init(&nothing->arena, 64);
    struct stream *before = stream;
    stream = stream_open(&env, nothing, &coverage, &out, NULL);
    stream_closed(before, EXTPROC_END_DONE);
    feed(HEADERS);
    cr_expect_eq(n_sent, 0);
    cr_expect_eq(status, STATUS_RESOURCE_EXHAUSTED);
    cr_expect_str_eq(why, "answer of 2 bytes exceeds max_queued (1)");
}

Test(stream, an_answer_that_is_too_large_is_logged_with_its_peer)
{
    char file[] = "/tmp/extprocd-stream-XXXXXX", text[512] = "";
    const char *line = ": stream ended with RESOURCE_EXHAUSTED: answer of 2 bytes exceeds "
                       "max_queued (1)\n";
    close(mkstemp(file));
    cr_assert_eq(log_new(&(struct log_options){.file = file}, &env.log), 0);
    max_answer = 1;
    struct generation *nothing = calloc(1, sizeof *nothing);
    nothing->refs = 1;
    arena_init(&nothing->arena, 64);
    struct stream *before = stream;
    stream = stream_open(&env, nothing, &coverage, &out, NULL);
    stream_closed(before, EXTPROC_END_DONE);
    feed(HEADERS);
    env.log = log_free(env.log);
    FILE *f = fopen(file, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    unlink(file);
    cr_expect(strstr(text, " warn  listener=main peer=192.0.2.1:4711 transaction="), "%s", text);
    cr_expect(strstr(text, line), "%s", text);
}

Test(stream, a_transport_without_memory_ends_it)
{
    no_memory = true;
    feed(HEADERS);
    cr_expect_eq(n_sent, 0);
    cr_expect_eq(n_finished, 1);
    cr_expect_eq(status, STATUS_RESOURCE_EXHAUSTED);
}

Test(stream, after_its_end_all_is_returned_unread)
{
    stream_half_close(stream);
    feed(HEADERS);
    feed(EXTPROC_S("\x12\x05"));
    stream_half_close(stream);
    cr_expect_eq(n_sent, 0);
    cr_expect_eq(n_finished, 1);
    cr_expect_eq(status, STATUS_OK);
    cr_expect_eq(n_released, 2);
}

Test(stream, an_idle_one_costs_less_than_a_kibibyte)
{
#ifndef __SANITIZE_ADDRESS__
    size_t before = mallinfo2().uordblks;
    struct generation *nothing = calloc(1, sizeof *nothing);
    nothing->refs = 2;
    size_t generation = mallinfo2().uordblks - before;
    struct stream *idle = stream_open(&env, nothing, &coverage, &out, NULL);
    size_t cost = mallinfo2().uordblks - before - generation;
    cr_expect_lt(cost, 1024, "%zu bytes", cost);
    stream_closed(idle, EXTPROC_END_DONE);
    free(nothing);
#endif
}
