/* poller: one epoll set, and the one thread that handles all that comes out of it.
 *
 * In rounds: what is ready is handled, then the timers that are due, then round_ends() sends what
 * has come together, so that a connection is written to once in a round. The clock is read once in
 * a round, and where timers are set.
 */
#include "transport/h2/channel/poller.h"

#include <limits.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Connections that have their turn in one round. */
enum { EVENTS_MAX = 128 };

static void wake(void *arg)
{
    struct poller *p = arg;
    const uint64_t one = 1;
    /* Fails only where the counter is full, and then the loop is awake anyway. */
    (void)!write(p->wake_fd, &one, sizeof one);
}

static void awake(struct watch *watch, uint32_t events)
{
    struct poller *p = (struct poller *)((char *)watch - offsetof(struct poller, on_wake));
    uint64_t n;
    (void)!read(p->wake_fd, &n, sizeof n);
    loop_awake(p->loop);
}

int poller_init(struct poller *p, struct loop *loop, bool (*round_ends)(void *arg), void *arg)
{
    *p = (struct poller){.loop = loop, .on_wake = {awake}, .round_ends = round_ends, .arg = arg};
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->wake_fd < 0 || p->epoll_fd < 0)
        return -errno;
    loop_wakes(loop, wake, p);
    return watch_add(p->epoll_fd, p->wake_fd, EPOLLIN, &p->on_wake);
}

void poller_fini(struct poller *p)
{
    if (p->loop)
        loop_wakes(p->loop, NULL, NULL);
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
}

static int timeout_ms(const struct poller *p, bool more)
{
    uint64_t next = loop_next(p->loop);
    if (more)
        return 0;
    if (next == UINT64_MAX)
        return -1;
    uint64_t now = loop_now(p->loop);
    if (next <= now)
        return 0;
    return next - now < INT_MAX ? (int)(next - now) : INT_MAX;
}

void poller_run(struct poller *p)
{
    struct epoll_event events[EVENTS_MAX];
    bool more = true; /* what was put in motion before */
    while (!p->quit) {
        loop_rests(p->loop);
        int n = epoll_wait(p->epoll_fd, events, EVENTS_MAX, timeout_ms(p, more));
        loop_begins_round(p->loop);
        for (int i = 0; i < n; i++)
            watch_ready(&events[i]);
        loop_fires(p->loop);
        more = p->round_ends(p->arg);
    }
    p->quit = false;
}

void poller_quit(struct poller *p)
{
    p->quit = true;
}
