/* decode: a ProcessingRequest's bytes -> an event. The authority is external_processor.proto.
 *
 * Nothing is copied but what lies across two pieces (header names and values, trees), names that
 * are not lower case, and a submessage that came in several parts; everything else is a view of the
 * message, which must stay. Unknown fields are skipped, a submessage in several parts is merged,
 * the last member of a oneof counts, as the protobuf encoding has it.
 */
#ifndef EXTPROCD_WIRE_DECODE_DECODE_H
#define EXTPROCD_WIRE_DECODE_DECODE_H

#include "http/event.h"

enum { WIRE_MAX_DEPTH = 64 }; /* of lists and dicts in each other */

/* How many bytes a message's decoded form may take beside it, its trees included once they are
 * read. A message that would take more is refused: little but empty elements by the thousand does.
 * It keeps message and event together below four times the message's size from 64 KiB on. */
size_t wire_max_memory(size_t message_len);

/* The direction of a message, from its tags alone; N_LANES: of none, or it is malformed. */
enum lane decode_lane(const struct extproc_str *pieces, size_t n_pieces);

/* 0 with *ret filled (nothing of it is to be used otherwise); -ENOMEM; -EBADMSG with *ret_why a
 * text in the arena that says where and what is wrong ("attributes: nested deeper than 64", ...).
 * `pieces` itself may go afterwards. */
int decode_request(const struct extproc_str *pieces, size_t n_pieces, struct arena *arena,
                   struct event *ret, const char **ret_why);

#endif
