/* tls_private: what the parts of TLS know of each other. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_PRIVATE_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_PRIVATE_H

#include "transport/h2/channel/tls/tls.h"
#include "transport/h2/channel/tls/tls_context.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

/* ---- tls_context.c --------------------------------------------------------------------------- */

enum { N_TLS_FILES = 3 };

struct tls_context {
    const struct transport_tls *rules;
    SSL_CTX *ssl;                  /* for connections to come */
    BIO_METHOD *methods;           /* of all connections      */
    size_t n_refs;                 /* its owner, and each connection */
    struct stat seen[N_TLS_FILES]; /* when they were last read, valid or not */
    uint64_t next_look_ms;
};

/* ---- tls_load.c ------------------------------------------------------------------------------ */

/* As tls_context_new(). */
int tls_load(const struct transport_tls *rules, struct arena *arena, SSL_CTX **ret,
             const char **ret_why, const char **ret_file);

/* How a message names one of the files of the rules. */
const char *tls_file_name(const struct transport_tls *rules, const char *file);

/* ---- tls.c ----------------------------------------------------------------------------------- */

struct tls {
    struct tls_context *context;
    SSL *ssl;
    const uint8_t *in; /* what is being fed */
    size_t in_len;
    uint8_t *out;
    size_t out_len, out_cap;
    char *why;
    int end;          /* not 0: how it ended */
    unsigned n_empty; /* records that carry nothing, less those that carry something */
    bool up;
    bool no_memory;
};

/* ---- tls_bio.c ------------------------------------------------------------------------------- */

/* NULL: out of memory. */
BIO_METHOD *tls_bio_new(void);
/* Makes room for `more` bytes to be sent. */
bool tls_reserve(struct tls *t, size_t more);

/* ---- tls_client.c ---------------------------------------------------------------------------- */

/* What a client must be and speak. */
void tls_client_rules(SSL_CTX *ssl, const struct transport_tls *rules);

/* ---- tls_words.c ----------------------------------------------------------------------------- */

/* Keeps the first reason: the one nearest to the cause. */
EXTPROC_PRINTF(2, 3)
void tls_blame(struct tls *t, const char *fmt, ...);

/* OpenSSL has failed: says why, and leaves its error queue empty. -EPROTO or -ENOMEM. */
int tls_words(struct tls *t);

#endif
