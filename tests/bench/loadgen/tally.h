/* tally: what one thread has seen, and what all of them have, added up. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include "hist.h"

#include <stdint.h>

enum fault {
    FAULT_CONNECT,    /* connecting failed, or the connection broke */
    FAULT_HTTP,       /* :status is not 200, or a wrong content-type */
    FAULT_FRAMING,    /* bad gRPC framing */
    FAULT_PARSE,      /* not a ProcessingResponse */
    FAULT_ONEOF,      /* the answer does not match the request */
    FAULT_COUNT,      /* too many answers or too few */
    FAULT_STATUS,     /* grpc-status is missing or not 0 */
    FAULT_RESET,      /* the server reset the stream */
    FAULT_HEADER,     /* --expect-set-header is not met */
    FAULT_UNFINISHED, /* streams not finished, or with --count not even begun, at the end */
    N_FAULTS
};

/* Streams, messages and bytes are counted while measuring only. */
struct tally {
    uint64_t n_streams, n_messages;
    uint64_t n_refused, n_goaways, n_reconnects;
    uint64_t bytes_in, bytes_out;
    uint64_t faults[N_FAULTS];
    struct hist message, stream;
    struct hist late; /* streams of an open loop: from when they were due to when they began */
};

const char *fault_name(enum fault f);
uint64_t tally_faults(const struct tally *t);
void tally_merge(struct tally *to, const struct tally *from);

#endif
