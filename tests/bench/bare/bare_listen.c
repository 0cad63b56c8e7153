/* Where a bare server listens. What goes wrong here ends the program. */
#include "bare_listen.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listen_at(const struct sockaddr *sa, socklen_t sa_len, const char *name)
{
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) ||
        bind(fd, sa, sa_len) || listen(fd, SOMAXCONN))
        err(1, "%s", name);
    return fd;
}

static int listen_unix(const char *name, const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path)
        errx(2, "%s: too long", name);
    strcpy(sa.sun_path, path);
    int fd = listen_at((const struct sockaddr *)&sa, sizeof sa, name);
    printf("listening on %s\n", name);
    return fd;
}

static int listen_tcp(const char *name)
{
    char *end;
    long port = strtol(name, &end, 10);
    if (end == name || *end || port < 0 || port > 65535)
        errx(2, "usage: %s [PORT | unix:PATH]", program_invocation_short_name);

    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t sa_len = sizeof sa;
    int fd = listen_at((const struct sockaddr *)&sa, sa_len, name);
    if (getsockname(fd, (struct sockaddr *)&sa, &sa_len))
        err(1, "%s", name);
    printf("listening on 127.0.0.1:%u\n", ntohs(sa.sin_port));
    return fd;
}

int bare_listen(int argc, char **argv)
{
    const char *name = argc == 1 ? "0" : argc == 2 ? argv[1] : "";
    int fd = strncmp(name, "unix:", 5) == 0 ? listen_unix(name, name + 5) : listen_tcp(name);
    fflush(stdout);
    return fd;
}
