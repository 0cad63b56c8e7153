/* client: the HTTP/2 side of one connection, without its socket. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "run.h"
#include "stream.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client {
    struct share *share;
    nghttp2_session *h2;
    struct stream *open;
    unsigned n_open;
    bool draining; /* finish what is open, begin nothing more here */
};

void client_init(struct client *c, struct share *share);
/* What is still open ends with this fault. */
void client_fini(struct client *c, enum fault f, const char *why);

/* Is there room for a stream that is due? */
bool client_lacks_streams(const struct client *c);
/* Until there is none. */
void client_begin_streams(struct client *c);
/* For when holding is over. */
void client_wake(struct client *c);

bool client_input(struct client *c, const uint8_t *p, size_t len);
/* Writes complete frames that certainly fit into `cap`; 0: nothing to send, negative: broken. */
ssize_t client_output(struct client *c, uint8_t *buf, size_t cap);

/* Nothing more will come of it: replace it. */
bool client_is_over(const struct client *c);

#endif
