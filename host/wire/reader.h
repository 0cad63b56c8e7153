/* reader: a cursor over protobuf's wire format, in bytes that lie in several pieces.
 *
 * It knows tags, lengths and wire types, and not a single message. A copy of a reader is another
 * cursor at the same place, so looking ahead, or reading twice, is an assignment.
 */
#ifndef EXTPROCD_WIRE_READER_H
#define EXTPROCD_WIRE_READER_H

#include <extproc/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message, or what is left of it. */
struct reader {
    const char *at, *end;           /* in the piece at hand              */
    const struct extproc_str *next; /* the pieces after that one         */
    size_t more;                    /* bytes of the message in those     */
};

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_I64 = 1,
    WIRE_LEN = 2,
    WIRE_GROUP = 3,
    WIRE_GROUP_END = 4,
    WIRE_I32 = 5
};

struct field {
    uint32_t number;
    enum wire_type type;   /* never WIRE_GROUP_END                                     */
    uint64_t value;        /* VARINT, I64, I32                                         */
    struct reader content; /* LEN; a group is skipped and never returned            */
};

/* The pieces must stay as long as the reader is used, their bytes as long as what it returned. */
struct reader reader_of(const struct extproc_str *pieces, size_t n_pieces);
struct reader reader_of_str(struct extproc_str bytes);

size_t reader_len(const struct reader *in);

/* Reads the next field and moves past it. 1, 0 at the end, -EBADMSG; groups may be nested 64
 * deep. */
int reader_next(struct reader *in, struct field *ret);

/* Goes on to the next length-delimited field of a number: what has the number, but another wire
 * type, is an unknown field like any other. Otherwise as reader_next(). */
int reader_find(struct reader *in, uint32_t number, struct reader *ret_content);

/* Splits off the next `len` bytes, which must be there. */
struct reader reader_take(struct reader *in, size_t len);

/* All that is left, if it lies in one piece; ptr is not NULL, also where it is empty. */
bool reader_view(const struct reader *in, struct extproc_str *ret);
/* The pieces that all that is left lies in, none of them empty: how many; ret NULL counts only. */
size_t reader_pieces(struct reader in, struct extproc_str *ret);
/* Copies all that is left; returns the place after it. */
char *reader_copy(struct reader in, char *to);

#endif
