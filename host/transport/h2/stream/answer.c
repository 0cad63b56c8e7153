/* answer: what is said on a stream: heads, messages, statuses, and why there is no call.
 *
 * Messages are sent from where they lie (NGHTTP2_DATA_FLAG_NO_COPY): nghttp2 asks read_answers() for a
 * number of bytes, and has answer_send_data() fetch them.
 */
#include "transport/h2/stream/answer.h"

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

/* ---- of calls ----------------------------------------------------------------------------------- */

static nghttp2_nv copied(nghttp2_nv field, const char *value, size_t len)
{
    field.value = (uint8_t *)(uintptr_t)value;
    field.valuelen = len;
    field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    return field;
}

/* The fields that tell a status: N_STATUS at most. */
static size_t put_status(nghttp2_nv *to, char digits[12], int status, const char *text,
                         size_t text_len)
{
    static const nghttp2_nv code = FIELD("grpc-status", ""), message = FIELD("grpc-message", "");
    size_t n = 0;
    to[n++] = copied(code, digits, (size_t)snprintf(digits, 12, "%d", status));
    if (text_len)
        to[n++] = copied(message, text, text_len);
    if (status == TRANSPORT_UNIMPLEMENTED) /* maybe for want of an encoding */
        to[n++] = answer_head[N_ANSWER_HEAD];
    return n;
}

/* A head that is the status as well: there are no messages. */
static void submit_status(struct conn *c, int32_t id, int status, const char *text, size_t text_len)
{
    char digits[12];
    nghttp2_nv fields[N_ANSWER_HEAD + N_STATUS];
    memcpy(fields, answer_head, N_ANSWER_HEAD * sizeof *fields);
    size_t n = N_ANSWER_HEAD + put_status(fields + N_ANSWER_HEAD, digits, status, text, text_len);
    conn_check(c, nghttp2_submit_response(c->session, id, fields, n, NULL));
    conn_touch(c);
}

static void submit_trailers(struct conn *c, struct h2_call *call)
{
    char digits[12];
    nghttp2_nv fields[N_STATUS];
    size_t n = put_status(fields, digits, call->status, call->status_text, call->status_text_len);
    conn_check(c, nghttp2_submit_trailer(c->session, call->id, fields, n));
}

static ssize_t read_answers(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct h2_call *call = source->ptr;
    size_t n = call->n_queued < length ? call->n_queued : length;
    if (n == 0 && !h2_call_is_finished(call))
        return NGHTTP2_ERR_DEFERRED;
    if (n == call->n_queued && h2_call_is_finished(call)) {
        submit_trailers(arg, call);
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    if (n)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    call->n_promised = n;
    return (ssize_t)n;
}

int answer_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                     size_t length, nghttp2_data_source *source, void *arg)
{
    struct conn *c = arg;
    struct gather *g = &c->hub->gather;
    if (!gather_has_room(g))
        return NGHTTP2_ERR_WOULDBLOCK;
    gather_copy(g, head, 9);
    h2_call_take(source->ptr, length);
    return 0;
}

void answer_begin(struct h2_call *call)
{
    nghttp2_data_provider provider = {{.ptr = call}, read_answers};
    size_t n = N_ANSWER_HEAD + (size_t)call->encoded + (size_t)call->packs;
    conn_check(call->conn,
               nghttp2_submit_response(call->conn->session, call->id, answer_head, n, &provider));
    conn_touch(call->conn);
}

void answer_resume(struct h2_call *call)
{
    /* Fails where it was not deferred, and then it will be asked anyway. */
    (void)nghttp2_session_resume_data(call->conn->session, call->id);
    conn_touch(call->conn);
}

void answer_status(struct h2_call *call)
{
    submit_status(call->conn, call->id, call->status, call->status_text, call->status_text_len);
}

void answer_reset(struct h2_call *call, int status)
{
    struct conn *c = call->conn;
    /* The codes that gRPC's clients take for these two statuses and those like them. */
    uint32_t code =
        status == TRANSPORT_RESOURCE_EXHAUSTED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_CANCEL;
    conn_check(c, nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, call->id, code));
    conn_touch(c);
}

/* ---- without a call ------------------------------------------------------------------------------ */

void answer_refuse(struct conn *c, int32_t id, int status, struct extproc_str why)
{
    char text[3 * HEAD_STATUS_TEXT];
    submit_status(c, id, status, text, head_escape(why, text));
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
static void answer_http(struct conn *c, int32_t id, const nghttp2_nv *fields, size_t n)
{
    static const char text[] = "This server speaks gRPC: POST, content-type application/grpc\n";
    nghttp2_data_provider provider = {{.ptr = (void *)(uintptr_t)text}, read_text};
    conn_check(c,
               nghttp2_submit_response(c->session, id, fields, n, c->head.head ? NULL : &provider));
    conn_touch(c);
}

void answer_not_post(struct conn *c, int32_t id)
{
    static const nghttp2_nv fields[] = {
        FIELD(":status", "405"), FIELD("content-type", "text/plain"), FIELD("allow", "POST")};
    answer_http(c, id, fields, sizeof fields / sizeof *fields);
}

void answer_not_grpc(struct conn *c, int32_t id)
{
    static const nghttp2_nv fields[] = {FIELD(":status", "415"),
                                        FIELD("content-type", "text/plain")};
    answer_http(c, id, fields, sizeof fields / sizeof *fields);
}
