/* tls: one connection's TLS, from bytes to bytes.
 *
 * OpenSSL reads the fed bytes in place, and writes to a buffer that lives until it was sent.
 * Invariant: after tls_feed() OpenSSL holds at most a part of one record, so an idle connection
 * holds no buffer at all (SSL_MODE_RELEASE_BUFFERS).
 *
 * Note that SSL_MODE_AUTO_RETRY is off. With it, SSL_read() processes any number of records without
 * content, and we would not see them; a client that sends only KeyUpdate could make us derive keys
 * forever. So such records are counted, as HTTP/2's empty frames are, against those that have
 * content.
 */
#include "transport/h2/channel/tls/tls_private.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD = 16384,    /* the most that one may carry */
    RECORD_EXTRA = 64, /* and the most that it takes beside, rounded up */
    MAX_EMPTY = 32
};

/* ---- life ------------------------------------------------------------------------------------ */

static bool tls_init(struct tls *t)
{
    t->ssl = SSL_new(t->context->ssl);
    BIO *bio = t->ssl ? BIO_new(t->context->methods) : NULL;
    if (!bio)
        return false;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    SSL_set_accept_state(t->ssl);
    return true;
}

struct tls *tls_new(struct tls_context *context)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->context = tls_context_ref(context);
    bool done = tls_init(t);
    ERR_clear_error();
    return done ? t : tls_free(t);
}

struct tls *tls_free(struct tls *t)
{
    if (!t)
        return NULL;
    SSL_free(t->ssl);
    tls_context_unref(t->context);
    free(t->out);
    free(t->why);
    free(t);
    return NULL;
}

/* ---- how it ends ----------------------------------------------------------------------------- */

const char *tls_why(const struct tls *t)
{
    return t->why ? t->why : "out of memory";
}

/* Why OpenSSL has not completed a call: 0 if it only waits for more. */
static int judge(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        tls_blame(t, "closed by the client");
        return -ECONNRESET;
    default:
        return tls_words(t);
    }
}

/* What OpenSSL would let pass. */
static int refuse(struct tls *t, const char *why)
{
    tls_blame(t, "%s", why);
    tls_end(t);
    return -EPROTO;
}

/* ---- in -------------------------------------------------------------------------------------- */

static int shake_hands(struct tls *t)
{
    ERR_clear_error();
    int r = SSL_do_handshake(t->ssl);
    t->up = r == 1;
    return t->up ? 0 : judge(t, r);
}

/* One SSL_read(): at most one record that carries something. */
static int read_record(struct tls *t, uint8_t *plain, size_t cap, size_t *ret_len)
{
    size_t n = 0, out_len = t->out_len;
    ERR_clear_error();
    bool done = SSL_read_ex(t->ssl, plain, cap, &n);
    int r = done ? 0 : judge(t, 0);
    if (r)
        return r;
    *ret_len = n;
    /* In TLS 1.2 we say nothing to what we read, but to an attempt to renegotiate. */
    if (t->out_len > out_len && SSL_version(t->ssl) == TLS1_2_VERSION)
        return refuse(t, "the client wants to renegotiate, which HTTP/2 forbids");
    if (done)
        t->n_empty -= t->n_empty > 0;
    else if ((t->in_len || !SSL_has_pending(t->ssl)) && ++t->n_empty > MAX_EMPTY)
        return refuse(t, "the client sends too many TLS records without data");
    return 0;
}

int tls_feed(struct tls *t, const uint8_t *bytes, size_t len, uint8_t *plain, size_t *ret_len)
{
    *ret_len = 0;
    t->in = bytes;
    t->in_len = len;
    if (!t->end && !t->up)
        t->end = shake_hands(t);
    while (!t->end && t->in_len) {
        size_t n = 0;
        t->end = read_record(t, plain + *ret_len, len + TLS_HELD - *ret_len, &n);
        *ret_len += n;
    }
    assert(t->end || SSL_pending(t->ssl) == 0);
    t->in_len = 0; /* also drops bytes after an end */
    return t->end;
}

bool tls_is_up(const struct tls *t)
{
    return t->up;
}

/* A part of a record's head is pending; one of its body leaves the reader in the state "read
 * body". */
bool tls_is_clean(const struct tls *t)
{
    return !SSL_has_pending(t->ssl) && strcmp(SSL_rstate_string(t->ssl), "RB") != 0;
}

/* ---- out ------------------------------------------------------------------------------------- */

static int put(struct tls *t, const uint8_t *bytes, size_t len)
{
    size_t n;
    if (len == 0)
        return 0;
    ERR_clear_error();
    return SSL_write_ex(t->ssl, bytes, len, &n) ? 0 : tls_words(t);
}

/* A record costs as much as some hundred bytes in it: small parts are joined. */
static int put_joined(struct tls *t, const struct iovec *parts, size_t n_parts)
{
    uint8_t joined[RECORD];
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++) {
        const uint8_t *from = parts[i].iov_base;
        for (size_t left = parts[i].iov_len, take; left; left -= take, from += take) {
            take = left < RECORD - n ? left : RECORD - n;
            memcpy(joined + n, from, take);
            n += take;
            int r = n == RECORD ? put(t, joined, n) : 0;
            if (r)
                return r;
            n %= RECORD;
        }
    }
    return put(t, joined, n);
}

int tls_wrap(struct tls *t, const struct iovec *parts, size_t n_parts)
{
    size_t len = 0;
    for (size_t i = 0; i < n_parts; i++)
        len += parts[i].iov_len;
    if (t->end)
        return t->end;
    if (!tls_reserve(t, len + (len / RECORD + 1) * RECORD_EXTRA))
        return t->end = -ENOMEM;
    t->end = n_parts == 1 ? put(t, parts->iov_base, len) : put_joined(t, parts, n_parts);
    return t->end;
}

void tls_end(struct tls *t)
{
    if (!t->up || (t->end && t->end != -ECONNRESET))
        return;
    SSL_shutdown(t->ssl);
    ERR_clear_error();
}

struct extproc_str tls_out(const struct tls *t)
{
    return (struct extproc_str){(const char *)t->out, t->out_len};
}

void tls_out_taken(struct tls *t)
{
    free(t->out);
    t->out = NULL;
    t->out_len = t->out_cap = 0;
}
