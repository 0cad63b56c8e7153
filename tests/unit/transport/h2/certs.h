/* certs: certificates made to order, in memory and as PEM files. */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_H2_CERTS_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_H2_CERTS_H

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CERT_NAMES = 4, DAY_S = 24 * 60 * 60 };

struct cert {
    X509 *x509;
    EVP_PKEY *key;
};

struct cert_order {
    const char *cn;
    const struct cert *issuer; /* NULL: itself */
    bool ca;
    bool rsa;                      /* else P-256 */
    const char *usage;             /* extended key usage: "clientAuth" */
    const char *names[CERT_NAMES]; /* "DNS:a", "URI:b:c", "IPA:::1"; '^' stands for a NUL */
    int from_days, until_days;     /* from now; both 0: now, for a month */
};

static inline void cert_add_names(X509 *x, const char *const *names)
{
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    for (int i = 0; i < CERT_NAMES && names[i]; i++) {
        char value[256];
        size_t len = strlen(names[i] + 4);
        for (size_t j = 0; j < len; j++)
            value[j] = names[i][4 + j] == '^' ? '\0' : names[i][4 + j];
        bool address = strncmp(names[i], "IPA", 3) == 0;
        ASN1_STRING *text = address ? a2i_IPADDRESS(names[i] + 4) : ASN1_IA5STRING_new();
        if (!address)
            ASN1_STRING_set(text, value, (int)len);
        GENERAL_NAME *name = GENERAL_NAME_new();
        int kind = address                            ? GEN_IPADD
                   : strncmp(names[i], "DNS", 3) == 0 ? GEN_DNS
                   : strncmp(names[i], "URI", 3) == 0 ? GEN_URI
                                                      : GEN_EMAIL;
        GENERAL_NAME_set0_value(name, kind, text);
        sk_GENERAL_NAME_push(all, name);
    }
    if (sk_GENERAL_NAME_num(all) > 0)
        X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(all);
}

static inline void cert_add(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    cr_assert_not_null(extension);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline struct cert cert_make(const struct cert_order *order)
{
    static long serial;
    struct cert made = {X509_new(), order->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")};
    const struct cert *issuer = order->issuer ? order->issuer : &made;
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), (long)order->from_days * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made.x509),
                    (order->until_days || order->from_days ? (long)order->until_days : 30) * DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.x509), "CN", MBSTRING_UTF8,
                               (const unsigned char *)order->cn, -1, -1, 0);
    X509_set_issuer_name(made.x509, X509_get_subject_name(issuer->x509));
    X509_set_pubkey(made.x509, made.key);
    if (order->ca)
        cert_add(made.x509, NID_basic_constraints, "critical,CA:TRUE");
    if (order->usage)
        cert_add(made.x509, NID_ext_key_usage, order->usage);
    cert_add_names(made.x509, order->names);
    cr_assert(X509_sign(made.x509, issuer->key, EVP_sha256()) > 0);
    return made;
}

static inline void cert_fini(struct cert *cert)
{
    X509_free(cert->x509);
    EVP_PKEY_free(cert->key);
    *cert = (struct cert){0};
}

/* Somebody else's certificate, who signs with his own key. */
static inline struct cert cert_steal(const struct cert *victim, const struct cert *thief)
{
    struct cert stolen = {victim->x509, NULL};
    unsigned char public[256];
    size_t len;
    BIGNUM *private = NULL;
    cr_assert(EVP_PKEY_get_octet_string_param(victim->key, "pub", public, sizeof public, &len));
    cr_assert(EVP_PKEY_get_bn_param(thief->key, "priv", &private));
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, "group", "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, "pub", public, len);
    OSSL_PARAM_BLD_push_BN(builder, "priv", private);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY_fromdata_init(maker);
    cr_assert(EVP_PKEY_fromdata(maker, &stolen.key, EVP_PKEY_KEYPAIR, params) > 0);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(private);
    X509_up_ref(stolen.x509);
    return stolen;
}

/* Overwrites the file in place; the issuer's certificate follows, unless NULL. */
static inline void cert_write(const char *file, const struct cert *cert, const struct cert *issuer)
{
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    PEM_write_X509(f, cert->x509);
    if (issuer)
        PEM_write_X509(f, issuer->x509);
    fclose(f);
}

static inline void key_write(const char *file, const struct cert *cert, const char *passphrase)
{
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    PEM_write_PKCS8PrivateKey(f, cert->key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
                              passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
    fclose(f);
}

static inline void text_write(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

#endif
