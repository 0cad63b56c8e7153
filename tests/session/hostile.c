/* Bytes that are not a message, and a heap without memory: only one stream fails. */
#include "kit/alloc.h"
#include "kit/criterion.h"

#include <stdlib.h>
#include <string.h>

static enum extproc_action work(struct extproc_txn *x)
{
    enum extproc_map map =
        x->phase < EXTPROC_PHASE_RESPONSE_HEADERS ? EXTPROC_MAP_REQUEST : EXTPROC_MAP_RESPONSE;
    extproc_header_set(x, map, EXTPROC_S("x-a"), EXTPROC_S("1"));
    extproc_header_append(x, map, EXTPROC_S("x-b"), EXTPROC_S("2"));
    extproc_header_remove(x, map, EXTPROC_S("x-c"));
    extproc_metadata_set(x, EXTPROC_S("ns"), EXTPROC_S("k"),
                         extproc_attribute(x, EXTPROC_S("source.address")));
    x->ctx = extproc_alloc(x, 100);
    return EXTPROC_ACTION_CONTINUE;
}
static enum extproc_action upper(struct extproc_txn *x)
{
    struct extproc_str body = extproc_body(x);
    char *copy = extproc_scratch(x, body.len);
    if (!copy)
        return EXTPROC_ACTION_FAIL;
    for (size_t i = 0; i < body.len; i++)
        copy[i] = (char)(body.ptr[i] & ~0x20);
    return extproc_body_set(x, (struct extproc_str){copy, body.len}) == 0 ? EXTPROC_ACTION_CONTINUE
                                                                          : EXTPROC_ACTION_FAIL;
}

static const struct extproc_plugin worker = {
    .abi = EXTPROC_ABI,
    .name = "worker",
    .request_headers = work,
    .request_body = upper,
    .response_headers = work,
    .response_body = upper,
};

static struct kit *k;

static void setup(void)
{
    k = kit_of((struct kit_linked[]){{"worker", &worker}, {0}});
}
static void teardown(void)
{
    kit_free(k);
}
TestSuite(hostile, .init = setup, .fini = teardown);

/* ---- bytes ----------------------------------------------------------------------------------- */

static void expect_malformed(struct extproc_str bytes, size_t piece_len, const char *text)
{
    struct kit_call *other = kit_call(k, &(struct kit_how){0});
    struct kit_call *c = kit_call(k, &(struct kit_how){.piece_len = piece_len});
    kit_headers(other, LANE_REQUEST, ":path: /", false);
    kit_raw(c, bytes);
    kit_expect_failed(c, STATUS_INVALID_ARGUMENT, "malformed ProcessingRequest: ");
    kit_expect_failed(c, STATUS_INVALID_ARGUMENT, text);
    kit_headers(c, LANE_REQUEST, ":path: /", true); /* is not answered */
    kit_trailers(other, LANE_REQUEST, "x-end: 1");
    kit_expect_going(other);
    kit_end(c);
    kit_end(other);
}

Test(hostile, malformed)
{
    static const struct extproc_str messages[] = {
        EXTPROC_STR("\x12"),         /* a tag and nothing after it    */
        EXTPROC_STR("\x12\x05\x01"), /* longer than the message       */
        EXTPROC_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        EXTPROC_STR("\x17\x01"), /* a wire type that there is not */
        EXTPROC_STR("plain text, no message"),
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        expect_malformed(messages[i], 0, "");
        expect_malformed(messages[i], 1, "");
    }
}

static size_t varint(char *out, size_t v)
{
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        out[n++] = (char)(v | 0x80);
    out[n++] = (char)v;
    return n;
}

/* Puts a tag and a length before the bytes at the end of the buffer. */
static char *wrap(char *begin, const char *end, char tag)
{
    char head[12] = {tag};
    size_t n = 1 + varint(head + 1, (size_t)(end - begin));
    return memcpy(begin - n, head, n);
}

