/*
 * What the load generator says. Every stream is the same transaction, a browser's GET and its
 * answer:
 *
 *     request_headers     12 headers, about 550 bytes; end_of_stream if there is no body
 *     request_body        --body-chunks times, --body-size bytes each; the last has end_of_stream
 *     response_headers    8 headers; its body is none of the server's business
 *
 * the first with the protocol_config that has the body modes, each sent when all before it is
 * answered. With --pipeline the bodies wait for the first answer only. Header values go in
 * raw_value, as Envoy sends them.
 *
 * The messages are written here, once, by hand: the bytes a server gets must not depend on the
 * library that the server itself is built with, and sending must cost the client next to nothing.
 */
#include "dialogue.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of envoy/service/ext_proc/v3/external_processor.proto and what it refers to. */
enum {
    REQUEST_REQUEST_HEADERS = 2, /* ProcessingRequest.request */
    REQUEST_RESPONSE_HEADERS = 3,
    REQUEST_REQUEST_BODY = 4,
    REQUEST_PROTOCOL_CONFIG = 11,
    RESPONSE_REQUEST_HEADERS = 1, /* ProcessingResponse.response */
    RESPONSE_RESPONSE_HEADERS = 2,
    RESPONSE_REQUEST_BODY = 3,
    HTTP_HEADERS_HEADERS = 1,
    HTTP_HEADERS_END_OF_STREAM = 3,
    HTTP_BODY_BODY = 1,
    HTTP_BODY_END_OF_STREAM = 2,
    PROTOCOL_CONFIG_REQUEST_BODY_MODE = 1,
    BODY_MODE_STREAMED = 1, /* BodySendMode */
    BODY_MODE_BUFFERED = 2,
    HEADER_MAP_HEADERS = 1,
    HEADER_VALUE_KEY = 1,
    HEADER_VALUE_RAW_VALUE = 3,
};

static const struct header request_headers[] = {
    {":scheme", "https"},
    {":method", "GET"},
    {":authority", "shop.example.com"},
    {":path", "/api/v1/catalog/items/48213?currency=EUR&expand=price,stock"},
    {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"accept", "application/json, text/plain, */*"},
    {"accept-language", "en-US,en;q=0.5"},
    {"accept-encoding", "gzip, deflate, br, zstd"},
    {"cookie", "session=8f1c2e0b7a6d4c5e9f30a1b2c3d4e5f6; theme=dark; consent=1"},
    {"x-forwarded-for", "203.0.113.57"},
    {"x-forwarded-proto", "https"},
    {"x-request-id", "5f0c7a52-6c1e-4e0c-9a2b-0d5f3c1b7e88"},
};

static const struct header response_headers[] = {
    {":status", "200"},
    {"content-type", "application/json; charset=utf-8"},
    {"content-length", "1834"},
    {"date", "Tue, 02 Jun 2026 10:24:31 GMT"},
    {"server", "envoy"},
    {"cache-control", "private, max-age=30"},
    {"etag", "W/\"72a-1876f0c1d5b\""},
    {"x-envoy-upstream-service-time", "12"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void put_varint(struct bytes *out, uint64_t v)
{
    uint8_t buf[10];
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        buf[n++] = (uint8_t)(v | 0x80);
    buf[n++] = (uint8_t)v;
    bytes_add(out, buf, n);
}

static void put_bytes(struct bytes *out, unsigned field, const void *p, size_t len)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, len);
    bytes_add(out, p, len);
}

static void put_number(struct bytes *out, unsigned field, uint64_t v)
{
    put_varint(out, field << 3);
    put_varint(out, v);
}

/* The submessage is used up. */
static void put_message(struct bytes *out, unsigned field, struct bytes *sub)
{
    put_bytes(out, field, sub->p, sub->len);
    bytes_fini(sub);
}

static void put_header(struct bytes *map, const struct header *h)
{
    struct bytes value = {0};
    put_bytes(&value, HEADER_VALUE_KEY, h->name, strlen(h->name));
    put_bytes(&value, HEADER_VALUE_RAW_VALUE, h->value, strlen(h->value));
    put_message(map, HEADER_MAP_HEADERS, &value);
}

