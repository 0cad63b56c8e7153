#include "transport/h2/framing/gzip.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

enum { MIB = 1024 * 1024, MAX = 4 * MIB };

static struct gzip gzip;
static struct message_pool pool;

static void end(void)
{
    gzip_fini(&gzip);
    message_pool_fini(&pool);
}

TestSuite(gzip, .fini = end);

/* As a client writes it, `times` in sequence; certainly longer than 4 KiB. */
static struct message_buffer *packed_times(const void *bytes, size_t len, unsigned times, int bits)
{
    z_stream s = {0};
    cr_assert_eq(deflateInit2(&s, 1, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    struct message_buffer *message = message_new(&pool, deflateBound(&s, len) * times + 8192);
    message->len = 0;
    s.next_out = (Bytef *)message->bytes;
    s.avail_out = (uInt)message->size;
    for (; times > 0; times--) {
        deflateReset(&s);
        s.next_in = (Bytef *)(uintptr_t)bytes;
        s.avail_in = (uInt)len;
        cr_assert_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
        message->len += (uint32_t)s.total_out;
    }
    deflateEnd(&s);
    return message;
}

static struct message_buffer *packed(const void *bytes, size_t len)
{
    return packed_times(bytes, len, 1, 15 + 16);
}

static int unpack(const struct message_buffer *message, size_t max, struct message_buffer **ret)
{
    return gzip_unpack(&gzip, &pool, max, message, ret);
}

/* Unpacked, it is this. */
static void expect(struct message_buffer *message, const void *bytes, size_t len)
{
    struct message_buffer *got = NULL;
    cr_assert_eq(unpack(message, MAX, &got), 0, "%s", gzip.why);
    cr_assert_eq(got->len, len);
    cr_assert(memcmp(got->bytes, bytes, len) == 0);
    cr_assert_leq(got->size / 2, len, "%zu bytes have %zu", len, got->size);
    message_free(&pool, got);
    message_free(&pool, message);
}

static void expect_malformed(struct message_buffer *message, const char *why)
{
    struct message_buffer *got = NULL;
    cr_assert_eq(unpack(message, MAX, &got), GZIP_MALFORMED);
    cr_assert_null(got);
    cr_assert_not_null(strstr(gzip.why, why), "%s", gzip.why);
}

/* Of `alphabet` letters, the more of them the less there is to compress. */
static uint8_t *noise(size_t len, unsigned alphabet)
{
    uint8_t *bytes = malloc(len + 1);
    uint32_t state = alphabet;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)((state >> 16) % alphabet);
    }
    return bytes;
}

Test(gzip, messages_come_out_as_they_went_in)
{
    static const size_t lengths[] = {0, 1, 17, 4095, 4096, 4097, 100000, 3 * MIB, MAX};
    static const unsigned alphabets[] = {1, 4, 64, 256};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t j = 0; j < sizeof alphabets / sizeof *alphabets; j++) {
            uint8_t *bytes = noise(lengths[i], alphabets[j]);
            expect(packed(bytes, lengths[i]), bytes, lengths[i]);
            free(bytes);
        }
}

Test(gzip, what_it_packs_is_shorter_and_can_be_unpacked)
{
    for (unsigned alphabet = 1; alphabet <= 64; alphabet *= 4) {
        uint8_t *bytes = noise(100000, alphabet);
        struct message_buffer *message = message_new(&pool, 100000);
        size_t len = gzip_pack(&gzip, bytes, 100000, (uint8_t *)message->bytes);
        cr_assert(len > 0 && len < 100000, "%zu", len);
        message->len = (uint32_t)len;
        expect(message, bytes, 100000);
        free(bytes);
    }
}

Test(gzip, what_would_become_longer_is_not_packed)
{
    uint8_t to[1000], *bytes = noise(1000, 256);
    cr_assert_eq(gzip_pack(&gzip, bytes, 1000, to), 0);
    cr_assert_eq(gzip_pack(&gzip, bytes, 1, to), 0);
    cr_assert_eq(gzip_pack(&gzip, bytes, 0, to), 0);
    free(bytes);
}

