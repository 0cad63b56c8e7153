/* bare_frames: one call of Process without a word of HTTP/2: bytes in, bytes of the answers out. */
#ifndef BENCH_BARE_FRAMES_H
#define BENCH_BARE_FRAMES_H

#include "bare_answer.h"
#include "mem.h"

#include <stdbool.h>

/* All zero is a call that has not begun. */
struct bare_frames {
    struct bytes in;  /* the beginning of a message */
    struct bytes out; /* answers, */
    size_t out_off;   /* bytes of that already sent */
};

/* For another call: what it holds of memory is kept. */
void bare_frames_reset(struct bare_frames *f);

/* Answers each message that is complete now. False: one is too long, or is not a request. */
bool bare_frames_hear(struct bare_frames *f, struct bare_parser *parser, const uint8_t *p,
                      size_t len);

/* The next bytes of the answers: how many there are, cap at most. */
size_t bare_frames_say(struct bare_frames *f, uint8_t *buf, size_t cap);
bool bare_frames_said_all(const struct bare_frames *f);

#endif
