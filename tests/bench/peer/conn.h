/* conn: one connection to the server: a socket with a client on it. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "client.h"
#include "run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn {
    struct share *share;
    struct client client; /* only while fd >= 0 */
    int epoll_fd, fd;
    bool wants_out;    /* the socket is full: epoll reports when it is not */
    uint64_t retry_ns; /* not to be opened before */
    uint8_t *out;      /* what the client has said and the socket has not taken */
    size_t out_len, out_off;
};

/* Not yet open. */
void conn_init(struct conn *c, struct share *share, int epoll_fd);
void conn_fini(struct conn *c);

/* Connects, and begins its streams. False where that failed: it may be tried again. */
bool conn_open(struct conn *c);
void conn_close(struct conn *c, enum fault f, const char *why);

/* Each closes it where it broke or is used up. */
void conn_on_event(struct conn *c, uint32_t events, uint8_t *scratch, size_t scratch_len);
void conn_begin_streams(struct conn *c);
void conn_wake(struct conn *c);

#endif
