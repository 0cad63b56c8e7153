#include "transport/h2/framing/frames.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct frames frames;
static struct frame_pool pool;

static void end(void)
{
    frames_fini(&frames, &pool);
    frame_pool_fini(&pool);
}

TestSuite(frames, .fini = end);

/* Feeds bytes, and writes down the messages they made: "[one][two]". */
static int feed(const void *bytes, size_t len, char *shown)
{
    const uint8_t *p = bytes;
    int event = FRAMES_MORE;
    while (len && (event == FRAMES_MORE || event == FRAMES_MESSAGE)) {
        struct frame_message *message = NULL;
        event = frames_feed(&frames, &pool, 1000, &p, &len, &message);
        if (event != FRAMES_MESSAGE)
            continue;
        sprintf(shown + strlen(shown), "[%.*s]", (int)message->len, message->bytes);
        frame_free(&pool, message);
    }
    return event;
}

static const char three[] = "\0\0\0\0\3one"
                            "\0\0\0\0\0"
                            "\0\0\0\0\5three";
enum { THREE_LEN = sizeof three - 1 };

Test(frames, are_the_same_wherever_they_are_split)
{
    for (size_t i = 0; i <= THREE_LEN; i++)
        for (size_t j = i; j <= THREE_LEN; j++) {
            char shown[64] = "";
            feed(three, i, shown);
            feed(three + i, j - i, shown);
            feed(three + j, THREE_LEN - j, shown);
            cr_assert_str_eq(shown, "[one][][three]");
            cr_assert(frames_at_rest(&frames));
        }
}

Test(frames, one_byte_at_a_time)
{
    char shown[64] = "";
    for (size_t i = 0; i < THREE_LEN; i++)
        feed(three + i, 1, shown);
    cr_assert_str_eq(shown, "[one][][three]");
}

Test(frames, are_at_rest_between_messages_alone)
{
    char shown[64] = "";
    cr_assert(frames_at_rest(&frames));
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(frames_at_rest(&frames), i == 0);
        feed(three + i, 1, shown);
    }
    cr_assert(frames_at_rest(&frames));
}