/* A list in a list in a list, ..., in an attribute. */
Test(hostile, too_deep)
{
    enum { SIZE = 64 * 1024 };
    char *buffer = malloc(SIZE), *end = buffer + SIZE, *at = end;
    for (int i = 0; i < 1000; i++)
        at = wrap(wrap(at, end, 0x0a), end, 0x32); /* ListValue.values, Value.list_value */
    at = wrap(at, end, 0x12);                      /* FieldsEntry.value    */
    at = wrap(at, end, 0x0a);                      /* Struct.fields        */
    at = wrap(at, end, 0x12);                      /* AttributesEntry.value */
    at = wrap(at, end, 0x4a);                      /* ProcessingRequest.attributes */
    expect_malformed((struct extproc_str){at, (size_t)(end - at)}, 1000, "deep");
    free(buffer);
}

/* Empty headers by the hundred thousand: two bytes each. */
Test(hostile, too_many_elements)
{
    enum { SIZE = 512 * 1024, N = 200 * 1000 };
    char *buffer = malloc(SIZE), *end = buffer + SIZE, *at = end - 2 * (size_t)N;
    for (size_t i = 0; i < N; i++)
        memcpy(at + 2 * i, "\x0a\x00", 2); /* HeaderMap.headers */
    at = wrap(at, end, 0x0a);              /* HttpHeaders.headers */
    at = wrap(at, end, 0x12);              /* ProcessingRequest.request_headers */
    alloc_peak_reset();
    size_t before = alloc_in_use();
    expect_malformed((struct extproc_str){at, (size_t)(end - at)}, 0, "elements");
    if (alloc_available())
        cr_expect_lt(alloc_peak() - before, 4 * (size_t)(end - at) + 64 * 1024);
    free(buffer);
}

Test(hostile, an_empty_message_is_valid)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_raw(c, EXTPROC_S(""));
    kit_headers(c, LANE_REQUEST, ":path: /", true);
    kit_expect_going(c);
    kit_end(c);
}

/* Fields that are not ours to know, among them those of flow control. */
Test(hostile, unknown_fields_are_skipped)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_raw(c, EXTPROC_S("\x62\x02\x08\x07\x6a\x02\x10\x01\xfa\x7f\x03xyz"));
    kit_expect_going(c);
    kit_end(c);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t peak_of_a_body(size_t n_chunks)
{
    static char chunk[64 * 1024];
    memset(chunk, 'a', sizeof chunk);
    struct kit_call *c =
        kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .forget_bodies = true});
    size_t before = alloc_in_use();
    alloc_peak_reset();
    kit_headers(c, LANE_REQUEST, ":path: /", false);
    for (size_t i = 0; i < n_chunks; i++)
        kit_body_bytes(c, LANE_REQUEST, ((struct extproc_str){chunk, sizeof chunk}), false);
    kit_body(c, LANE_REQUEST, "", true);
    cr_expect_eq(kit_body_len(c, LANE_REQUEST), n_chunks * sizeof chunk);
    size_t peak = alloc_peak() - before;
    kit_end(c);
    return peak;
}

Test(hostile, a_long_body_needs_the_memory_of_a_short_one)
{
    size_t first = peak_of_a_body(16), again = peak_of_a_body(1024);
    if (alloc_available())
        cr_expect_leq(again, first, "1 MiB: %zu bytes, 64 MiB: %zu bytes", first, again);
}

static void transaction(struct kit_call *c, void *arg)
{
    kit_with(c, KIT_ATTRIBUTES, NULL, "source.address", "192.0.2.1:5");
    kit_request(c, ":path: /\nx-c: 3\nx-request-id: 4", "abc", "x-end: 1");
    kit_response(c, ":status: 200\nx-c: 3", "def", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-a", "1");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-c", NULL);
    kit_expect_metadata(c, "ns", "k", "192.0.2.1:5");
}

Test(hostile, any_allocation_may_fail)
{
    kit_every_failure(k, &(struct kit_how){0}, transaction, NULL);
    kit_every_failure(k,
                      &(struct kit_how){.request = BODY_MODE_STREAMED,
                                        .response = BODY_MODE_BUFFERED,
                                        .split = 1},
                      transaction, NULL);
    kit_every_failure(k, &(struct kit_how){.piece_len = 3}, transaction, NULL);
    kit_every_failure(k, &(struct kit_how){.response = BODY_MODE_BUFFERED, .events = true},
                      transaction, NULL);
}

Test(hostile, every_way)
{
    kit_every_way(k, 0, transaction, NULL);
}
