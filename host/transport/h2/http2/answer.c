/* answer: what is said on a stream: heads, messages, statuses, and why there is no call.
 *
 * Messages are sent from where they lie (NGHTTP2_DATA_FLAG_NO_COPY): nghttp2 asks read_answers()
 * for a number of bytes, and has them fetched afterwards (http2_events.take).
 */
#include "transport/h2/http2/answer.h"

#include "transport/h2/framing/head.h"

#include <stdio.h>
#include <string.h>

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,             \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE        \
    }
/* Where compression is meant, one field more, and where answers are, another. */
static const nghttp2_nv answer_head[] = {
    FIELD(":status", "200"),
    FIELD("content-type", "application/grpc"),
    FIELD("grpc-accept-encoding", "identity,gzip"),
    FIELD("grpc-encoding", "gzip"),
};
enum { N_ANSWER_HEAD = 2, N_STATUS = 3 };

/* ---- of calls -------------------------------------------------------------------------------- */

static nghttp2_nv copied(nghttp2_nv field, const char *value, size_t len)
{
    field.value = (uint8_t *)(uintptr_t)value;
    field.valuelen = len;
    field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    return field;
}

/* Writes the fields of a status: N_STATUS at most. */
static size_t put_status(nghttp2_nv *to, char digits[12], const struct answer_status *status)
{
    static const nghttp2_nv code = FIELD("grpc-status", ""), message = FIELD("grpc-message", "");
    size_t n = 0;
    to[n++] = copied(code, digits, (size_t)snprintf(digits, 12, "%d", (int)status->code));
    if (status->text_len)
        to[n++] = copied(message, status->text, status->text_len);
    if (status->code == STATUS_UNIMPLEMENTED) /* maybe of an encoding */
        to[n++] = answer_head[N_ANSWER_HEAD];
    return n;
}

void answer_status(struct http2 *h, int32_t id, const struct answer_status *status)
{
    char digits[12];
    nghttp2_nv fields[N_ANSWER_HEAD + N_STATUS];
    memcpy(fields, answer_head, N_ANSWER_HEAD * sizeof *fields);
    size_t n = N_ANSWER_HEAD + put_status(fields + N_ANSWER_HEAD, digits, status);
    http2_check(h, nghttp2_submit_response(h->session, id, fields, n, NULL));
}

void answer_trailers(struct http2 *h, int32_t id, const struct answer_status *status)
{
    char digits[12];
    nghttp2_nv fields[N_STATUS];
    http2_check(h,
                nghttp2_submit_trailer(h->session, id, fields, put_status(fields, digits, status)));
}

static ssize_t read_answers(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    const struct http2 *h = arg;
    bool last = false;
    size_t n = h->events->ready(source->ptr, length, &last);
    if (n == 0 && !last)
        return NGHTTP2_ERR_DEFERRED;
    if (last) {
        h->events->trailers(source->ptr);
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    if (n)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)n;
}

void answer_begin(struct http2 *h, int32_t id, enum answer_head head, void *stream)
{
    nghttp2_data_provider provider = {{.ptr = stream}, read_answers};
    http2_check(h, nghttp2_submit_response(h->session, id, answer_head,
                                           N_ANSWER_HEAD + (size_t)head, &provider));
}

void answer_resume(struct http2 *h, int32_t id)
{
    /* Fails where it was not deferred, and then it will be asked anyway. */
    (void)nghttp2_session_resume_data(h->session, id);
}

void answer_reset(struct http2 *h, int32_t id, enum status status)
{
    /* The codes that gRPC's clients take for these two statuses and those like them. */
    uint32_t code =
        status == STATUS_RESOURCE_EXHAUSTED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_CANCEL;
    http2_check(h, nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, code));
}

/* ---- without a call -------------------------------------------------------------------------- */

void answer_refuse(struct http2 *h, int32_t id, enum status status, struct extproc_str why)
{
    char text[3 * HEAD_STATUS_TEXT];
    answer_status(h, id, &(struct answer_status){status, text, head_escape(why, text)});
}

static ssize_t read_text(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    const char *text = source->ptr;
    size_t len = strlen(text), n = len < length ? len : length;
    memcpy(buffer, text, n);
    source->ptr = (void *)(uintptr_t)(text + n);
    if (n == len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* An answer of HTTP's own, for a person to read. */
static void answer_http(struct http2 *h, int32_t id, bool is_head, const nghttp2_nv *fields,
                        size_t n)
{
    static const char text[] = "This server speaks gRPC: POST, content-type application/grpc\n";
    nghttp2_data_provider provider = {{.ptr = (void *)(uintptr_t)text}, read_text};
    http2_check(h, nghttp2_submit_response(h->session, id, fields, n, is_head ? NULL : &provider));
}

void answer_not_post(struct http2 *h, int32_t id, bool is_head)
{
    static const nghttp2_nv fields[] = {
        FIELD(":status", "405"), FIELD("content-type", "text/plain"), FIELD("allow", "POST")};
    answer_http(h, id, is_head, fields, sizeof fields / sizeof *fields);
}

void answer_not_grpc(struct http2 *h, int32_t id, bool is_head)
{
    static const nghttp2_nv fields[] = {FIELD(":status", "415"),
                                        FIELD("content-type", "text/plain")};
    answer_http(h, id, is_head, fields, sizeof fields / sizeof *fields);
}
