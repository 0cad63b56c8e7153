/*
 * The socket under a client. Everything the client has to say is gathered into one buffer and
 * written with one call: a load generator on the same machine must not be what is measured.
 */
#include "conn.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { OUT_CAP = 128 * 1024, RETRY_NS = 10 * 1000 * 1000 };

void conn_init(struct conn *c, struct share *share, int epoll_fd)
{
    *c = (struct conn){.share = share, .epoll_fd = epoll_fd, .fd = -1, .out = mem_new(OUT_CAP, 1)};
}

void conn_fini(struct conn *c)
{
    if (c->fd >= 0)
        conn_close(c, FAULT_UNFINISHED, "still open when the run was over");
    free(c->out);
}

void conn_close(struct conn *c, enum fault f, const char *why)
{
    client_fini(&c->client, f, why);
    close(c->fd);
    c->fd = -1;
    c->out_len = c->out_off = 0;
    c->retry_ns = clock_ns() + RETRY_NS;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path)
        errx(2, "%s: too long for a unix socket", path);
    strcpy(sa.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_tcp(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *ai;
    if (getaddrinfo(host, port, &hints, &ai) != 0)
        errx(2, "cannot resolve %s:%s", host, port);
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    } else if (fd >= 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(ai);
    return fd;
}

static void watch(struct conn *c, int op, bool out)
{
    struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(c->epoll_fd, op, c->fd, &ev);
    c->wants_out = out;
}

/* Writes what the client has to say until it falls silent or the socket is full. */
static bool flush(struct conn *c)
{
    for (;;) {
        if (c->out_off == c->out_len) {
            ssize_t n = client_output(&c->client, c->out, OUT_CAP);
            if (n <= 0) {
                if (c->wants_out)
                    watch(c, EPOLL_CTL_MOD, false);
                return n == 0;
            }
            c->out_len = (size_t)n;
            c->out_off = 0;
        }
        ssize_t n = write(c->fd, c->out + c->out_off, c->out_len - c->out_off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno == EAGAIN && !c->wants_out)
                watch(c, EPOLL_CTL_MOD, true);
            return errno == EAGAIN;
        }
        c->out_off += (size_t)n;
        if (share_measures(c->share))
            c->share->tally.bytes_out += (uint64_t)n;
    }
}

static bool fill_and_flush(struct conn *c)
{
    do { /* a reset that goes out ends its stream, which makes room for another */
        client_begin_streams(&c->client);
        if (!flush(c))
            return false;
    } while (!c->wants_out && client_lacks_streams(&c->client));
    return true;
}

static bool drink(struct conn *c, uint8_t *scratch, size_t scratch_len)
{
    for (;;) {
        ssize_t n = read(c->fd, scratch, scratch_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0 || !client_input(&c->client, scratch, (size_t)n))
            return false;
        if (share_measures(c->share))
            c->share->tally.bytes_in += (uint64_t)n;
        if ((size_t)n < scratch_len)
            return true;
    }
}

bool conn_open(struct conn *c)
{
    const struct options *opt = c->share->run->opt;
    int fd = opt->unix_path ? connect_unix(opt->unix_path) : connect_tcp(opt->host, opt->port);
    c->retry_ns = clock_ns() + RETRY_NS;
    if (fd < 0)
        return false;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    c->fd = fd;
    client_init(&c->client, c->share);
    watch(c, EPOLL_CTL_ADD, false);
    fill_and_flush(c); /* what breaks here breaks again at the first event */
    return true;
}

static void go_on(struct conn *c, bool alive)
{
    if (!alive || !fill_and_flush(c) || client_is_over(&c->client))
        conn_close(c, FAULT_CONNECT, "connection lost");
}

void conn_on_event(struct conn *c, uint32_t events, uint8_t *scratch, size_t scratch_len)
{
    bool readable = events & (EPOLLIN | EPOLLHUP | EPOLLERR);
    go_on(c, !readable || drink(c, scratch, scratch_len));
}

void conn_begin_streams(struct conn *c)
{
    go_on(c, true);
}

void conn_wake(struct conn *c)
{
    client_wake(&c->client);
    go_on(c, true);
}
