#include "transport/peername.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static char name[PEERNAME_MAX];

Test(peername, of_ipv4)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4711)};
    inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
    peername_format((struct sockaddr *)&in, -1, name);
    cr_assert_str_eq(name, "192.0.2.1:4711");
}

Test(peername, of_ipv6)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    inet_pton(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", &in6.sin6_addr);
    peername_format((struct sockaddr *)&in6, -1, name);
    cr_assert_str_eq(name, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
}

Test(peername, of_a_unix_socket_is_the_process)
{
    char expected[PEERNAME_MAX];
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peername_of(pair[0], name);
    snprintf(expected, sizeof expected, "unix:pid=%d", (int)getpid());
    cr_assert_str_eq(name, expected);
    close(pair[0]);
    close(pair[1]);
}

Test(peername, of_no_connection)
{
    peername_of(-1, name);
    cr_assert_str_eq(name, "unknown");
}
