/* bare_answer: the least work with protobuf-c that a server must do for a message. */
#ifndef BENCH_BARE_ANSWER_H
#define BENCH_BARE_ANSWER_H

#include "envoy/service/ext_proc/v3/external_processor.pb-c.h"

#include <stddef.h>
#include <stdint.h>

struct bare_parser {
    uint8_t *block;
    size_t block_len, used_len;
};

/* A response with all that it may refer to. */
struct bare_answer {
    Envoy__Service__ExtProc__V3__ProcessingResponse response;
    Envoy__Service__ExtProc__V3__HeadersResponse headers;
    Envoy__Service__ExtProc__V3__BodyResponse body;
    Envoy__Service__ExtProc__V3__TrailersResponse trailers;
    Envoy__Service__ExtProc__V3__CommonResponse common;
    Envoy__Service__ExtProc__V3__HeaderMutation mutation;
    Envoy__Config__Core__V3__HeaderValueOption option, *options[1];
    Envoy__Config__Core__V3__HeaderValue value;
};

void bare_parser_init(struct bare_parser *p);

/* Unpacks the complete message. Returns the member of ProcessingRequest.request that is set; 0 if
 * none is, or the message is malformed. */
unsigned bare_parse(struct bare_parser *p, const uint8_t *message, size_t len);

/* The answer to that member; it must not be moved. */
void bare_answer_init(struct bare_answer *a, unsigned asked);
size_t bare_answer_len(const struct bare_answer *a);
void bare_answer_pack(const struct bare_answer *a, uint8_t *buf);

#endif
