/* decode_private: what the files of the decoder share. */
#ifndef EXTPROCD_WIRE_DECODE_DECODE_PRIVATE_H
#define EXTPROCD_WIRE_DECODE_DECODE_PRIVATE_H

#include "base/arena.h"
#include "wire/reader.h"

/* One message on its way to an event. */
struct decoder {
    struct arena *arena;
    size_t budget;     /* bytes that may still be taken            */
    const char *where; /* the top-level field at hand              */
    const char *why;   /* what is wrong with it, once something is */
};

/* -EBADMSG. */
int decoder_fail(struct decoder *d, const char *why);
/* Takes memory that arena_alloc() is asked for elsewhere. 0 or -EBADMSG. */
int decoder_spend(struct decoder *d, size_t size);
/* n objects of a size, within the budget: 0, -ENOMEM, -EBADMSG. *ret is not NULL. */
int decoder_array(struct decoder *d, size_t n, size_t size, void **ret);
/* All that is left of a reader in one piece: a view if it lies so, else a copy. */
int decoder_str(struct decoder *d, const struct reader *in, struct extproc_str *ret);

/* Holds the headers of a message while its HeaderMaps are read. */
struct gathered {
    struct extproc_header *headers; /* `few`, or on the heap */
    size_t n, room;
    struct extproc_header few[64];
};
static inline void gathered_init(struct gathered *g)
{
    g->headers = g->few;
    g->n = 0;
    g->room = sizeof g->few / sizeof *g->few;
}
void gathered_fini(struct gathered *g);
/* Appends the headers of one HeaderMap. */
int decode_headers(struct decoder *d, struct reader map, struct gathered *g);
/* Sets *ret to g->n headers that live as long as the arena. */
int gathered_take(struct decoder *d, const struct gathered *g, const struct extproc_header **ret);

/* The trees; raw is a sequence of complete fields: `attributes` of ProcessingRequest or of
 * HttpHeaders, and `metadata_context`. The checks find every error that the later reading could
 * find, except -ENOMEM, and spend the budget that it will need. */
int decode_check_attributes(struct decoder *d, struct extproc_str raw);
int decode_check_metadata(struct decoder *d, struct extproc_str raw);
/* For struct tree. */
int decode_attributes(struct extproc_str raw, struct arena *arena, struct extproc_value *ret);
int decode_metadata(struct extproc_str raw, struct arena *arena, struct extproc_value *ret);

#endif
