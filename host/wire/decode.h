/* decode: a ProcessingRequest's bytes -> an event. The authority is external_processor.proto.
 *
 * Nothing is copied but what lies across two pieces (header names and values), everything else is a
 * view of the message, which must stay. Unknown fields are skipped, a submessage in several parts
 * is merged, the last member of a oneof counts, as the protobuf encoding has it.
 */
#ifndef EXTPROCD_WIRE_DECODE_H
#define EXTPROCD_WIRE_DECODE_H

#include "http/event.h"

enum { WIRE_MAX_DEPTH = 64 };

/* How many elements (headers, members of lists and dicts) a message of a size may have: what keeps
 * its decoded form below three times its size. */
size_t wire_max_elements(size_t message_len);

/* 0 with *ret filled; -ENOMEM; -EBADMSG with *ret_why a constant text that says what is wrong
 * ("field request_headers: nested deeper than 64", ...). */
int decode_request(const struct extproc_str *pieces, size_t n_pieces, struct arena *arena,
                   struct event *ret, const char **ret_why);

#endif
