/* encode_private: what the files of the encoder share. */
#ifndef EXTPROCD_WIRE_ENCODE_ENCODE_PRIVATE_H
#define EXTPROCD_WIRE_ENCODE_ENCODE_PRIVATE_H

#include "wire/encode/encode.h"

#include <protobuf-c/protobuf-c.h>

/* It edits headers or trailers, and does nothing else. */
bool encode_edits_only(const struct verdict *v);
/* That answer, with its number in the oneof. 0 or -ENOMEM. */
int encode_edits(const struct verdict *v, unsigned number, struct arena *arena,
                 struct encoded *ret);
/* Any answer, by protobuf-c. As encode_verdict(). */
int encode_message(const struct verdict *v, struct arena *arena, struct encoded *ret);

/* Adds to a message one field that is already encoded, to be packed after its others. protobuf-c
 * calls such fields unknown; to a receiver they are like any other. 0 or -ENOMEM. */
int encode_string(ProtobufCMessage *to, uint32_t number, struct extproc_str text,
                  struct arena *arena);
/* The same of the Struct that all namespaces make. */
int encode_metadata(ProtobufCMessage *to, uint32_t number, const struct metadata *m,
                    struct arena *arena);

#endif
