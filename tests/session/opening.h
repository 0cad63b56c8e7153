/* opening: the headers that a transaction opens with, for tests of what body modes mean. */
#ifndef EXTPROCD_TESTS_SESSION_OPENING_H
#define EXTPROCD_TESTS_SESSION_OPENING_H

#include "kit/criterion.h"

static struct kit *k;
static struct kit_call *c;

static inline void begin(enum body_mode request, enum body_mode response)
{
    c = kit_call(k, &(struct kit_how){.request = request, .response = response});
}

static inline void request_headers(bool end)
{
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", end);
}

static inline void response_headers(bool end)
{
    kit_headers(c, LANE_RESPONSE, ":status: 200", end);
}

#endif
