/* fuzz_decode: any bytes, in any pieces -> the decoder.
 *
 * The first two bytes say where the rest is cut. Wherever that is, the message must be decoded to
 * the same result, stay within its memory budget, and fulfil what the floors above expect.
 */
#include "unit/wire/show.h"
#include "wire/decode/decode.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each piece is an allocation of its own, so that a byte too many is seen. */
static void cut(const uint8_t *data, size_t size, size_t n, const size_t *ends,
                struct extproc_str *ret)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t end = ends[i] < at ? at : ends[i] > size ? size : ends[i];
        char *copy = malloc(end - at);
        if (end > at)
            memcpy(copy, data + at, end - at);
        ret[i] = (struct extproc_str){copy, end - at};
        at = end;
    }
}

static void check_event(struct event *e, struct arena *arena)
{
    for (size_t i = 0; i < e->n_headers; i++) {
        struct extproc_str name = e->headers[i].name;
        assert(name.ptr && e->headers[i].value.ptr);
        for (size_t j = 0; j < name.len; j++)
            assert(name.ptr[j] < 'A' || name.ptr[j] > 'Z');
    }
    bool attributes = e->attributes.raw.ptr, metadata = e->metadata.raw.ptr;
    assert((tree_value(&e->attributes, arena).kind == EXTPROC_KIND_DICT) == attributes);
    assert((tree_value(&e->metadata, arena).kind == EXTPROC_KIND_DICT) == metadata);
    assert(e->has_phase || (e->n_headers == 0 && e->body.len == 0));
}

/* The event as text; NULL: it was refused. */
static char *decode(const uint8_t *data, size_t size, size_t n, const size_t *ends)
{
    enum { BLOCK = 256, SLACK = 64 * 1024 }; /* an arena's last block is never quite full */
    struct extproc_str pieces[3];
    struct arena arena;
    struct event event;
    const char *why = NULL;
    char *text = NULL;

    cut(data, size, n, ends, pieces);
    arena_init(&arena, BLOCK);
    int r = decode_request(pieces, n, &arena, &event, &why);
    assert(r == 0 || (r == -EBADMSG && why));
    if (r == 0) {
        check_event(&event, &arena);
        assert(decode_lane(pieces, n) == (event.has_phase ? event.lane : N_LANES));
        assert(arena_size(&arena) <= wire_max_memory(size) + SLACK);
        text = show_event(&event, &arena);
    }
    arena_fini(&arena);
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)pieces[i].ptr);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t whole = size - 2;
    size_t places[] = {data[0] * whole / 255, data[1] * whole / 255, whole};
    char *one = decode(data + 2, whole, 1, &places[2]);
    char *three = decode(data + 2, whole, 3, places);
    /* What is copied because it was cut may be what is too much. */
    assert(!three || (one && strcmp(one, three) == 0));
    free(one);
    free(three);
    return 0;
}
