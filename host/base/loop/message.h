/* message: received bytes that another part owns, and that are released exactly once. */
#ifndef EXTPROCD_BASE_LOOP_MESSAGE_H
#define EXTPROCD_BASE_LOOP_MESSAGE_H

#include <extproc/plugin.h>

/* The new owner of a message may hold it for as long as it likes. `pieces` itself stays only
 * until the function that handed it over returns; the bytes they show stay until the release. All
 * zero: nothing. */
struct message {
    const struct extproc_str *pieces;
    size_t n_pieces;
    void *owner;
    void (*release)(void *owner);
};

static inline size_t message_len(const struct message *m)
{
    size_t len = 0;
    for (size_t i = 0; i < m->n_pieces; i++)
        len += m->pieces[i].len;
    return len;
}

static inline void message_release(struct message *m)
{
    if (m->release)
        m->release(m->owner);
    m->release = NULL;
}

#endif
