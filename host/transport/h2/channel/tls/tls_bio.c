/* tls_bio: what OpenSSL reads and writes: the bytes that are being fed, where they are, and a
 * buffer that grows. */
#include "transport/h2/channel/tls/tls_private.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_OUT = 512 /* bytes */ };

static int bio_read(BIO *bio, char *to, size_t len, size_t *ret_len)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->in_len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *ret_len = len < t->in_len ? len : t->in_len;
    memcpy(to, t->in, *ret_len);
    t->in += *ret_len;
    t->in_len -= *ret_len;
    return 1;
}

bool tls_reserve(struct tls *t, size_t more)
{
    size_t need = t->out_len + more, twice = t->out_cap * 2;
    if (need <= t->out_cap)
        return true;
    if (need < FIRST_OUT)
        need = FIRST_OUT;
    uint8_t *larger = realloc(t->out, twice > need ? twice : need);
    if (!larger) {
        t->no_memory = true;
        return false;
    }
    t->out = larger;
    t->out_cap = twice > need ? twice : need;
    return true;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!tls_reserve(t, len))
        return 0;
    memcpy(t->out + t->out_len, bytes, len);
    t->out_len += len;
    *ret_len = len;
    return 1;
}

static long bio_control(BIO *bio, int what, long number, void *arg)
{
    return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_new(void)
{
    BIO_METHOD *methods = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "bytes");
    if (methods) {
        BIO_meth_set_read_ex(methods, bio_read);
        BIO_meth_set_write_ex(methods, bio_write);
        BIO_meth_set_ctrl(methods, bio_control);
    }
    return methods;
}
