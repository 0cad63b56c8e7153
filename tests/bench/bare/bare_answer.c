/*
 * What the bare server does with a message: unpack all of it with protobuf-c, set "x-ext: 1" in the
 * answer to request_headers, answer all else with an empty answer, and pack that with protobuf-c.
 *
 * Unpacking allocates from one block that starts anew with each message, which is what makes
 * protobuf-c cheap; the block is larger than any message that gRPC lets through by default.
 */
#include "bare_answer.h"

#include <err.h>
#include <stdlib.h>

#define DO(name)     envoy__service__ext_proc__v3__##name
#define ASKED(name)  ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_##name
#define ANSWER(name) ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_RESPONSE__RESPONSE_##name
#define OVERWRITE                                                                                  \
    ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS_OR_ADD

enum { BLOCK_LEN = 16 << 20 };

void bare_parser_init(struct bare_parser *p)
{
    *p = (struct bare_parser){.block = malloc(BLOCK_LEN), .block_len = BLOCK_LEN};
    if (!p->block)
        errx(1, "out of memory");
}

static void *parser_alloc(void *arg, size_t size)
{
    struct bare_parser *p = arg;
    size = (size + 15) & ~(size_t)15;
    if (size > p->block_len - p->used_len)
        return NULL;
    void *piece = p->block + p->used_len;
    p->used_len += size;
    return piece;
}

static void parser_free(void *arg, void *piece)
{
}

unsigned bare_parse(struct bare_parser *p, const uint8_t *message, size_t len)
{
    ProtobufCAllocator allocator = {parser_alloc, parser_free, p};
    p->used_len = 0;
    const Envoy__Service__ExtProc__V3__ProcessingRequest *request =
        DO(processing_request__unpack)(&allocator, len, message);
    return request ? (unsigned)request->request_case : 0;
}

/* protobuf-c reads these, but its types do not say so. */
static char name[] = "x-ext";
static uint8_t raw_value[] = {'1'};

static void set_header(struct bare_answer *a)
{
    envoy__config__core__v3__header_value__init(&a->value);
    a->value.key = name;
    a->value.raw_value = (ProtobufCBinaryData){sizeof raw_value, raw_value};
    envoy__config__core__v3__header_value_option__init(&a->option);
    a->option.header = &a->value;
    a->option.append_action = OVERWRITE;
    a->options[0] = &a->option;
    DO(header_mutation__init)(&a->mutation);
    a->mutation.n_set_headers = 1;
    a->mutation.set_headers = a->options;
    DO(common_response__init)(&a->common);
    a->common.header_mutation = &a->mutation;
    a->headers.response = &a->common;
}

void bare_answer_init(struct bare_answer *a, unsigned asked)
{
    DO(processing_response__init)(&a->response);
    switch (asked) {
    case ASKED(REQUEST_HEADERS):
        DO(headers_response__init)(&a->headers);
        set_header(a);
        a->response.response_case = ANSWER(REQUEST_HEADERS);
        a->response.request_headers = &a->headers;
        break;
    case ASKED(RESPONSE_HEADERS):
        DO(headers_response__init)(&a->headers);
        a->response.response_case = ANSWER(RESPONSE_HEADERS);
        a->response.response_headers = &a->headers;
        break;
    case ASKED(REQUEST_BODY):
        DO(body_response__init)(&a->body);
        a->response.response_case = ANSWER(REQUEST_BODY);
        a->response.request_body = &a->body;
        break;
    case ASKED(RESPONSE_BODY):
        DO(body_response__init)(&a->body);
        a->response.response_case = ANSWER(RESPONSE_BODY);
        a->response.response_body = &a->body;
        break;
    case ASKED(REQUEST_TRAILERS):
        DO(trailers_response__init)(&a->trailers);
        a->response.response_case = ANSWER(REQUEST_TRAILERS);
        a->response.request_trailers = &a->trailers;
        break;
    default:
        DO(trailers_response__init)(&a->trailers);
        a->response.response_case = ANSWER(RESPONSE_TRAILERS);
        a->response.response_trailers = &a->trailers;
    }
}

size_t bare_answer_len(const struct bare_answer *a)
{
    return DO(processing_response__get_packed_size)(&a->response);
}

void bare_answer_pack(const struct bare_answer *a, uint8_t *buf)
{
    DO(processing_response__pack)(&a->response, buf);
}
