/* tls_name: what a client must find in our certificate: the name that it connects to. */
#include "transport/h2/channel/tls/tls_context.h"
#include "transport/h2/channel/tls/tls_private.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>

static const char *text_of(struct arena *arena, const ASN1_STRING *s)
{
    const char *bytes = (const char *)ASN1_STRING_get0_data(s);
    size_t len = (size_t)ASN1_STRING_length(s);
    return memchr(bytes, '\0', len) ? NULL : arena_format(arena, "%.*s", (int)len, bytes).ptr;
}

static const char *address_of(struct arena *arena, const ASN1_OCTET_STRING *s)
{
    char text[INET6_ADDRSTRLEN];
    int family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;
    inet_ntop(family, ASN1_STRING_get0_data(s), text, sizeof text);
    return arena_format(arena, "%s", text).ptr;
}

/* A name that matches several hosts is not the name of one. */
static const char *name_of(const GENERAL_NAME *name, struct arena *arena, const char **ret_kind)
{
    const char *text = NULL;
    switch (name->type) {
    case GEN_DNS:
        *ret_kind = "DNS";
        text = text_of(arena, name->d.dNSName);
        return text && strchr(text, '*') ? NULL : text;
    case GEN_URI:
        *ret_kind = "URI";
        return text_of(arena, name->d.uniformResourceIdentifier);
    case GEN_IPADD:
        *ret_kind = "IP_ADDRESS";
        return address_of(arena, name->d.iPAddress);
    default:
        return NULL;
    }
}

static const char *first_name(const X509 *cert, struct arena *arena, const char **ret_kind)
{
    const char *found = NULL;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
        found = name_of(sk_GENERAL_NAME_value(names, i), arena, ret_kind);
    GENERAL_NAMES_free(names);
    return found;
}

const char *tls_name(const struct transport_tls *rules, struct arena *arena, const char **ret_kind)
{
    SSL_CTX *ssl;
    const char *why, *file;
    if (tls_load(rules, arena, &ssl, &why, &file))
        return NULL;
    const char *name = first_name(SSL_CTX_get0_certificate(ssl), arena, ret_kind);
    SSL_CTX_free(ssl);
    return name;
}
