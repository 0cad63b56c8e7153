/* check: are these bytes a ProcessingResponse, and which one? */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer {
    unsigned member;  /* field number in ProcessingResponse.response; 0: none is set */
    bool sets_header; /* the header that was looked for is among the set_headers */
};

/* Looks for `name` (NULL: nothing), with `value` where that is not NULL. False: malformed. */
bool check_answer(const uint8_t *p, size_t len, const char *name, const char *value,
                  struct answer *ret_answer);

#endif
