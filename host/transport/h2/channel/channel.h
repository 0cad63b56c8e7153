/* channel: the bytes of one connection, in and out, in cleartext or TLS. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_CHANNEL_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_CHANNEL_H

#include "transport/h2/channel/tls/tls.h"

enum { CHANNEL_INPUT = 256 * 1024 }; /* bytes read from a connection at a time */

/* What was read last; one for all channels of a loop. TLS is opened where it lies. */
struct channel_input {
    uint8_t plain[TLS_HELD + CHANNEL_INPUT];
};

struct channel {
    int fd;
    struct tls *tls; /* NULL: cleartext */
    uint8_t *left;   /* what the socket did not take; NULL: nothing */
    size_t left_len, n_left_done;
};

/* Takes over both. */
void channel_init(struct channel *c, int fd, struct tls *tls);
/* Closes it. */
void channel_fini(struct channel *c);

/* May something be written? Not before TLS is agreed upon. */
bool channel_is_up(const struct channel *c);
/* No part of a TLS record is waited for. */
static inline bool channel_is_clean(const struct channel *c)
{
    return !c->tls || tls_is_clean(c->tls);
}
/* The socket does not accept the pending bytes: read and write nothing until it does. */
static inline bool channel_is_full(const struct channel *c)
{
    return c->left != NULL;
}

/* Into input->plain: *ret_len bytes, maybe none. 0; -ECONNRESET: the client has ended; -EPROTO: its
 * TLS is wrong, see tls_why(); or -errno. */
int channel_read(struct channel *c, struct channel_input *input, size_t *ret_len);
/* The same for bytes that are discarded. */
int channel_skip(struct channel *c, struct channel_input *input, size_t *ret_len);
/* All of it: what the socket does not take is copied. 0 or -errno. */
int channel_write(struct channel *c, const struct iovec *parts, size_t n_parts, size_t len);
/* Writes what was copied. 1: the socket took something, 0: it did not; or -errno. */
int channel_catch_up(struct channel *c);
/* Ends our side: the client sees that nothing further comes. 0 or -errno. */
int channel_end(struct channel *c);

#endif