Test(frames, end_where_they_are_too_large_or_no_frames)
{
    static const struct {
        const char prefix[6];
        int event;
    } cases[] = {
        {"\0\0\0\3\351", FRAMES_TOO_LARGE}, {"\0\377\377\377\377", FRAMES_TOO_LARGE},
        {"\1\0\0\0\0", FRAMES_COMPRESSED},  {"\2\0\0\0\0", FRAMES_MALFORMED},
        {"\0\0\0\3\350", FRAMES_MORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frames = (struct frames){0};
        cr_assert_eq(feed(cases[i].prefix, FRAME_PREFIX, NULL), cases[i].event, "case %zu", i);
    }
    cr_assert_eq(frames_len(&frames), 1000);
}

Test(frames, a_compressed_message_is_recognized_where_it_is_allowed)
{
    char shown[64] = "";
    frames.may_pack = true;
    feed("\1\0\0\0\3one", 8, shown);
    cr_assert(frames_packed(&frames));
    feed("\0\0\0\0\3two", 8, shown);
    cr_assert_not(frames_packed(&frames));
    cr_assert_str_eq(shown, "[one][two]");
    cr_assert_eq(feed("\1\0\0\3\351", FRAME_PREFIX, shown), FRAMES_TOO_LARGE);
}

Test(frames, the_prefix_is_written_as_it_is_read)
{
    uint8_t prefix[FRAME_PREFIX];
    frames_put_prefix(prefix, 0x01020304);
    cr_assert(memcmp(prefix, "\0\1\2\3\4", FRAME_PREFIX) == 0);
}

static struct frame_message *receive(size_t len)
{
    uint8_t prefix[FRAME_PREFIX], *bytes = calloc(1, len);
    struct frame_message *message = NULL;
    const uint8_t *p = prefix, *q = bytes;
    size_t prefix_len = FRAME_PREFIX, bytes_len = len;
    frames_put_prefix(prefix, (uint32_t)len);
    cr_assert_eq(frames_feed(&frames, &pool, SIZE_MAX, &p, &prefix_len, &message), FRAMES_MORE);
    cr_assert_eq(frames_feed(&frames, &pool, SIZE_MAX, &q, &bytes_len, &message), FRAMES_MESSAGE);
    cr_assert_eq(message->len, len);
    free(bytes);
    return message;
}

/* So many bytes of a message that goes on. */
static void receive_some(const uint8_t *bytes, size_t len)
{
    struct frame_message *message = NULL;
    cr_assert_eq(frames_feed(&frames, &pool, SIZE_MAX, &bytes, &len, &message), FRAMES_MORE);
    cr_assert_eq(len, 0);
}

Test(frames, what_is_announced_takes_no_memory)
{
    receive_some((const uint8_t *)"\0\1\0\0\0", FRAME_PREFIX);
    cr_assert_eq(frames_held(&frames), 0);
    cr_assert_not(frames_at_rest(&frames));
    receive_some((const uint8_t *)"1", 1);
    cr_assert_leq(frames_held(&frames), 4096);
}

Test(frames, a_buffer_grows_with_what_comes)
{
    enum { LEN = 16 << 20, PIECE = 16411 };
    struct frame_message *message = NULL;
    uint8_t *bytes = malloc(LEN);
    size_t n_sizes = 0, size = 0, at = 0;
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = (uint8_t)(i ^ i >> 8);
    receive_some((const uint8_t *)"\0\1\0\0\0", FRAME_PREFIX);
    for (; LEN - at > PIECE; at += PIECE) {
        receive_some(bytes + at, PIECE);
        n_sizes += frames_held(&frames) != size;
        size = frames_held(&frames);
        cr_assert_leq(size, 8 * (at + PIECE)); /* GROWTH times, and up to a size of the pool's */
    }
    const uint8_t *p = bytes + at;
    size_t len = LEN - at;
    cr_assert_eq(frames_feed(&frames, &pool, SIZE_MAX, &p, &len, &message), FRAMES_MESSAGE);
    cr_assert_leq(n_sizes, 7);
    cr_assert_eq(message->len, LEN);
    cr_assert(memcmp(message->bytes, bytes, LEN) == 0);
    frame_free(&pool, message);
    free(bytes);
}

Test(frames, a_spare_buffer_spares_the_growth)
{
    struct frame_message *first = receive(1 << 20);
    frame_free(&pool, first);
    receive_some((const uint8_t *)"\0\0\20\0\0and a bit", FRAME_PREFIX + 9);
    cr_assert_eq(frames.message, first);
}

Test(frames, a_large_buffer_is_used_again)
{
    struct frame_message *first = receive(60000), *second;
    frame_free(&pool, first);
    cr_assert_eq(second = receive(40000), first);
    frame_free(&pool, second);
    cr_assert_neq(second = receive(10000), first);
    frame_free(&pool, second);
}

Test(frames, the_pool_is_bounded)
{
    struct frame_message *messages[200];
    for (int i = 0; i < 200; i++)
        messages[i] = receive(i < 100 ? 60000 : 5u << 20);
    for (int i = 0; i < 200; i++)
        frame_free(&pool, messages[i]);
    cr_assert_leq(pool.n_bytes, 32u << 20);
}

Test(frames, the_pool_frees_the_largest_first)
{
    struct frame_message *small = receive(5000), *large = receive(5u << 20);
    frame_free(&pool, small);
    frame_free(&pool, large);
    frame_pool_trim(&pool, FRAME_POOL_IDLE);
    cr_assert_eq(pool.n_bytes, 8192);
    cr_assert_eq(receive(5000), small);
    frame_free(&pool, small);
    frame_pool_trim(&pool, 0);
    cr_assert_eq(pool.n_bytes, 0);
}
