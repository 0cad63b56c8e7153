/* decoder: the memory of one message's decoding, and what is wrong with it.
 *
 * Every allocation is paid for from the budget before it is made.
 */
#include "wire/decode/decode_private.h"

#include <errno.h>

enum {
    ARENA_STEP = 16 /* what an arena rounds sizes up to */
};

int decoder_fail(struct decoder *d, const char *why)
{
    d->why = why;
    return -EBADMSG;
}

int decoder_spend(struct decoder *d, size_t size)
{
    if (size > d->budget)
        return decoder_fail(d, "too many elements for the message's size");
    d->budget -= size;
    return 0;
}

int decoder_array(struct decoder *d, size_t n, size_t size, void **ret)
{
    if (n > d->budget / size)
        return decoder_spend(d, SIZE_MAX);
    int r = decoder_spend(d, (n * size + ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP);
    if (r < 0)
        return r;
    void *array = arena_array(d->arena, n, size);
    if (!array)
        return -ENOMEM;
    *ret = array;
    return 0;
}

int decoder_str(struct decoder *d, const struct reader *in, struct extproc_str *ret)
{
    if (reader_view(in, ret))
        return 0;
    void *copy = NULL;
    int r = decoder_array(d, reader_len(in), 1, &copy);
    if (r < 0)
        return r;
    reader_copy(*in, copy);
    *ret = (struct extproc_str){copy, reader_len(in)};
    return 0;
}