static struct bytes http_headers(const struct header *headers, size_t n, const struct header *mark,
                                 bool end_of_stream)
{
    struct bytes map = {0}, out = {0};
    for (size_t i = 0; i < n; i++)
        put_header(&map, &headers[i]);
    if (mark)
        put_header(&map, mark);
    put_message(&out, HTTP_HEADERS_HEADERS, &map);
    if (end_of_stream)
        put_number(&out, HTTP_HEADERS_END_OF_STREAM, true);
    return out;
}

static struct bytes http_body(size_t len, bool end_of_stream)
{
    struct bytes data = {0}, out = {0};
    for (size_t i = 0; i < len; i++)
        bytes_add(&data, &(char){(char)('a' + i % 26)}, 1);
    put_message(&out, HTTP_BODY_BODY, &data);
    if (end_of_stream)
        put_number(&out, HTTP_BODY_END_OF_STREAM, true);
    return out;
}

/* Empty where there is no body. */
static struct bytes protocol_config(const struct options *opt)
{
    struct bytes out = {0};
    if (opt->n_chunks > 0)
        put_number(&out, PROTOCOL_CONFIG_REQUEST_BODY_MODE,
                   opt->buffered ? BODY_MODE_BUFFERED : BODY_MODE_STREAMED);
    return out;
}

/* The request is used up. */
static void add_step(struct dialogue *d, struct bytes *request, unsigned answer, unsigned n_before)
{
    struct step *step = &d->steps[d->n_steps++];
    uint8_t prefix[GRPC_PREFIX_LEN] = {0, (uint8_t)(request->len >> 24),
                                       (uint8_t)(request->len >> 16), (uint8_t)(request->len >> 8),
                                       (uint8_t)request->len};
    *step = (struct step){.answer = answer, .n_before = n_before};
    bytes_add(&step->frame, prefix, sizeof prefix);
    bytes_add(&step->frame, request->p, request->len);
    bytes_fini(request);
}

static void add_request_headers(struct dialogue *d, const struct options *opt,
                                const struct header *mark)
{
    struct bytes request = {0}, config = protocol_config(opt);
    struct bytes m =
        http_headers(request_headers, COUNT(request_headers), mark, opt->n_chunks == 0);
    put_message(&request, REQUEST_REQUEST_HEADERS, &m);
    put_message(&request, REQUEST_PROTOCOL_CONFIG, &config);
    add_step(d, &request, RESPONSE_REQUEST_HEADERS, 0);
}

static void add_request_body(struct dialogue *d, const struct options *opt, bool is_last)
{
    struct bytes request = {0}, m = http_body(opt->chunk_len, is_last);
    put_message(&request, REQUEST_REQUEST_BODY, &m);
    add_step(d, &request, RESPONSE_REQUEST_BODY, opt->pipeline ? 1 : d->n_steps);
}

static void add_response_headers(struct dialogue *d)
{
    struct bytes request = {0};
    struct bytes m = http_headers(response_headers, COUNT(response_headers), NULL, false);
    put_message(&request, REQUEST_RESPONSE_HEADERS, &m);
    add_step(d, &request, RESPONSE_RESPONSE_HEADERS, d->n_steps);
}

void dialogue_init(struct dialogue *d, const struct options *opt, const struct header *mark)
{
    *d = (struct dialogue){.steps = mem_new(opt->n_chunks + 2, sizeof *d->steps)};
    add_request_headers(d, opt, mark);
    for (unsigned i = 1; i <= opt->n_chunks; i++)
        add_request_body(d, opt, i == opt->n_chunks);
    add_response_headers(d);
}

void dialogue_fini(struct dialogue *d)
{
    for (unsigned i = 0; i < d->n_steps; i++)
        bytes_fini(&d->steps[i].frame);
    free(d->steps);
    *d = (struct dialogue){0};
}
