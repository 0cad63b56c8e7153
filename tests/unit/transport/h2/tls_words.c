/* What is said of a connection that comes to nothing: to the operator in words, to the client in an
 * alert. */
#include "unit/transport/h2/tls_scene.h"

TestSuite(tls_words, .init = given_a_server, .fini = end_the_server);

Test(tls_words, an_old_version)
{
    expect_refused(&(struct pair_how){.version = TLS1_1_VERSION}, SSL_AD_PROTOCOL_VERSION,
                   "~neither TLS 1.2 nor TLS 1.3");
}

/* Of what the client says first, all that is `from` becomes `to`, of the same length. */
static void expect_hello_refused(const struct pair_how *how, struct extproc_str from,
                                 const char *to, int alert, const char *why)
{
    size_t len;
    pair_begin(&p, context, how);
    uint8_t *hello = pair_sealed(&p, &len);
    for (uint8_t *at; (at = memmem(hello, len, from.ptr, from.len));)
        memcpy(at, to, from.len);
    pair_talk(&p);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert_eq(p.alert, alert, "alert %d: %s", p.alert, tls_why(p.tls));
    cr_assert(lines_match(tls_why(p.tls), why), "%s", tls_why(p.tls));
    pair_end(&p);
}

Test(tls_words, a_version_that_is_older_still)
{
    expect_hello_refused(&(struct pair_how){.version = TLS1_VERSION}, EXTPROC_S("\3\1"), "\3\0",
                         SSL_AD_HANDSHAKE_FAILURE, "~neither TLS 1.2 nor TLS 1.3");
}

Test(tls_words, suites_that_http2_forbids)
{
    expect_refused(&(struct pair_how){.version = TLS1_2_VERSION,
                                      .suites = "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256"},
                   SSL_AD_HANDSHAKE_FAILURE, "no cipher suite~");
}

Test(tls_words, no_key_exchange_in_common)
{
    expect_hello_refused(&(struct pair_how){.version = TLS1_3_VERSION, .groups = "X25519"},
                         EXTPROC_S("\0\x1d"), "\0\x7d", SSL_AD_HANDSHAKE_FAILURE,
                         "no key exchange~");
}

Test(tls_words, no_signature_in_common)
{
    expect_refused(
        &(struct pair_how){.version = TLS1_3_VERSION, .signatures = "rsa_pss_rsae_sha256"},
        SSL_AD_HANDSHAKE_FAILURE, "no signature algorithm~");
}

Test(tls_words, a_client_that_does_not_trust_us)
{
    struct cert other = cert_make(&(struct cert_order){.cn = "another CA", .ca = true});
    expect_refused(&(struct pair_how){.trusts = &other}, 0, "~does not trust~unknown CA~");
    cert_fini(&other);
}

static void expect_no_tls(const char *bytes, size_t len)
{
    pair_begin(&p, context, &(struct pair_how){0});
    pair_feed(&p, bytes, len);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert(lines_match(tls_why(p.tls), "~not speak TLS"), "%s", tls_why(p.tls));
    cr_assert_eq(tls_out(p.tls).len, 0);
    pair_end(&p);
}

Test(tls_words, what_is_not_tls)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    expect_no_tls(preface, sizeof preface - 1);
    expect_no_tls("GET / HTTP/1.1\r\n\r\n", 18);
    expect_no_tls("CONNECT a:1 HTTP/1.1\r\n\r\n", 24);
    expect_no_tls("\0\0\0\0\0\0\0\0", 8);
}

Test(tls_words, an_alert_that_is_not_about_us)
{
    static const char internal_error[] = "\25\3\3\0\2\2\120";
    pair_begin(&p, context, &(struct pair_how){.version = TLS1_2_VERSION});
    pair_collect(&p);
    pair_feed(&p, internal_error, sizeof internal_error - 1);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert(lines_match(tls_why(p.tls), "~internal error~"), "%s", tls_why(p.tls));
}
