/* tls_words: what OpenSSL's errors mean to an operator.
 *
 * Of the errors in its queue the last of the TLS library says most; those before it are how it came
 * to that. Where none is known here it is OpenSSL's own word for it, never its number.
 */
#include "transport/h2/channel/tls/tls_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

static const struct {
    int reason;
    const char *words;
} known[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the client has no certificate"},
    {SSL_R_HTTP_REQUEST, "the client does not speak TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, "the client does not speak TLS"},
    {SSL_R_WRONG_VERSION_NUMBER, "the client does not speak TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the client speaks neither TLS 1.2 nor TLS 1.3"},
    {SSL_R_VERSION_TOO_LOW, "the client speaks neither TLS 1.2 nor TLS 1.3"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher suite in common with the client"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no key exchange in common with the client"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no signature algorithm in common with the client"},
    {SSL_R_BAD_SIGNATURE, "the signature of the client does not match its certificate"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
     "a TLS record of the client was modified, or not encrypted as agreed"},
};

/* The client's alerts about our certificate. */
static bool is_distrust(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
        return true;
    default:
        return false;
    }
}

void tls_blame(struct tls *t, const char *fmt, ...)
{
    if (t->why)
        return;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&t->why, fmt, ap) < 0)
        t->why = NULL;
    va_end(ap);
}

static void blame_alert(struct tls *t, int alert)
{
    const char *name = SSL_alert_desc_string_long(alert);
    if (is_distrust(alert))
        tls_blame(t, "the client does not trust the certificate of this listener (alert: %s)",
                  name);
    else
        tls_blame(t, "closed by the client (alert: %s)", name);
}

static void blame(struct tls *t, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    const char *words = ERR_reason_error_string(error);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ERR_GET_LIB(error) == ERR_LIB_SSL && known[i].reason == reason)
            words = known[i].words;
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
        reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
        blame_alert(t, reason - SSL_AD_REASON_OFFSET);
    else
        tls_blame(t, "%s", words ? words : "TLS failed");
}

int tls_words(struct tls *t)
{
    unsigned long error, cause = 0;
    while ((error = ERR_get_error())) {
        t->no_memory |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
        if (cause == 0 || ERR_GET_LIB(error) == ERR_LIB_SSL)
            cause = error;
    }
    if (t->no_memory)
        return -ENOMEM;
    blame(t, cause);
    return -EPROTO;
}