/* A message that is refused does not affect the next one. */
Test(gzip, a_message_that_is_truncated_anywhere_is_incomplete)
{
    struct message_buffer *whole = packed("a message of 21 bytes", 21);
    uint32_t len = whole->len;
    for (whole->len = 1; whole->len < len; whole->len++)
        expect_malformed(whole, "truncated");
    expect(whole, "a message of 21 bytes", 21);
}

Test(gzip, nothing_may_come_after_a_message)
{
    struct message_buffer *message = packed("x", 1);
    message->bytes[message->len++] = 0;
    expect_malformed(message, "bytes after the end");
    message_free(&pool, message);
    message = packed_times("x", 1, 2, 15 + 16);
    expect_malformed(message, "bytes after the end");
    message_free(&pool, message);
}

Test(gzip, a_wrong_sum_or_length_is_reported)
{
    struct message_buffer *message = packed("x", 1);
    message->bytes[message->len - 1] ^= 1;
    expect_malformed(message, "incorrect length check");
    message->bytes[message->len - 5] ^= 1;
    expect_malformed(message, "incorrect data check");
    message_free(&pool, message);
}

Test(gzip, no_other_format_is_taken_for_it)
{
    static const int zlib = 15, raw = -15;
    struct message_buffer *message = packed_times("x", 1, 1, zlib);
    expect_malformed(message, "incorrect header check");
    message_free(&pool, message);
    message = packed_times("x", 1, 1, raw);
    expect_malformed(message, "incorrect header check");
    message_free(&pool, message);
}

Test(gzip, random_bytes_do_no_harm)
{
    for (unsigned seed = 2; seed < 2000; seed++) {
        struct message_buffer *message = packed("the quick brown fox", 19), *got = NULL;
        uint8_t *bytes = noise(40, seed);
        message->bytes[10 + bytes[0] % (message->len - 10)] ^= (char)(bytes[1] | 1);
        cr_assert_eq(unpack(message, MAX, &got), GZIP_MALFORMED);
        memcpy(message->bytes + 10, bytes, 40); /* after a valid header */
        message->len = 50;
        if (unpack(message, MAX, &got) == 0)
            message_free(&pool, got);
        message_free(&pool, message);
        free(bytes);
    }
}

Test(gzip, a_message_is_as_large_as_it_may_be_and_no_larger)
{
    static const size_t sizes[] = {0, 1, 100, 4096, 5000, 8192, 100000};
    char *zeros = calloc(1, 100001);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct message_buffer *good = packed(zeros, sizes[i]), *got = NULL;
        struct message_buffer *bad = packed(zeros, sizes[i] + 1);
        cr_assert_eq(unpack(good, sizes[i], &got), 0);
        cr_assert_eq(got->len, sizes[i]);
        message_free(&pool, got);
        cr_assert_eq(unpack(bad, sizes[i], &got), GZIP_TOO_LARGE, "%zu", sizes[i]);
        message_free(&pool, good);
        message_free(&pool, bad);
    }
    free(zeros);
}

/* 1 GiB of zeros, as long as anybody reads: a mebibyte of them, over and over. */
static struct message_buffer *bomb(void)
{
    static const uint8_t zeros[MIB];
    struct message_buffer *message = message_new(&pool, 2 * MIB);
    uint8_t *to = (uint8_t *)message->bytes;
    z_stream s = {.next_in = (Bytef *)(uintptr_t)zeros, .avail_in = MIB};
    s.next_out = to;
    s.avail_out = 2 * MIB;
    deflateInit2(&s, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    cr_assert_eq(deflate(&s, Z_FULL_FLUSH), Z_OK);
    size_t len = s.total_out;
    deflateEnd(&s);
    for (size_t i = 1; i < 1024; i++)
        memcpy(to + i * len, to, len);
    memmove(to + 10, to, 1024 * len);
    memcpy(to, "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
    message->len = (uint32_t)(10 + 1024 * len);
    return message;
}

static size_t peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss;
}

Test(gzip, a_bomb_stops_where_it_becomes_too_large)
{
    struct message_buffer *message = bomb(), *got = NULL;
    cr_assert_leq(message->len, MIB + MIB / 16);
    size_t before = peak_kib();
    cr_assert_eq(unpack(message, MAX, &got), GZIP_TOO_LARGE);
    cr_assert_leq(peak_kib() - before, 2u * MAX / 1024);
    cr_assert_null(got);
    message_free(&pool, message);
}
