/* head: a request's head, as far as gRPC cares, and what its answer's trailers say. */
#ifndef EXTPROCD_TRANSPORT_H2_FRAMING_HEAD_H
#define EXTPROCD_TRANSPORT_H2_FRAMING_HEAD_H

#include "base/str.h"

#include <stdint.h>

enum {
    HEAD_PATH_MAX = 128,    /* bytes kept of a path: no handler's is longer */
    HEAD_STATUS_TEXT = 1024 /* bytes of a status's text that are sent       */
};

#define HEAD_NO_TIMEOUT UINT64_MAX

enum head_encoding { HEAD_IDENTITY, HEAD_GZIP, HEAD_UNKNOWN };

struct head {
    size_t size; /* as HTTP/2 counts: 32 a field, and its bytes */
    size_t path_len;
    uint64_t timeout_ms;
    enum head_encoding encoding; /* of the messages that are compressed */
    bool post, head;             /* the method                           */
    bool grpc;                   /* the content type is gRPC's              */
    bool refuses_gzip;           /* grpc-accept-encoding is there, without it */
    bool bad_timeout;
    char path[HEAD_PATH_MAX];
};

void head_begin(struct head *h);
void head_add(struct head *h, struct extproc_str name, struct extproc_str value);

/* The path, or its beginning. */
struct extproc_str head_path(const struct head *h);
bool head_is_for(const struct head *h, const char *path);

/* A text as grpc-message has it; `to` has room for 3 * HEAD_STATUS_TEXT. Its length. */
size_t head_escape(struct extproc_str text, char *to);

#endif
