#include "transport/h2/framing/messages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct messages messages;
static struct message_pool pool;

static void end(void)
{
    messages_fini(&messages, &pool);
    message_pool_fini(&pool);
}

TestSuite(messages, .fini = end);

/* Feeds bytes, and writes down the messages they made: "[one][two]". */
static int feed(const void *bytes, size_t len, char *shown)
{
    const uint8_t *p = bytes;
    int event = MESSAGES_MORE;
    while (len && (event == MESSAGES_MORE || event == MESSAGES_COMPLETE)) {
        struct message_buffer *message = NULL;
        event = messages_feed(&messages, &pool, 1000, &p, &len, &message);
        if (event != MESSAGES_COMPLETE)
            continue;
        sprintf(shown + strlen(shown), "[%.*s]", (int)message->len, message->bytes);
        message_free(&pool, message);
    }
    return event;
}

static const char three[] = "\0\0\0\0\3one"
                            "\0\0\0\0\0"
                            "\0\0\0\0\5three";
enum { THREE_LEN = sizeof three - 1 };

Test(messages, are_the_same_wherever_they_are_split)
{
    for (size_t i = 0; i <= THREE_LEN; i++)
        for (size_t j = i; j <= THREE_LEN; j++) {
            char shown[64] = "";
            feed(three, i, shown);
            feed(three + i, j - i, shown);
            feed(three + j, THREE_LEN - j, shown);
            cr_assert_str_eq(shown, "[one][][three]");
            cr_assert(messages_at_rest(&messages));
        }
}

Test(messages, one_byte_at_a_time)
{
    char shown[64] = "";
    for (size_t i = 0; i < THREE_LEN; i++)
        feed(three + i, 1, shown);
    cr_assert_str_eq(shown, "[one][][three]");
}

Test(messages, are_at_rest_between_messages_alone)
{
    char shown[64] = "";
    cr_assert(messages_at_rest(&messages));
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(messages_at_rest(&messages), i == 0);
        feed(three + i, 1, shown);
    }
    cr_assert(messages_at_rest(&messages));
}

