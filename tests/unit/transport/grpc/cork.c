#include "transport/grpc/queue/cork.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static struct cork cork;

static void begin(void)
{
    cork_init(&cork);
}

static void end(void)
{
    cork_fini(&cork);
}

TestSuite(cork, .init = begin, .fini = end);

static int is_corked(int fd)
{
    int on = -1;
    socklen_t len = sizeof on;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, &len), 0);
    return on;
}

Test(cork, holds_until_it_is_released)
{
    int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
    cork_hold(&cork, a);
    cork_hold(&cork, a);
    cork_hold(&cork, b);
    cr_assert_eq(cork.n_corked, 2);
    cr_assert(is_corked(a) && is_corked(b));
    cork_release(&cork);
    cr_assert(!is_corked(a) && !is_corked(b));
    cork_hold(&cork, a);
    cr_assert(is_corked(a));
    close(a);
    close(b);
}

Test(cork, any_number_of_descriptors)
{
    int low = socket(AF_INET, SOCK_STREAM, 0), high = dup2(low, 900);
    cr_assert_eq(high, 900);
    cork_hold(&cork, low);
    cork_hold(&cork, high);
    cork_hold(&cork, 1 << 20); /* not open: refused, harmless */
    cr_assert_eq(cork.n_corked, 3);
    cork_release(&cork);
    cr_assert(!is_corked(low));
    close(low);
    close(high);
}

Test(cork, a_descriptor_that_is_something_else_by_now)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    cork_hold(&cork, fd);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    dup2(pair[0], fd);
    cork_hold(&cork, fd);
    cork_release(&cork);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    char byte;
    cr_assert_eq(read(fd, &byte, 1), 1);
    close(fd);
    close(pair[0]);
    close(pair[1]);
}

Test(cork, no_descriptor)
{
    cork_hold(&cork, -1);
    cr_assert_eq(cork.n_corked, 0);
}
