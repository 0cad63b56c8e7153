/*
 * What the load generator says. Every stream is the same transaction, a browser's GET and its answer:
 *
 *     request_headers     12 headers, about 550 bytes; end_of_stream if there is no body
 *     request_body        --body-chunks times, --body-size bytes each; the last has end_of_stream
 *     response_headers    8 headers; its body is none of the server's business
 *
 * each sent when all before it is answered. With --pipeline the bodies wait for the first answer
 * only. Header values go in raw_value, as Envoy sends them.
 *
 * The messages are written here, once, by hand: the bytes a server gets must not depend on the
 * library that the server itself is built with, and sending must cost the client next to nothing.
 */
#include "dialogue.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of envoy/service/ext_proc/v3/external_processor.proto and what it refers to. */
enum {
    REQUEST_REQUEST_HEADERS = 2, /* ProcessingRequest.request */
    REQUEST_RESPONSE_HEADERS = 3,
    REQUEST_REQUEST_BODY = 4,
    RESPONSE_REQUEST_HEADERS = 1, /* ProcessingResponse.response */
    RESPONSE_RESPONSE_HEADERS = 2,
    RESPONSE_REQUEST_BODY = 3,
    HTTP_HEADERS_HEADERS = 1,
    HTTP_HEADERS_END_OF_STREAM = 3,
    HTTP_BODY_BODY = 1,
    HTTP_BODY_END_OF_STREAM = 2,
    HEADER_MAP_HEADERS = 1,
    HEADER_VALUE_KEY = 1,
    HEADER_VALUE_RAW_VALUE = 3,
};

struct header {
    const char *name, *value;
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

static void put_true(struct bytes *out, unsigned field)
{
    put_varint(out, field << 3);
    put_varint(out, 1);
}

/* The submessage is used up. */
static void put_message(struct bytes *out, unsigned field, struct bytes *sub)
{
    put_bytes(out, field, sub->p, sub->len);
    bytes_fini(sub);
}

static struct bytes http_headers(const struct header *headers, size_t n, bool end_of_stream)
{
    struct bytes map = {0}, out = {0};
    for (size_t i = 0; i < n; i++) {
        struct bytes value = {0};
        put_bytes(&value, HEADER_VALUE_KEY, headers[i].name, strlen(headers[i].name));
        put_bytes(&value, HEADER_VALUE_RAW_VALUE, headers[i].value, strlen(headers[i].value));
        put_message(&map, HEADER_MAP_HEADERS, &value);
    }
    put_message(&out, HTTP_HEADERS_HEADERS, &map);
    if (end_of_stream)
        put_true(&out, HTTP_HEADERS_END_OF_STREAM);
    return out;
}

static struct bytes http_body(size_t len, bool end_of_stream)
{
    struct bytes data = {0}, out = {0};
    for (size_t i = 0; i < len; i++)
        bytes_add(&data, &(char){(char)('a' + i % 26)}, 1);
    put_message(&out, HTTP_BODY_BODY, &data);
    if (end_of_stream)
        put_true(&out, HTTP_BODY_END_OF_STREAM);
    return out;
}

static void add_step(struct dialogue *d, unsigned member, struct bytes *message, unsigned answer,
                     unsigned n_before)
{
    struct bytes request = {0};
    struct step *step = &d->steps[d->n_steps++];
    put_message(&request, member, message);
    uint8_t prefix[GRPC_PREFIX_LEN] = {0, (uint8_t)(request.len >> 24),
                                       (uint8_t)(request.len >> 16), (uint8_t)(request.len >> 8),
                                       (uint8_t)request.len};
    *step = (struct step){.answer = answer, .n_before = n_before};
    bytes_add(&step->frame, prefix, sizeof prefix);
    bytes_add(&step->frame, request.p, request.len);
    bytes_fini(&request);
}

void dialogue_init(struct dialogue *d, unsigned n_chunks, size_t chunk_len, bool pipeline)
{
    *d = (struct dialogue){.steps = mem_new(n_chunks + 2, sizeof *d->steps)};

    struct bytes m = http_headers(request_headers, COUNT(request_headers), n_chunks == 0);
    add_step(d, REQUEST_REQUEST_HEADERS, &m, RESPONSE_REQUEST_HEADERS, 0);
    for (unsigned i = 0; i < n_chunks; i++) {
        m = http_body(chunk_len, i + 1 == n_chunks);
        add_step(d, REQUEST_REQUEST_BODY, &m, RESPONSE_REQUEST_BODY, pipeline ? 1 : d->n_steps);
    }
    m = http_headers(response_headers, COUNT(response_headers), false);
    add_step(d, REQUEST_RESPONSE_HEADERS, &m, RESPONSE_RESPONSE_HEADERS, d->n_steps);
}

void dialogue_fini(struct dialogue *d)
{
    for (unsigned i = 0; i < d->n_steps; i++)
        bytes_fini(&d->steps[i].frame);
    free(d->steps);
    *d = (struct dialogue){0};
}