Test(messages, end_where_they_are_too_large_or_no_frames)
{
    static const struct {
        const char prefix[6];
        int event;
    } cases[] = {
        {"\0\0\0\3\351", MESSAGES_TOO_LARGE}, {"\0\377\377\377\377", MESSAGES_TOO_LARGE},
        {"\1\0\0\0\0", MESSAGES_COMPRESSED},  {"\2\0\0\0\0", MESSAGES_MALFORMED},
        {"\0\0\0\3\350", MESSAGES_MORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        messages = (struct messages){0};
        cr_assert_eq(feed(cases[i].prefix, MESSAGE_PREFIX, NULL), cases[i].event, "case %zu", i);
    }
    cr_assert_eq(messages_len(&messages), 1000);
}

Test(messages, a_compressed_message_is_recognized_where_it_is_allowed)
{
    char shown[64] = "";
    messages.may_pack = true;
    feed("\1\0\0\0\3one", 8, shown);
    cr_assert(messages_packed(&messages));
    feed("\0\0\0\0\3two", 8, shown);
    cr_assert_not(messages_packed(&messages));
    cr_assert_str_eq(shown, "[one][two]");
    cr_assert_eq(feed("\1\0\0\3\351", MESSAGE_PREFIX, shown), MESSAGES_TOO_LARGE);
}

Test(messages, the_prefix_is_written_as_it_is_read)
{
    uint8_t prefix[MESSAGE_PREFIX];
    messages_put_prefix(prefix, 0x01020304);
    cr_assert(memcmp(prefix, "\0\1\2\3\4", MESSAGE_PREFIX) == 0);
}

static struct message_buffer *receive(size_t len)
{
    uint8_t prefix[MESSAGE_PREFIX], *bytes = calloc(1, len);
    struct message_buffer *message = NULL;
    const uint8_t *p = prefix, *q = bytes;
    size_t prefix_len = MESSAGE_PREFIX, bytes_len = len;
    messages_put_prefix(prefix, (uint32_t)len);
    cr_assert_eq(messages_feed(&messages, &pool, SIZE_MAX, &p, &prefix_len, &message),
                 MESSAGES_MORE);
    cr_assert_eq(messages_feed(&messages, &pool, SIZE_MAX, &q, &bytes_len, &message),
                 MESSAGES_COMPLETE);
    cr_assert_eq(message->len, len);
    free(bytes);
    return message;
}

/* So many bytes of a message that goes on. */
static void receive_some(const uint8_t *bytes, size_t len)
{
    struct message_buffer *message = NULL;
    cr_assert_eq(messages_feed(&messages, &pool, SIZE_MAX, &bytes, &len, &message), MESSAGES_MORE);
    cr_assert_eq(len, 0);
}

Test(messages, what_is_announced_takes_no_memory)
{
    receive_some((const uint8_t *)"\0\1\0\0\0", MESSAGE_PREFIX);
    cr_assert_eq(messages_held(&messages), 0);
    cr_assert_not(messages_at_rest(&messages));
    receive_some((const uint8_t *)"1", 1);
    cr_assert_leq(messages_held(&messages), 4096);
}

Test(messages, a_buffer_grows_with_what_comes)
{
    enum { LEN = 16 << 20, PIECE = 16411 };
    struct message_buffer *message = NULL;
    uint8_t *bytes = malloc(LEN);
    size_t n_sizes = 0, size = 0, at = 0;
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = (uint8_t)(i ^ i >> 8);
    receive_some((const uint8_t *)"\0\1\0\0\0", MESSAGE_PREFIX);
    for (; LEN - at > PIECE; at += PIECE) {
        receive_some(bytes + at, PIECE);
        n_sizes += messages_held(&messages) != size;
        size = messages_held(&messages);
        cr_assert_leq(size, 8 * (at + PIECE)); /* GROWTH times, and up to a size of the pool's */
    }
    const uint8_t *p = bytes + at;
    size_t len = LEN - at;
    cr_assert_eq(messages_feed(&messages, &pool, SIZE_MAX, &p, &len, &message), MESSAGES_COMPLETE);
    cr_assert_leq(n_sizes, 7);
    cr_assert_eq(message->len, LEN);
    cr_assert(memcmp(message->bytes, bytes, LEN) == 0);
    message_free(&pool, message);
    free(bytes);
}

Test(messages, a_spare_buffer_spares_the_growth)
{
    struct message_buffer *first = receive(1 << 20);
    message_free(&pool, first);
    receive_some((const uint8_t *)"\0\0\20\0\0and a bit", MESSAGE_PREFIX + 9);
    cr_assert_eq(messages.message, first);
}

Test(messages, a_large_buffer_is_used_again)
{
    struct message_buffer *first = receive(60000), *second;
    message_free(&pool, first);
    cr_assert_eq(second = receive(40000), first);
    message_free(&pool, second);
    cr_assert_neq(second = receive(10000), first);
    message_free(&pool, second);
}

Test(messages, the_pool_is_bounded)
{
    struct message_buffer *buffers[200];
    for (int i = 0; i < 200; i++)
        buffers[i] = receive(i < 100 ? 60000 : 5u << 20);
    for (int i = 0; i < 200; i++)
        message_free(&pool, buffers[i]);
    cr_assert_leq(pool.n_bytes, 32u << 20);
}

Test(messages, the_pool_frees_the_largest_first)
{
    struct message_buffer *small = receive(5000), *large = receive(5u << 20);
    message_free(&pool, small);
    message_free(&pool, large);
    message_pool_trim(&pool, MESSAGE_POOL_IDLE);
    cr_assert_eq(pool.n_bytes, 8192);
    cr_assert_eq(receive(5000), small);
    message_free(&pool, small);
    message_pool_trim(&pool, 0);
    cr_assert_eq(pool.n_bytes, 0);
}
