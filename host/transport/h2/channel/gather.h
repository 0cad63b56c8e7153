/* gather: what is sent to one connection in one write: small parts are copied together, large ones
 * are sent from where they are. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_GATHER_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A message on its way out; from malloc. */
struct outgoing {
    struct outgoing *next;
    size_t len; /* with its prefix */
    uint8_t bytes[];
};

enum {
    GATHER_BYTES = 64 * 1024, /* copied together */
    GATHER_PARTS = 64,
    GATHER_FRAME = 9 + 16384, /* what one frame may add at most */
    GATHER_LEND = 4096,       /* from here on bytes are not copied */
    GATHER_SIZE = 256 * 1024  /* in one write */
};

/* All zero: empty. One for all connections of a loop. */
struct gather {
    struct iovec parts[GATHER_PARTS];
    int n_parts;
    size_t len, n_copied;
    struct outgoing *spent; /* messages that parts may still show */
    uint8_t bytes[GATHER_BYTES];
};

/* Is there room for one more frame? */
bool gather_has_room(const struct gather *g);
void gather_copy(struct gather *g, const void *bytes, size_t len);
/* The bytes are to stay until the next gather_reset(), if there are many of them. */
void gather_lend(struct gather *g, const uint8_t *bytes, size_t len);
/* A message that is sent: it is freed when no part refers to it. */
void gather_spend(struct gather *g, struct outgoing *out);
/* Empties it. */
void gather_reset(struct gather *g);

#endif
