/* channel: the bytes of one connection, in and out, in cleartext or TLS.
 *
 * Invariant: while something is left over, nothing new is read or written: its owner waits for the
 * socket. So what is left over is never more than one write, and a client that does not read us
 * cannot fill our memory.
 */
#include "transport/h2/channel/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void channel_init(struct channel *c, int fd, struct tls *tls)
{
    *c = (struct channel){.fd = fd, .tls = tls};
}

void channel_fini(struct channel *c)
{
    c->tls = tls_free(c->tls);
    close(c->fd);
    free(c->left);
    c->left = NULL;
}

bool channel_is_up(const struct channel *c)
{
    return !c->tls || tls_is_up(c->tls);
}

/* ---- out ------------------------------------------------------------------------------------- */

static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* What was taken, maybe nothing; or -errno. */
static ssize_t put_out(const struct channel *c, const struct iovec *parts, size_t n_parts)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n_parts};
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    if (n < 0)
        return is_passing(errno) ? 0 : -errno;
    return n;
}

/* Keeps the bytes after the first `done` bytes. */
static int keep(struct channel *c, const struct iovec *parts, size_t n_parts, size_t len,
                size_t done)
{
    c->left_len = len - done;
    c->n_left_done = 0;
    c->left = malloc(c->left_len);
    if (!c->left)
        return -ENOMEM;
    uint8_t *to = c->left;
    for (size_t i = 0; i < n_parts; i++) {
        size_t skip = done < parts[i].iov_len ? done : parts[i].iov_len;
        to = mempcpy(to, (const uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip);
        done -= skip;
    }
    return 0;
}

static int write_raw(struct channel *c, const struct iovec *parts, size_t n_parts, size_t len)
{
    assert(!c->left);
    ssize_t n = put_out(c, parts, n_parts);
    if (n < 0)
        return (int)n;
    return (size_t)n < len ? keep(c, parts, n_parts, len, (size_t)n) : 0;
}

/* What TLS has to say. */
static int write_sealed(struct channel *c)
{
    struct extproc_str out = tls_out(c->tls);
    struct iovec part = {(void *)(uintptr_t)out.ptr, out.len};
    int r = out.len ? write_raw(c, &part, 1, out.len) : 0;
    tls_out_taken(c->tls);
    return r;
}

int channel_write(struct channel *c, const struct iovec *parts, size_t n_parts, size_t len)
{
    if (!c->tls)
        return write_raw(c, parts, n_parts, len);
    int r = tls_wrap(c->tls, parts, n_parts);
    return r ? r : write_sealed(c);
}

int channel_catch_up(struct channel *c)
{
    struct iovec part = {c->left + c->n_left_done, c->left_len - c->n_left_done};
    ssize_t n = put_out(c, &part, 1);
    if (n < 0)
        return (int)n;
    c->n_left_done += (size_t)n;
    if (c->n_left_done == c->left_len) {
        free(c->left);
        c->left = NULL;
    }
    return n > 0;
}

int channel_end(struct channel *c)
{
    if (c->tls && !c->left) {
        tls_end(c->tls);
        int r = write_sealed(c);
        if (r)
            return r;
    }
    return shutdown(c->fd, SHUT_WR) ? -errno : 0;
}

/* ---- in -------------------------------------------------------------------------------------- */

static int take_in(const struct channel *c, uint8_t *bytes, size_t *ret_len)
{
    ssize_t n = recv(c->fd, bytes, CHANNEL_INPUT, 0);
    if (n < 0 && !is_passing(errno))
        return -errno;
    if (n == 0)
        return -ECONNRESET;
    *ret_len = n < 0 ? 0 : (size_t)n;
    return 0;
}

int channel_skip(struct channel *c, struct channel_input *input, size_t *ret_len)
{
    return take_in(c, input->plain, ret_len);
}

int channel_read(struct channel *c, struct channel_input *input, size_t *ret_len)
{
    assert(!c->left);
    if (!c->tls)
        return take_in(c, input->plain, ret_len);
    uint8_t *sealed = input->plain + TLS_HELD;
    size_t len;
    int r = take_in(c, sealed, &len);
    if (r)
        return r;
    r = tls_feed(c->tls, sealed, len, input->plain, ret_len);
    int sent = write_sealed(c); /* of a handshake; or why it failed */
    return r ? r : sent;
}
