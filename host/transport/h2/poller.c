/* poller: one epoll set, and the one thread that handles all that comes out of it.
 *
 * In rounds: what is ready is handled, then the timers that are due, then round_ends() sends what has
 * come together, so that a connection is written to once in a round. The clock is read once in a round,
 * and where timers are set.
 */
#include "transport/h2/poller.h"

#include <limits.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
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
    inbox_awake(&p->inbox);
}

int poller_init(struct poller *p, bool (*round_ends)(void *arg), void *arg)
{
    *p = (struct poller){.on_wake = {awake}, .round_ends = round_ends, .arg = arg};
    inbox_init(&p->inbox, wake, p);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->wake_fd < 0 || p->epoll_fd < 0)
        return -errno;
    return watch_add(p->epoll_fd, p->wake_fd, EPOLLIN, &p->on_wake);
}

void poller_fini(struct poller *p)
{
    inbox_fini(&p->inbox);
    timers_fini(&p->timers);
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
}

uint64_t poller_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t poller_due(uint64_t delay_ms)
{
    uint64_t now = poller_now();
    /* Of the millisecond that has begun some is over: one more makes sure of the delay. */
    uint64_t due = delay_ms ? now + 1 : now;
    return delay_ms < UINT64_MAX - due ? due + delay_ms : UINT64_MAX - 1;
}

int poller_after(struct poller *p, uint64_t delay_ms, void (*fn)(void *arg), void *arg)
{
    return timers_add(&p->timers, poller_due(delay_ms), fn, arg);
}

static int timeout_ms(const struct poller *p, bool more)
{
    uint64_t next = timers_next(&p->timers);
    if (more)
        return 0;
    if (next == UINT64_MAX)
        return -1;
    uint64_t now = poller_now();
    if (next <= now)
        return 0;
    return next - now < INT_MAX ? (int)(next - now) : INT_MAX;
}

void poller_run(struct poller *p)
{
    struct epoll_event events[EVENTS_MAX];
    bool more = true; /* what was put in motion before */
    while (!p->quit) {
        int n = epoll_wait(p->epoll_fd, events, EVENTS_MAX, timeout_ms(p, more));
        p->now_ms = poller_now();
        for (int i = 0; i < n; i++)
            watch_ready(&events[i]);
        timers_fire(&p->timers, p->now_ms);
        more = p->round_ends(p->arg);
    }
    p->quit = false;
}

void poller_quit(struct poller *p)
{
    p->quit = true;
}
