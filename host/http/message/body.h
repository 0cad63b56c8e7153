/* body: the bytes of the current body: as pieces of a received message, or as a plugin set them.
 *
 * It is joined at most once, and only when it is read. Bytes that were passed to us are released
 * exactly once.
 */
#ifndef EXTPROCD_HTTP_MESSAGE_BODY_H
#define EXTPROCD_HTTP_MESSAGE_BODY_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct body {
    const struct extproc_str *pieces; /* borrowed: as received; NULL once it was joined or set */
    size_t n_pieces;
    struct extproc_str bytes; /* joined or set; ptr NULL: not yet */
    size_t len;               /* of the complete body            */
    bool changed;             /* not what was received            */
    struct body_given *given; /* to be released                   */
};

void body_init(struct body *b, const struct extproc_str *pieces, size_t n_pieces);
/* Releases what was given. */
void body_fini(struct body *b);

/* All of it in one piece; ptr not NULL, also where it is empty. Joining copies into the arena, and
 * happens only where there are several pieces. Out of memory: ptr NULL. */
struct extproc_str body_bytes(struct body *b, struct arena *arena);

/* Other bytes, copied. The same bytes as before still count as a change. 0 or -ENOMEM. */
int body_set(struct body *b, struct arena *arena, struct extproc_str bytes);
/* Other bytes, borrowed until release(arg), which body_fini() calls, exactly once. 0, or -ENOMEM:
 * nothing has changed, release() was not called. */
int body_give(struct body *b, struct arena *arena, struct extproc_str bytes,
              void (*release)(void *), void *arg);
/* Other bytes, borrowed: they live longer than the body. */
void body_lend(struct body *b, struct extproc_str bytes);

/* As it is now, for body_rewind(). */
static inline struct body body_mark(const struct body *b)
{
    return *b;
}
/* As it was when the mark was made. It needs no memory, so it cannot fail. */
void body_rewind(struct body *b, const struct body *mark);

#endif
