/* stream: one gRPC call from the client's side: says its dialogue and checks what comes back. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "mem.h"
#include "run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
    struct stream *next, *prev; /* its owner's list; among spare ones only `next` */
    struct share *share;
    int32_t id;
    bool deferred;  /* the owner waits with its DATA until there is something to say */
    bool cancelled; /* the owner has reset it: all is answered, or something is wrong */

    unsigned n_sent; /* steps handed out completely */
    size_t sent_len; /* bytes handed out of the step after those */
    unsigned n_got;  /* answers */
    bool http_ok, status_ok, sets_header, failed;
    struct bytes in;   /* the beginning of an answer, its gRPC prefix included */
    uint64_t begun_ns; /* in an open loop, when it was to begin */
    uint64_t due_ns;   /* when it became its turn to speak */
    uint64_t *sent_ns; /* where each step's latency runs from */
};

enum stream_turn {
    STREAM_SPEAKS,
    STREAM_LISTENS, /* for an answer, or until holding is over */
    STREAM_IS_DONE  /* everything is said and answered */
};

/* A spare one or a new one; never NULL. */
struct stream *stream_new(struct share *share);
void stream_recycle(struct stream *s);
void stream_free_spare(struct share *share);

enum stream_turn stream_turn(const struct stream *s);

/* The next bytes to send; 0 when it is not the stream's turn to speak. */
size_t stream_say(struct stream *s, uint8_t *buf, size_t cap);

/* Response headers and trailers, one field at a time; then bytes of DATA, cut anywhere. */
void stream_hear_header(struct stream *s, struct bytes name, struct bytes value);
void stream_hear(struct stream *s, const uint8_t *p, size_t len);

/* The stream has ended without an error of HTTP/2: was all of it right? */
void stream_judge(struct stream *s);
/* Only the first fault of a stream counts. */
void stream_fault(struct stream *s, enum fault f, const char *detail);

#endif
