/* sockets: the connections that were passed to gRPC, so that they can be closed by force at the
 * end.
 *
 * A server of the gRPC core is down when its connections are closed. gRPC closes a connection when
 * all is written, which never happens if the client reads nothing. gRPC has no function to abort
 * it, but its socket can be shut down.
 *
 * gRPC owns the descriptors and may close them at any time; their numbers may then be used for
 * other files. So each is also identified by its socket's cookie, which the kernel never uses
 * twice.
 */
#include "transport/grpc/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* 0: it is not a socket. */
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
