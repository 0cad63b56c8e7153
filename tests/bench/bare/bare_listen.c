/* Where a bare server listens. What goes wrong here ends the program. */
#include "bare_listen.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static uint16_t port_of(int argc, char **argv)
{
    char *end;
    const char *text = argc > 1 ? argv[1] : "0";
    long port = strtol(text, &end, 10);
    if (argc > 2 || end == text || *end || port < 0 || port > 65535)
        errx(2, "usage: %s [PORT]", program_invocation_short_name);
    return (uint16_t)port;
}

int bare_listen(int argc, char **argv)
{
    uint16_t port = port_of(argc, argv);
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t sa_len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) ||
        bind(fd, (const struct sockaddr *)&sa, sa_len) || listen(fd, SOMAXCONN) ||
        getsockname(fd, (struct sockaddr *)&sa, &sa_len))
        err(1, "127.0.0.1:%u", port);
    printf("listening on 127.0.0.1:%u\n", ntohs(sa.sin_port));
    fflush(stdout);
    return fd;
}
