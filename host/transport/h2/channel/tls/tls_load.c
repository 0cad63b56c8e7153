/* tls_load: from a listener's files to the SSL_CTX that its connections share.
 *
 * OpenSSL reads the files. Only regular files of a sane size are passed to it, because any other
 * file could block it; and its passphrase callback returns none, because it would otherwise ask on
 * a terminal.
 *
 * Sessions are not resumed. Connections from a proxy are few and long, so there is little to gain;
 * and a client that resumes a session presents no certificate, so a certificate that has expired,
 * or whose CA is no longer trusted, would still be accepted.
 */
#include "base/file.h"
#include "transport/h2/channel/tls/tls_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

/* RFC 9113, 9.2.2 and appendix A: forward secrecy and AEAD. TLS 1.3 has no others. */
static const char suites_of_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

enum { PEM_MAX = 1024 * 1024 }; /* four times all the CAs that a system trusts */

struct load {
    SSL_CTX *ssl;
    struct arena *arena;
    const char *file;
    const char *why;
    bool encrypted;
};

/* ---- what is wrong --------------------------------------------------------------------------- */

EXTPROC_PRINTF(2, 3)
static int complain(struct load *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    l->why = arena_vformat(l->arena, fmt, ap).ptr;
    va_end(ap);
    return l->why ? -EINVAL : -ENOMEM;
}

/* OpenSSL could not make of the file what it should be. */
static int complain_file(struct load *l, const char *what)
{
    unsigned long error, first = ERR_peek_error();
    bool none = false;
    while ((error = ERR_get_error())) {
        int library = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
        if (reason == ERR_R_MALLOC_FAILURE)
            return -ENOMEM;
        none |= library == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE;
        none |= library == ERR_LIB_OSSL_DECODER && reason == ERR_R_UNSUPPORTED;
    }
    if (none)
        return complain(l, "no %s found: expected PEM", what);
    const char *words = first ? ERR_reason_error_string(first) : NULL;
    return complain(l, "no usable %s: %s", what, words ? words : "OpenSSL does not say why");
}

/* ---- files ----------------------------------------------------------------------------------- */

/* OpenSSL opens the file itself; here is only seen that it is one that it may read. */
static int begin_file(struct load *l, const char *file)
{
    char why[FILE_WHY];
    l->file = file;
    ERR_clear_error();
    int fd = file_open(file, FILE_REGULAR, PEM_MAX, why);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    int r = complain(l, "%s", why);
    return r == -ENOMEM ? r : fd;
}

const char *tls_file_name(const struct transport_tls *rules, const char *file)
{
    if (!rules->hidden)
        return file;
    return file == rules->cert ? "tls_cert" : file == rules->key ? "tls_key" : "tls_client_ca";
}

static int no_passphrase(char *to, int size, int writing, void *arg)
{
    struct load *l = arg;
    l->encrypted = true;
    return -1;
}

static int load_chain(struct load *l, const char *file)
{
    int r = begin_file(l, file);
    if (!r && !SSL_CTX_use_certificate_chain_file(l->ssl, file))
        r = complain_file(l, "certificate");
    return r;
}

static int load_key(struct load *l, const struct transport_tls *rules)
{
    int r = begin_file(l, rules->key);
    if (r)
        return r;
    bool read = SSL_CTX_use_PrivateKey_file(l->ssl, rules->key, SSL_FILETYPE_PEM);
    if (l->encrypted)
        return complain(l, "the private key is encrypted, and passphrases are not supported");
    bool other = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509;
    if (!read && !other)
        return complain_file(l, "key");
    if (!read || !SSL_CTX_check_private_key(l->ssl))
        return complain(l, "the private key does not match the certificate in %s",
                        tls_file_name(rules, rules->cert));
    return 0;
}

/* A CA in the file is trusted, also where another has signed it. */
static int load_client_ca(struct load *l, const char *file)
{
    int r = begin_file(l, file);
    if (r)
        return r;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    if (!names || !SSL_CTX_load_verify_file(l->ssl, file)) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return complain_file(l, "CA certificate");
    }
    SSL_CTX_set_client_CA_list(l->ssl, names);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(l->ssl), X509_V_FLAG_PARTIAL_CHAIN);
    return 0;
}

/* ---- the SSL_CTX ----------------------------------------------------------------------------- */

static int set_protocol(struct load *l)
{
    SSL_CTX *ssl = l->ssl;
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, l);
    if (!SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) || !SSL_CTX_set_num_tickets(ssl, 0) ||
        !SSL_CTX_set_cipher_list(ssl, suites_of_1_2))
        return complain_file(l, "protocol");
    return 0;
}

static int load_all(struct load *l, const struct transport_tls *rules)
{
    int r = set_protocol(l);
    if (!r)
        r = load_chain(l, rules->cert);
    if (!r)
        r = load_key(l, rules);
    if (!r && rules->client_ca)
        r = load_client_ca(l, rules->client_ca);
    SSL_CTX_set_default_passwd_cb_userdata(l->ssl, NULL);
    return r;
}

int tls_load(const struct transport_tls *rules, struct arena *arena, SSL_CTX **ret,
             const char **ret_why, const char **ret_file)
{
    struct load l = {.ssl = SSL_CTX_new(TLS_server_method()), .arena = arena, .file = rules->cert};
    int r = l.ssl ? load_all(&l, rules) : -ENOMEM;
    ERR_clear_error();
    if (r) {
        SSL_CTX_free(l.ssl);
        *ret_why = r == -ENOMEM ? strerror(ENOMEM) : l.why;
        *ret_file = l.file;
        return r;
    }
    tls_client_rules(l.ssl, rules);
    *ret = l.ssl;
    return 0;
}

const char *tls_check(const struct transport_tls *rules, struct arena *arena, const char **ret_file)
{
    SSL_CTX *ssl;
    const char *why;
    if (tls_load(rules, arena, &ssl, &why, ret_file))
        return why;
    SSL_CTX_free(ssl);
    return NULL;
}
