/* Bytes of a connection in cleartext; those of TLS are seen in tls.c, and end to end. */
#include "transport/h2/channel/channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 4 * 1024 * 1024 };

static struct channel channel;
static struct channel_input input;
static uint8_t large[LARGE];
static int client;

static void begin(void)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client = pair[0];
    channel_init(&channel, pair[1], NULL);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * i >> 8);
}

static void end(void)
{
    channel_fini(&channel);
    close(client);
}

TestSuite(channel, .init = begin, .fini = end);

static int write_text(const char *text)
{
    const struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
    return channel_write(&channel, &part, 1, part.iov_len);
}

Test(channel, cleartext_is_up_immediately)
{
    cr_assert(channel_is_up(&channel));
}

Test(channel, reads_what_has_come)
{
    size_t len = 1;
    cr_assert_eq(channel_read(&channel, &input, &len), 0);
    cr_assert_eq(len, 0);
    cr_assert_eq(send(client, "hello", 5, 0), 5);
    cr_assert_eq(channel_read(&channel, &input, &len), 0);
    cr_assert_eq(len, 5);
    cr_assert_eq(memcmp(input.plain, "hello", 5), 0);
}

Test(channel, reports_that_the_client_has_ended)
{
    size_t len;
    shutdown(client, SHUT_WR);
    cr_assert_eq(channel_read(&channel, &input, &len), -ECONNRESET);
    cr_assert_eq(channel_skip(&channel, &input, &len), -ECONNRESET);
}

Test(channel, keeps_what_the_socket_does_not_take)
{
    /* Given two parts that are more than a socket takes, */
    static uint8_t got[LARGE];
    const size_t at = 12345;
    const struct iovec parts[] = {{large, at}, {large + at, LARGE - at}};
    cr_assert_eq(channel_write(&channel, parts, 2, LARGE), 0);
    cr_assert(channel_is_full(&channel));

    /* when the client reads, a piece after the other, */
    size_t done = 0;
    while (done < LARGE) {
        ssize_t n = recv(client, got + done, 100000, 0);
        done += n > 0 ? (size_t)n : 0;
        if (channel_is_full(&channel))
            cr_assert_geq(channel_catch_up(&channel), 0);
    }

    /* then it gets them all, and the channel is free again. */
    cr_assert_not(channel_is_full(&channel));
    cr_assert_eq(memcmp(got, large, LARGE), 0);
}

Test(channel, says_when_the_socket_took_nothing)
{
    const struct iovec part = {large, LARGE};
    cr_assert_eq(channel_write(&channel, &part, 1, LARGE), 0);
    cr_assert_eq(channel_catch_up(&channel), 0);
}

Test(channel, a_client_that_is_gone)
{
    close(client);
    cr_assert_eq(write_text("hello"), -EPIPE);
    client = dup(STDIN_FILENO);
}

Test(channel, our_end)
{
    char bytes[10];
    cr_assert_eq(write_text("bye"), 0);
    cr_assert_eq(channel_end(&channel), 0);
    cr_assert_eq(recv(client, bytes, sizeof bytes, 0), 3);
    cr_assert_eq(recv(client, bytes, sizeof bytes, 0), 0);
}
