/* watch: a descriptor in an epoll set, and what to do when it is ready. */
#ifndef EXTPROCD_TRANSPORT_WATCH_H
#define EXTPROCD_TRANSPORT_WATCH_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The head of whatever owns the descriptor. */
struct watch {
    void (*ready)(struct watch *watch, uint32_t events);
};

/* 0 or -errno. */
static inline int watch_add(int epoll_fd, int fd, uint32_t events, struct watch *watch)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Waits for other events from now on. */
static inline int watch_change(int epoll_fd, int fd, uint32_t events, struct watch *watch)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) ? -errno : 0;
}

static inline void watch_ready(const struct epoll_event *event)
{
    struct watch *watch = event->data.ptr;
    watch->ready(watch, event->events);
}

#endif
