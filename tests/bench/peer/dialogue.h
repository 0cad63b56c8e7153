/* dialogue: what a proxy says in one stream, ready to send, and what must answer it. */
#ifndef BENCH_DIALOGUE_H
#define BENCH_DIALOGUE_H

#include "mem.h"

#include <stddef.h>

struct options;

struct header {
    const char *name, *value;
};

/* Length-prefixed messages of gRPC: one byte of flags, four of length, the message. */
enum { GRPC_PREFIX_LEN = 5 };

struct step {
    struct bytes frame; /* a ProcessingRequest after its gRPC prefix */
    unsigned answer;    /* the member of ProcessingResponse.response that answers it */
    unsigned n_before;  /* answers that must be in before it may go out */
};

struct dialogue {
    struct step *steps;
    unsigned n_steps;
};

/* mark: a header more in every request; NULL: none. */
void dialogue_init(struct dialogue *d, const struct options *opt, const struct header *mark);
void dialogue_fini(struct dialogue *d);

#endif
