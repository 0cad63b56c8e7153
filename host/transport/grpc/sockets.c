/* sockets: the connections that gRPC was given, so that they can be broken in the end.
 *
 * A server of the gRPC core is down when its connections are gone, and one whose client reads nothing is
 * gone when all is written: never. gRPC has no way to break it, but the socket can be shut down under it.
 *
 * The descriptors are gRPC's, which closes them when it likes, and their numbers may be somebody else's
 * afterwards. So each is known by its socket's cookie too, which the kernel gives once.
 */
#include "transport/grpc/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* 0: it is no socket. */
static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

void sockets_fini(struct sockets *s)
{
    free(s->cookies);
    *s = (struct sockets){0};
}

void sockets_add(struct sockets *s, int fd)
{
    size_t i = (size_t)fd;
    if (i >= s->n_cookies) {
        size_t n = 2 * i + 64;
        uint64_t *cookies = reallocarray(s->cookies, n, sizeof *cookies);
        if (!cookies) /* it is not broken then, and may delay the end */
            return;
        memset(cookies + s->n_cookies, 0, (n - s->n_cookies) * sizeof *cookies);
        s->cookies = cookies;
        s->n_cookies = n;
    }
    s->cookies[i] = cookie_of(fd);
}

void sockets_break(const struct sockets *s)
{
    for (size_t i = 0; i < s->n_cookies; i++)
        if (s->cookies[i] && s->cookies[i] == cookie_of((int)i))
            shutdown((int)i, SHUT_RDWR);
}
