/* decode_private: what the files of the decoder share. */
#ifndef EXTPROCD_WIRE_DECODE_PRIVATE_H
#define EXTPROCD_WIRE_DECODE_PRIVATE_H

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
int decoder_str(struct decoder *d, const struct reader *r, struct extproc_str *ret);

/* The HeaderMaps in a HttpHeaders' or HttpTrailers' bytes. */
int decode_headers(struct decoder *d, struct reader message, const struct extproc_header **ret,
                   size_t *ret_n);

/* The trees; raw is a sequence of complete fields: `attributes` of ProcessingRequest or of HttpHeaders,
 * and `metadata_context`. The checks find every error that the later reading could find, except -ENOMEM,
 * and spend the budget that it will need. */
int decode_check_attributes(struct decoder *d, struct extproc_str raw);
int decode_check_metadata(struct decoder *d, struct extproc_str raw);
/* For struct tree. */
int decode_attributes(struct extproc_str raw, struct arena *arena, struct extproc_value *ret);
int decode_metadata(struct extproc_str raw, struct arena *arena, struct extproc_value *ret);

#endif
