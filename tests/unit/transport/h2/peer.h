/* peer: an HTTP/2 client that sends any frames that a test asks for, valid or not, a frame at a
 * time.
 *
 * It answers SETTINGS and PING as long as it reads, and never opens its windows further.
 */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_H2_PEER_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_H2_PEER_H

#include "unit/transport/rig.h"

#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/time.h>

enum { PEER_EOF = 0xff, PEER_FRAME_MAX = 16384 };

struct peer_frame {
    uint8_t type, flags;
    int32_t id;
    size_t len;
    uint8_t bytes[PEER_FRAME_MAX + 1];
    char fields[4096]; /* of HEADERS: "name: value\n", one after another */
};

struct peer {
    int fd;
    nghttp2_hd_inflater *inflater;
    struct peer_frame frame; /* that was read last */
};

/* False: the server has closed. */
static inline bool peer_send(struct peer *p, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(p->fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL);
        if (n <= 0) {
            cr_assert(errno != EAGAIN, "the server does not read");
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static inline size_t peer_put_frame(uint8_t *to, uint8_t type, uint8_t flags, int32_t id,
                                    const void *bytes, size_t len)
{
    const uint8_t head[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    memcpy(to, head, sizeof head);
    if (len)
        memcpy(to + sizeof head, bytes, len);
    return sizeof head + len;
}

static inline bool peer_send_frame(struct peer *p, uint8_t type, uint8_t flags, int32_t id,
                                   const void *bytes, size_t len)
{
    uint8_t frame[9 + PEER_FRAME_MAX];
    return peer_send(p, frame, peer_put_frame(frame, type, flags, id, bytes, len));
}

/* Begins with a socket that is connected. */
static inline void peer_greet(struct peer *p, int fd)
{
    p->fd = fd;
    nghttp2_hd_inflate_new(&p->inflater);
    peer_send(p, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    peer_send_frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* A socket that is connected, and nothing said. */
static inline int peer_dial(const char *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval limit = {.tv_sec = WAIT_S};
    const int on = 1;
    address.sin_port = htons((uint16_t)atoi(strchr(target, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void peer_connect(struct peer *p, const char *target)
{
    peer_greet(p, peer_dial(target));
}

static inline void peer_close(struct peer *p)
{
    nghttp2_hd_inflate_del(p->inflater);
    close(p->fd);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* A field as HPACK has it, literal and without an index. */
static inline size_t peer_put_field(uint8_t *to, const char *name, const char *value)
{
    uint8_t *p = to;
    *p++ = 0;
    *p++ = (uint8_t)strlen(name);
    p = mempcpy(p, name, strlen(name));
    *p++ = (uint8_t)strlen(value);
    p = mempcpy(p, value, strlen(value));
    return (size_t)(p - to);
}

struct peer_request {
    const char *method, *path, *type; /* NULL: POST, the echo, application/grpc */
    const char *name, *value;         /* of one field more; NULL: none */
};

static inline size_t peer_put_request(uint8_t *to, struct peer_request r)
{
    uint8_t *p = to;
    p += peer_put_field(p, ":method", r.method ? r.method : "POST");
    p += peer_put_field(p, ":scheme", "http");
    p += peer_put_field(p, ":path", r.path ? r.path : ECHO_PATH);
    p += peer_put_field(p, ":authority", "test");
    p += peer_put_field(p, "content-type", r.type ? r.type : "application/grpc");
    if (r.name)
        p += peer_put_field(p, r.name, r.value);
    return (size_t)(p - to);
}

static inline bool peer_request(struct peer *p, int32_t id, struct peer_request r)
{
    uint8_t block[1024];
    return peer_send_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block,
                           peer_put_request(block, r));
}

static inline size_t peer_put_message(uint8_t *to, const char *text)
{
    size_t len = strlen(text);
    const uint8_t prefix[] = {0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(to, prefix, sizeof prefix);
    memcpy(to + sizeof prefix, text, len);
    return sizeof prefix + len;
}

static inline bool peer_say(struct peer *p, int32_t id, const char *text)
{
    uint8_t bytes[PEER_FRAME_MAX];
    return peer_send_frame(p, NGHTTP2_DATA, 0, id, bytes, peer_put_message(bytes, text));
}

static inline bool peer_half_close(struct peer *p, int32_t id)
{
    return peer_send_frame(p, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, NULL, 0);
}

static inline bool peer_reset(struct peer *p, int32_t id)
{
    const uint8_t code[] = {0, 0, 0, NGHTTP2_CANCEL};
    return peer_send_frame(p, NGHTTP2_RST_STREAM, 0, id, code, sizeof code);
}

/* ---- what the server says -------------------------------------------------------------------- */

static inline bool peer_receive(struct peer *p, void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(p->fd, (char *)bytes + done, len - done, 0);
        cr_assert(n >= 0 || errno == ECONNRESET, "waited in vain for the server");
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static inline void peer_inflate(struct peer *p)
{
    struct peer_frame *f = &p->frame;
    const uint8_t *in = f->bytes;
    size_t len = f->len;
    int flags = 0;
    *f->fields = 0;
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv field;
        ssize_t n = nghttp2_hd_inflate_hd2(p->inflater, &field, &flags, in, len, 1);
        cr_assert_geq(n, 0);
        in += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            size_t at = strlen(f->fields);
            snprintf(f->fields + at, sizeof f->fields - at, "%s: %s\n", field.name, field.value);
        }
    }
    nghttp2_hd_inflate_end_headers(p->inflater);
}

/* The next frame, of whatever type; PEER_EOF: there comes none. */
static inline struct peer_frame *peer_read(struct peer *p)
{
    struct peer_frame *f = &p->frame;
    uint8_t head[9];
    f->type = PEER_EOF;
    if (!peer_receive(p, head, sizeof head))
        return f;
    f->len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    cr_assert_leq(f->len, PEER_FRAME_MAX);
    if (!peer_receive(p, f->bytes, f->len))
        return f;
    f->type = head[3];
    f->flags = head[4];
    f->id = (head[5] & 0x7f) << 24 | head[6] << 16 | head[7] << 8 | head[8];
    f->bytes[f->len] = 0;
    if (f->type == NGHTTP2_HEADERS)
        peer_inflate(p);
    bool ack = f->flags & NGHTTP2_FLAG_ACK;
    if (f->type == NGHTTP2_SETTINGS && !ack)
        peer_send_frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    if (f->type == NGHTTP2_PING && !ack)
        peer_send_frame(p, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, f->bytes, f->len);
    return f;
}

/* The next one of a type; others are passed over. */
static inline struct peer_frame *peer_await(struct peer *p, uint8_t type)
{
    do {
        peer_read(p);
        cr_assert(p->frame.type != PEER_EOF || type == PEER_EOF, "the server has closed");
    } while (p->frame.type != type);
    return &p->frame;
}

static inline void peer_expect(struct peer *p, int32_t id, const char *text)
{
    uint8_t bytes[PEER_FRAME_MAX];
    size_t len = peer_put_message(bytes, text);
    struct peer_frame *f = peer_await(p, NGHTTP2_DATA);
    cr_assert_eq(f->id, id);
    cr_assert_eq(f->len, len);
    cr_assert(memcmp(f->bytes, bytes, len) == 0);
}

/* The head or the trailers of a stream have this line. */
static inline void peer_expect_field(struct peer *p, int32_t id, const char *line)
{
    struct peer_frame *f = peer_await(p, NGHTTP2_HEADERS);
    cr_assert_eq(f->id, id);
    cr_assert_not_null(strstr(f->fields, line), "no %s in\n%s", line, f->fields);
}

/* The server ends the connection, and says why. */
static inline void peer_expect_end(struct peer *p, uint32_t error)
{
    struct peer_frame *f = peer_await(p, NGHTTP2_GOAWAY);
    uint32_t got = (uint32_t)f->bytes[4] << 24 | (uint32_t)f->bytes[5] << 16 |
                   (uint32_t)f->bytes[6] << 8 | f->bytes[7];
    cr_assert_eq(got, error, "%u: %s", got, (const char *)f->bytes + 8);
    peer_await(p, PEER_EOF);
}

#endif
