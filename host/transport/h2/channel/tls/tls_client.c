/* tls_client: the client's certificate and protocol; each refusal is sent to the client as an
 * alert, and reported to the operator as text.
 *
 * A rule and a name of the certificate are compared as bytes with a length, and only if the name is
 * valid for its kind: a DNS name has no colon, a URI has one, and neither has a NUL. So a rule can
 * be either, and a CA that signs any name of one kind cannot be tricked into signing a name of the
 * other kind.
 *
 * RFC 8446, 6.2, defines access_denied for a client with a valid certificate but without
 * permission. OpenSSL only lets us choose among the reasons X509_V_ERR_*, and the nearest alert
 * among theirs is bad_certificate.
 */
#include "transport/h2/channel/tls/tls_names.h"
#include "transport/h2/channel/tls/tls_private.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_TEXT = 512 };

#define ALPN_MISSING "the client does not ask for HTTP/2 (ALPN h2)"

/* ---- names ----------------------------------------------------------------------------------- */

/* A name of the kinds that rules are about; else absent. */
static struct extproc_str name_of(const GENERAL_NAME *entry, int *ret_kind)
{
    const ASN1_STRING *value = GENERAL_NAME_get0_value(entry, ret_kind);
    if (*ret_kind != GEN_DNS && *ret_kind != GEN_URI)
        return STR_ABSENT;
    return (struct extproc_str){(const char *)ASN1_STRING_get0_data(value),
                                (size_t)ASN1_STRING_length(value)};
}

static bool is_one_of_its_kind(struct extproc_str name, int kind)
{
    return !memchr(name.ptr, '\0', name.len) &&
           (memchr(name.ptr, ':', name.len) != NULL) == (kind == GEN_URI);
}

static bool is_named(const GENERAL_NAMES *names, const struct transport_tls *rules)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int kind;
        struct extproc_str name = name_of(sk_GENERAL_NAME_value(names, i), &kind);
        if (!name.ptr || !is_one_of_its_kind(name, kind))
            continue;
        for (size_t j = 0; j < rules->n_client_names; j++)
            if (tls_name_matches(extproc_str_of(rules->client_names[j]), name,
                                 kind == GEN_DNS ? TLS_NAME_DNS : TLS_NAME_URI))
                return true;
    }
    return false;
}

/* As much as there is room for; what a terminal should not see comes as "?". */
static size_t write_name(char *to, size_t room, int kind, struct extproc_str name)
{
    size_t n = (size_t)snprintf(to, room, " %s:", kind == GEN_DNS ? "DNS" : "URI");
    for (size_t i = 0; i < name.len && n + 1 < room; i++)
        to[n++] = name.ptr[i] > ' ' && name.ptr[i] <= '~' ? name.ptr[i] : '?';
    return n < room ? n : room - 1;
}

static void blame_names(struct tls *t, const GENERAL_NAMES *names)
{
    char text[NAMES_TEXT];
    size_t n = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int kind;
        struct extproc_str name = name_of(sk_GENERAL_NAME_value(names, i), &kind);
        if (name.ptr)
            n += write_name(text + n, sizeof text - n, kind, name);
    }
    if (n == 0)
        n = (size_t)snprintf(text, sizeof text, " nothing");
    tls_blame(t, "the client's certificate has none of tls_client_names; it has%.*s", (int)n, text);
}

static bool may_come_in(struct tls *t, X509 *certificate)
{
    const struct transport_tls *rules = t->context->rules;
    if (rules->n_client_names == 0)
        return true;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool named = is_named(names, rules);
    if (!named)
        blame_names(t, names);
    GENERAL_NAMES_free(names);
    return named;
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void blame_certificate(struct tls *t, const X509_STORE_CTX *store)
{
    int error = X509_STORE_CTX_get_error(store);
    const char *which = X509_STORE_CTX_get_error_depth(store) > 0
                            ? "a CA of the client's certificate"
                            : "the client's certificate";
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        tls_blame(t, "%s has expired", which);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        tls_blame(t, "%s is not valid yet", which);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        tls_blame(t, "the client's certificate is not signed by a CA of tls_client_ca");
        break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        tls_blame(t, "%s is not signed by the CA that it names", which);
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        tls_blame(t, "%s is not for clients (extended key usage)", which);
        break;
    default:
        tls_blame(t, "%s: %s", which, X509_verify_cert_error_string(error));
        break;
    }
}

/* In place of OpenSSL's own: it, and then the names. */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);
    if (X509_verify_cert(store) <= 0) {
        if (X509_STORE_CTX_get_error(store) == X509_V_OK)
            X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        blame_certificate(t, store);
        return 0;
    }
    if (!may_come_in(t, X509_STORE_CTX_get0_cert(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

/* ---- the protocol ---------------------------------------------------------------------------- */

/* Before anything is signed. RFC 9113, 3.3: without ALPN there is no HTTP/2 over TLS. */
static int on_hello(SSL *ssl, int *ret_alert, void *arg)
{
    const unsigned char *protocols;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &protocols, &len))
        return SSL_CLIENT_HELLO_SUCCESS;
    tls_blame(SSL_get_app_data(ssl), "%s", ALPN_MISSING);
    *ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Names, each with its length before it; OpenSSL has checked that they are complete. */
static int on_protocols(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                        const unsigned char *protocols, unsigned len, void *arg)
{
    for (unsigned i = 0; i + 2 < len; i += 1u + protocols[i])
        if (memcmp(protocols + i, "\2h2", 3) == 0) {
            *ret = protocols + i + 1;
            *ret_len = 2;
            return SSL_TLSEXT_ERR_OK;
        }
    tls_blame(SSL_get_app_data(ssl), "%s", ALPN_MISSING);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void tls_client_rules(SSL_CTX *ssl, const struct transport_tls *rules)
{
    SSL_CTX_set_client_hello_cb(ssl, on_hello, NULL);
    SSL_CTX_set_alpn_select_cb(ssl, on_protocols, NULL);
    if (!rules->client_ca)
        return;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, on_certificate, NULL);
}
