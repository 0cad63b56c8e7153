/* body: joined when it is first read, released when it can no longer be read.
 *
 * Bytes that were passed in stay until the end, however often the body is set after them: the next
 * body may be a part of them, and they are the body again if that edit is undone.
 */
#include "http/message/body.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

struct body_given {
    struct body_given *next;
    void (*release)(void *);
    void *arg;
};

void body_init(struct body *b, const struct extproc_str *pieces, size_t n_pieces)
{
    *b = (struct body){.pieces = pieces, .n_pieces = n_pieces};
    for (size_t i = 0; i < n_pieces; i++)
        b->len += pieces[i].len;
}

void body_fini(struct body *b)
{
    while (b->given) {
        struct body_given *given = b->given;
        b->given = given->next;
        given->release(given->arg);
    }
}

/* These are the bytes now, whatever was received. */
static void body_take(struct body *b, struct extproc_str bytes)
{
    b->bytes = bytes.ptr ? bytes : EXTPROC_S("");
    b->len = bytes.len;
    b->pieces = NULL;
    b->n_pieces = 0;
}

static struct extproc_str join(const struct body *b, struct arena *arena)
{
    char *joined = arena_alloc(arena, b->len);
    if (!joined)
        return STR_ABSENT;
    size_t len = 0;
    for (size_t i = 0; i < b->n_pieces; i++) {
        if (b->pieces[i].len)
            memcpy(joined + len, b->pieces[i].ptr, b->pieces[i].len);
        len += b->pieces[i].len;
    }
    return (struct extproc_str){joined, len};
}

struct extproc_str body_bytes(struct body *b, struct arena *arena)
{
    if (b->bytes.ptr)
        return b->bytes;
    struct extproc_str bytes = b->n_pieces == 1 ? b->pieces[0] : EXTPROC_S("");
    if (b->n_pieces > 1) {
        bytes = join(b, arena);
        if (!bytes.ptr)
            return STR_ABSENT;
    }
    body_take(b, bytes);
    return b->bytes;
}

int body_set(struct body *b, struct arena *arena, struct extproc_str bytes)
{
    struct extproc_str copy = arena_copy(arena, bytes);
    if (bytes.ptr && !copy.ptr)
        return -ENOMEM;
    body_take(b, copy);
    b->changed = true;
    return 0;
}

int body_give(struct body *b, struct arena *arena, struct extproc_str bytes,
              void (*release)(void *), void *arg)
{
    struct body_given *given = arena_alloc(arena, sizeof *given);
    if (!given)
        return -ENOMEM;
    *given = (struct body_given){b->given, release, arg};
    b->given = given;
    body_take(b, bytes);
    b->changed = true;
    return 0;
}

/* Bytes that were only joined since are the same. */
void body_rewind(struct body *b, const struct body *mark)
{
    struct body_given *given = b->given;
    if (!b->changed)
        return;
    *b = *mark;
    b->given = given;
}

void body_lend(struct body *b, struct extproc_str bytes)
{
    body_take(b, bytes);
    b->changed = true;
}
