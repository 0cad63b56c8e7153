/* cork: TCP connections whose writes are held back while a burst of events is handled.
 *
 * gRPC writes at the end of every batch, and the system call costs twice as much as all its own
 * work. So a connection is corked (TCP_CORK) before the first batch of a burst that may write to
 * it, and all answers of the burst are sent together when it is released.
 *
 * Invariant: what is in `corked` was corked in this burst, and is there once.
 *
 * gRPC owns the descriptors and may close one at any time, and its number may be reused
 * immediately. That is harmless: only TCP_CORK is ever set, other sockets and files refuse it, and
 * a TCP connection that is corked or released by mistake is late, or early, by one burst.
 */
#include "transport/grpc/queue/cork.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void cork_init(struct cork *cork)
{
    *cork = (struct cork){.burst = 1};
}

void cork_fini(struct cork *cork)
{
    cork_release(cork);
    free(cork->corked);
    free(cork->last_burst);
    cork_init(cork);
}

static bool make_room(struct cork *cork, size_t fd)
{
    if (fd < cork->n_fds)
        return true;
    size_t n = 2 * fd + 64;
    int *corked = reallocarray(cork->corked, n, sizeof *corked);
    if (!corked)
        return false;
    cork->corked = corked;
    uint64_t *last = reallocarray(cork->last_burst, n, sizeof *last);
    if (!last)
        return false;
    memset(last + cork->n_fds, 0, (n - cork->n_fds) * sizeof *last);
    cork->last_burst = last;
    cork->n_fds = n;
    return true;
}

static void set_cork(int fd, int on)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void cork_hold(struct cork *cork, int fd)
{
    /* If memory is exhausted, data is sent immediately, which is only slower. */
    if (fd < 0 || !make_room(cork, (size_t)fd) || cork->last_burst[fd] == cork->burst)
        return;
    assert(cork->last_burst[fd] < cork->burst); /* it is not in `corked` */
    cork->last_burst[fd] = cork->burst;
    assert(cork->n_corked < cork->n_fds);
    cork->corked[cork->n_corked++] = fd;
    set_cork(fd, 1);
}

void cork_release(struct cork *cork)
{
    for (size_t i = 0; i < cork->n_corked; i++)
        set_cork(cork->corked[i], 0);
    cork->n_corked = 0;
    cork->burst++;
}
