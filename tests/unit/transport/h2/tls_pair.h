/* tls_pair: one of our TLS ends, and a client of OpenSSL's, in memory. */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_H2_TLS_PAIR_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_H2_TLS_PAIR_H

#include "transport/h2/channel/tls/tls.h"
#include "transport/h2/channel/tls/tls_context.h"
#include "unit/base/failing.h"
#include "unit/transport/h2/certs.h"

#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>

enum { PAIR_BYTES = 4 << 20 };

/* What the client is and does. */
struct pair_how {
    const struct cert *cert, *issuer; /* NULL: it has none */
    const struct cert *trusts;        /* NULL: anyone */
    const char *alpn;                 /* "": none; NULL: "\2h2" */
    int version;                      /* the only one; 0: any */
    const char *suites;               /* of TLS 1.2; NULL: its own */
    const char *groups;               /* NULL: its own */
    const char *signatures;           /* that it takes; NULL: its own */
};

struct pair {
    struct tls *tls;
    SSL *client;
    size_t step; /* bytes to feed at a time; 0: all */
    long memory; /* allocations that our end may make; negative: any number */
    int end;     /* what tls_feed() has returned */
    int alert;   /* that the client received */
    uint8_t got[PAIR_BYTES], got_by_client[PAIR_BYTES];
    size_t got_len, got_by_client_len;
};

static inline void pair_info(const SSL *ssl, int where, int what)
{
    struct pair *p = SSL_get_app_data(ssl);
    if (where == SSL_CB_READ_ALERT)
        p->alert = what & 0xff;
}

static inline void pair_set_key(SSL_CTX *ctx, const struct pair_how *how)
{
    if (!how->cert)
        return;
    SSL_CTX_use_certificate(ctx, how->cert->x509);
    cr_assert(SSL_CTX_use_PrivateKey(ctx, how->cert->key));
    if (how->issuer)
        SSL_CTX_add1_chain_cert(ctx, how->issuer->x509);
}

static inline SSL_CTX *pair_client(const struct pair_how *how)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const char *alpn = how->alpn ? how->alpn : "\2h2";
    /* A client that is not as strict as Debian's. */
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, how->version ? how->version : TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, how->version);
    SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    if (how->suites)
        cr_assert(SSL_CTX_set_cipher_list(ctx, how->suites));
    if (how->groups)
        cr_assert(SSL_CTX_set1_groups_list(ctx, (uintptr_t)how->groups));
    if (how->signatures)
        cr_assert(SSL_CTX_set1_sigalgs_list(ctx, (uintptr_t)how->signatures));
    SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    if (how->trusts) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), how->trusts->x509);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    SSL_CTX_set_info_callback(ctx, pair_info);
    pair_set_key(ctx, how);
    return ctx;
}

static inline void pair_begin(struct pair *p, struct tls_context *context,
                              const struct pair_how *how)
{
    SSL_CTX *ctx = pair_client(how);
    p->got_len = p->got_by_client_len = p->step = 0;
    p->end = p->alert = 0;
    p->memory = -1;
    p->tls = tls_new(context);
    cr_assert_not_null(p->tls);
    p->client = SSL_new(ctx);
    SSL_set_app_data(p->client, p);
    SSL_set_bio(p->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(p->client);
    SSL_CTX_free(ctx);
}

/* It may be called again, and before there was one. */
static inline void pair_end(struct pair *p)
{
    SSL_free(p->client);
    p->client = NULL;
    p->tls = tls_free(p->tls);
}

/* Bytes of anyone's, in a buffer of exactly their size, plain over sealed as the header allows. */
static inline void pair_feed(struct pair *p, const void *bytes, size_t len)
{
    size_t n = 0;
    uint8_t *input = malloc(TLS_HELD + len);
    memcpy(input + TLS_HELD, bytes, len);
    allocations_left = p->memory;
    p->end = tls_feed(p->tls, input + TLS_HELD, len, input, &n);
    p->memory = allocations_left;
    fail_no_more();
    cr_assert_leq(n, TLS_HELD + len);
    cr_assert_leq(p->got_len + n, sizeof p->got);
    memcpy(p->got + p->got_len, input, n);
    p->got_len += n;
    free(input);
}

/* To the client, what it should get. */
static inline bool pair_deliver(struct pair *p)
{
    struct extproc_str out = tls_out(p->tls);
    if (out.len)
        cr_assert_eq(BIO_write(SSL_get_rbio(p->client), out.ptr, (int)out.len), (int)out.len);
    tls_out_taken(p->tls);
    size_t n;
    if (SSL_in_init(p->client))
        SSL_do_handshake(p->client);
    while (SSL_read_ex(p->client, p->got_by_client + p->got_by_client_len,
                       sizeof p->got_by_client - p->got_by_client_len, &n))
        p->got_by_client_len += n;
    return out.len > 0;
}

/* What the client would say, to be changed; gone with pair_collect(). */
static inline uint8_t *pair_sealed(struct pair *p, size_t *ret_len)
{
    char *bytes;
    if (SSL_in_init(p->client))
        SSL_do_handshake(p->client);
    *ret_len = (size_t)BIO_get_mem_data(SSL_get_wbio(p->client), &bytes);
    return (uint8_t *)bytes;
}

/* From the client, what it has to say. */
static inline bool pair_collect(struct pair *p)
{
    size_t len;
    const uint8_t *bytes = pair_sealed(p, &len);
    for (size_t done = 0, n; done < len; done += n) {
        n = p->step && p->step < len - done ? p->step : len - done;
        pair_feed(p, bytes + done, n);
    }
    (void)BIO_reset(SSL_get_wbio(p->client));
    return len > 0;
}

/* Until neither has anything to say. */
static inline void pair_talk(struct pair *p)
{
    bool more = true;
    while (more) {
        more = pair_deliver(p);
        more |= pair_collect(p);
    }
}

/* A handshake: what tls_feed() made of it. */
static inline int pair_shake(struct pair *p, struct tls_context *context,
                             const struct pair_how *how)
{
    pair_begin(p, context, how);
    pair_talk(p);
    return p->end;
}

static inline void pair_say(struct pair *p, const void *bytes, size_t len)
{
    size_t n;
    cr_assert(SSL_write_ex(p->client, bytes, len, &n));
    pair_talk(p);
}

static inline void pair_wrap(struct pair *p, const void *bytes, size_t len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    cr_assert_eq(tls_wrap(p->tls, &part, 1), 0);
}

#endif
