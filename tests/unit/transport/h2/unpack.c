#include "transport/h2/framing/unpack.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024 };

static struct unpack queue;
static struct gzip gzip;
static struct message_pool pool;

static void begin(void)
{
    unpack_init(&queue);
}

static void end(void)
{
    unpack_fini(&queue, &pool);
    gzip_fini(&gzip);
    message_pool_fini(&pool);
}

TestSuite(unpack, .init = begin, .fini = end);

/* One of so many letters comes. */
static void put(char letter, size_t len, bool packs)
{
    uint8_t *bytes = malloc(len);
    struct message_buffer *message = message_new(&pool, len);
    memset(bytes, letter, len);
    memcpy(message->bytes, bytes, len);
    if (packs)
        message->len = (uint32_t)gzip_pack(&gzip, bytes, (uint32_t)len, (uint8_t *)message->bytes);
    message->packed = packs;
    unpack_put(&queue, message);
    free(bytes);
}

/* The next one; NULL: it waits. */
static struct message_buffer *next(void)
{
    struct message_buffer *message = NULL;
    int event = unpack_next(&queue, &gzip, &pool, 2 * MIB, &message);
    cr_assert(event == (message ? UNPACK_MESSAGE : UNPACK_WAIT));
    return message;
}

static void give_back(struct message_buffer *message)
{
    unpack_back(&queue, message);
    message_free(&pool, message);
}

static void expect(char letter, size_t len)
{
    struct message_buffer *message = next();
    cr_assert_not_null(message, "%c waits", letter);
    cr_assert_eq(message->len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(message->bytes[i], letter);
    give_back(message);
}

Test(unpack, messages_keep_their_order_compressed_or_not)
{
    put('a', 1000, true);
    put('b', 10, false);
    put('c', 2 * MIB, true);
    put('d', 1000, true);
    cr_assert(unpack_waits(&queue));
    expect('a', 1000);
    expect('b', 10);
    expect('c', 2 * MIB);
    expect('d', 1000);
    cr_assert_not(unpack_waits(&queue));
    cr_assert_null(next());
}

Test(unpack, little_is_unpacked_while_much_is_held)
{
    put('a', MIB, true);
    put('b', 1000, true);
    put('c', 1000, true);
    put('d', 1000, false);
    struct message_buffer *a = next(), *b = next();
    cr_assert(a && b);
    cr_assert_null(next()); /* and d does not overtake c */
    cr_assert(unpack_waits(&queue));
    give_back(b);
    expect('c', 1000);
    expect('d', 1000);
    give_back(a);
}

Test(unpack, the_first_one_never_waits)
{
    for (int i = 0; i < 3; i++) {
        put('x', 2 * MIB, true);
        expect('x', 2 * MIB);
    }
}

Test(unpack, what_is_not_compressed_is_as_large_as_it_came)
{
    put('a', MIB + 1, false);
    struct message_buffer *a = next();
    put('b', 100, false);
    expect('b', 100);
    give_back(a);
}

Test(unpack, nothing_is_an_empty_message)
{
    put('a', 0, true);
    expect('a', 0);
}

Test(unpack, an_error_is_returned)
{
    struct message_buffer *message;
    put('a', 2 * MIB + 1, true);
    cr_assert_eq(unpack_next(&queue, &gzip, &pool, 2 * MIB, &message), GZIP_TOO_LARGE);
    cr_assert(unpack_waits(&queue));
}
