/* Who may come in: by protocol, by certificate, by name. */
#include "unit/transport/h2/tls_scene.h"

TestSuite(tls_protocol, .init = given_a_server, .fini = end_the_server);
TestSuite(tls_client, .init = given_a_server_that_demands_certificates, .fini = end_the_server);
TestSuite(tls_names, .init = given_a_server_for_some, .fini = end_the_server);

/* ---- protocols ------------------------------------------------------------------------------- */

Test(tls_protocol, any_of_the_clients_protocols_may_be_h2)
{
    expect_up(&(struct pair_how){.alpn = "\10http/1.1\3h2c\2h2"});
}

Test(tls_protocol, a_client_that_speaks_other_protocols)
{
    expect_refused(&(struct pair_how){.alpn = "\3h2c\10http/1.1"}, SSL_AD_NO_APPLICATION_PROTOCOL,
                   "~ALPN h2~");
}

Test(tls_protocol, a_client_that_does_not_say_its_protocol)
{
    expect_refused(&(struct pair_how){.alpn = ""}, SSL_AD_NO_APPLICATION_PROTOCOL, "~ALPN h2~");
}

/* ---- certificates of clients ----------------------------------------------------------------- */

static void expect_client_refused(const struct cert_order *order, int alert, const char *why)
{
    struct cert bad = cert_make(order);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        expect_refused(&(struct pair_how){.cert = &bad, .version = version}, alert, why);
        pair_end(&p);
    }
    cert_fini(&bad);
}

Test(tls_client, one_of_the_ca)
{
    expect_up(&(struct pair_how){.cert = &client});
    pair_end(&p);
    expect_up(&(struct pair_how){.cert = &client, .version = TLS1_2_VERSION});
}

Test(tls_client, none)
{
    expect_refused(&(struct pair_how){.version = TLS1_3_VERSION}, SSL_AD_CERTIFICATE_REQUIRED,
                   "~no certificate");
    pair_end(&p);
    expect_refused(&(struct pair_how){.version = TLS1_2_VERSION}, SSL_AD_HANDSHAKE_FAILURE,
                   "~no certificate");
}

Test(tls_client, of_another_ca)
{
    struct cert other = cert_make(&(struct cert_order){.cn = "another CA", .ca = true});
    expect_client_refused(&(struct cert_order){.cn = "client", .issuer = &other}, SSL_AD_UNKNOWN_CA,
                          "~not signed~tls_client_ca");
    cert_fini(&other);
}

Test(tls_client, of_another_ca_of_the_same_name)
{
    struct cert other = cert_make(&(struct cert_order){.cn = "a CA", .ca = true});
    expect_client_refused(&(struct cert_order){.cn = "client", .issuer = &other},
                          SSL_AD_DECRYPT_ERROR, "~not signed by the CA that it names");
    cert_fini(&other);
}

Test(tls_client, of_itself)
{
    expect_client_refused(&(struct cert_order){.cn = "client"}, SSL_AD_UNKNOWN_CA,
                          "~not signed~tls_client_ca");
}

Test(tls_client, expired)
{
    expect_client_refused(
        &(struct cert_order){.cn = "client", .issuer = &ca, .from_days = -9, .until_days = -1},
        SSL_AD_CERTIFICATE_EXPIRED, "the client's certificate has expired");
}

Test(tls_client, not_valid_yet)
{
    expect_client_refused(
        &(struct cert_order){.cn = "client", .issuer = &ca, .from_days = 1, .until_days = 9},
        SSL_AD_BAD_CERTIFICATE, "~not valid yet");
}

Test(tls_client, for_servers)
{
    expect_client_refused(
        &(struct cert_order){.cn = "client", .issuer = &ca, .usage = "serverAuth"},
        SSL_AD_UNSUPPORTED_CERTIFICATE, "~not for clients~");
}

Test(tls_client, somebody_elses)
{
    struct cert thief = cert_make(&(struct cert_order){.cn = "thief"});
    struct cert stolen = cert_steal(&client, &thief);
    expect_refused(&(struct pair_how){.cert = &stolen}, SSL_AD_DECRYPT_ERROR,
                   "the signature~does not match~");
    cert_fini(&thief);
    cert_fini(&stolen);
}

Test(tls_client, of_a_ca_between)
{
    struct cert between =
        cert_make(&(struct cert_order){.cn = "a CA between", .issuer = &ca, .ca = true});
    struct cert expired = cert_make(&(struct cert_order){
        .cn = "an old CA", .issuer = &ca, .ca = true, .from_days = -9, .until_days = -1});
    struct cert good = cert_make(&(struct cert_order){.cn = "client", .issuer = &between});
    struct cert bad = cert_make(&(struct cert_order){.cn = "client", .issuer = &expired});
    expect_up(&(struct pair_how){.cert = &good, .issuer = &between});
    pair_end(&p);
    expect_refused(&(struct pair_how){.cert = &bad, .issuer = &expired}, SSL_AD_CERTIFICATE_EXPIRED,
                   "~CA~has expired");
    cert_fini(&between);
    cert_fini(&expired);
    cert_fini(&good);
    cert_fini(&bad);
}

/* Only the CA that signs is in the file, and not the CA that has signed that. */
Test(tls_client, of_a_ca_whose_root_we_do_not_have)
{
    struct cert between =
        cert_make(&(struct cert_order){.cn = "a CA between", .issuer = &ca, .ca = true});
    struct cert good = cert_make(&(struct cert_order){.cn = "client", .issuer = &between});
    cert_write("ca.pem", &between, NULL);
    tls_context_unref(context);
    context = a_context();
    expect_up(&(struct pair_how){.cert = &good});
    cert_fini(&between);
    cert_fini(&good);
}

/* The CA of clients may be ours as well, and is still no part of what we show. */
Test(tls_client, what_we_show_is_what_the_file_has)
{
    cert_write("cert.pem", &server, NULL);
    tls_context_unref(context);
    context = a_context();
    expect_up(&(struct pair_how){.cert = &client});
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(p.client)), 1);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void expect_named(bool wanted, const char *name)
{
    struct cert some =
        cert_make(&(struct cert_order){.cn = "proxy.example", .issuer = &ca, .names = {name}});
    int r = pair_shake(&p, context, &(struct pair_how){.cert = &some});
    cr_assert_eq(r, wanted ? 0 : -EPROTO, "%s", name);
    cr_assert_eq(tls_is_up(p.tls), wanted);
    pair_end(&p);
    cert_fini(&some);
}

Test(tls_names, that_match)
{
    expect_named(true, "DNS:proxy.example");
    expect_named(true, "DNS:PROXY.Example");
    expect_named(true, "DNS:edge-7.example");
    expect_named(true, "DNS:Edge-");
    expect_named(true, "URI:spiffe://here/ns/web/sa/proxy");
    expect_named(true, "URI:spiffe://here/one");
    expect_named(true, "URI:SPIFFE://Here/one");
}

Test(tls_names, that_do_not_match)
{
    expect_named(false, NULL); /* the common name does not count */
    expect_named(false, "DNS:proxy.example.org");
    expect_named(false, "DNS:a.proxy.example");
    expect_named(false, "DNS:proxy");
    expect_named(false, "DNS:edge");
    expect_named(false, "URI:spiffe://here/ns/webs/proxy");
    expect_named(false, "URI:spiffe://here/One");
    expect_named(false, "URI:spiffe://here/ns/web/../one");
    expect_named(false, "URI:spiffe://here/one/two");
    expect_named(false, "URI:spiffe://here/");
}

Test(tls_names, that_end_before_they_end)
{
    expect_named(false, "DNS:proxy.example^");
    expect_named(false, "DNS:proxy.example^.evil");
    expect_named(false, "DNS:edge-^.evil");
    expect_named(false, "URI:spiffe://here/ns/web/^x");
    expect_named(false, "URI:spiffe://here/one^");
}

Test(tls_names, of_a_wrong_kind)
{
    expect_named(false, "URI:proxy.example");
    expect_named(false, "URI:edge-7");
    expect_named(false, "DNS:spiffe://here/one");
    expect_named(false, "DNS:spiffe://here/ns/web/x");
    expect_named(false, "EML:proxy.example");
}

Test(tls_names, one_of_several_is_enough)
{
    struct cert some = cert_make(&(struct cert_order){
        .cn = "client", .issuer = &ca, .names = {"DNS:other", "URI:a:b", "DNS:edge-1"}});
    expect_up(&(struct pair_how){.cert = &some});
    cert_fini(&some);
}

Test(tls_names, are_reported)
{
    expect_client_refused(
        &(struct cert_order){.cn = "client",
                             .issuer = &ca,
                             .names = {"DNS:a.example^\n", "EML:b@c", "URI:spiffe://d"}},
        SSL_AD_BAD_CERTIFICATE,
        "the client's certificate has none of tls_client_names; it has DNS:a.example?? "
        "URI:spiffe://d");
}

Test(tls_names, no_names_are_reported)
{
    expect_client_refused(&(struct cert_order){.cn = "client", .issuer = &ca},
                          SSL_AD_BAD_CERTIFICATE, "~none of tls_client_names~nothing");
}

Test(tls_names, too_many_are_reported_as_far_as_there_is_room)
{
    char name[250] = "DNS:";
    memset(name + 4, 'x', sizeof name - 5);
    struct cert some = cert_make(
        &(struct cert_order){.cn = "client", .issuer = &ca, .names = {name, name, name, name}});
    cr_assert_eq(pair_shake(&p, context, &(struct pair_how){.cert = &some}), -EPROTO);
    cr_assert_lt(strlen(tls_why(p.tls)), 600);
    cr_assert_gt(strlen(tls_why(p.tls)), 500);
    cert_fini(&some);
}
