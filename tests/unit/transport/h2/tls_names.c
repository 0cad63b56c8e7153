#include "transport/h2/channel/tls/tls_names.h"

#include "base/str.h"

#include <criterion/criterion.h>

static bool uri(const char *rule, const char *name)
{
    return tls_name_matches(extproc_str_of(rule), extproc_str_of(name), TLS_NAME_URI);
}

static bool dns(const char *rule, const char *name)
{
    return tls_name_matches(extproc_str_of(rule), extproc_str_of(name), TLS_NAME_DNS);
}

Test(tls_names, dns_names_have_no_case)
{
    cr_expect(dns("Envoy.example", "envoy.EXAMPLE"));
    cr_expect_not(dns("envoy.example", "envoy.example.org"));
    cr_expect_not(dns("envoy.example", "envoy.exampl"));
    cr_expect(dns("edge-*", "EDGE-7.example"));
    cr_expect_not(dns("edge-*", "edge"));
}

Test(tls_names, of_a_uri_scheme_and_host_have_no_case)
{
    cr_expect(uri("spiffe://example/ns/edge", "SPIFFE://EXAMPLE/ns/edge"));
    cr_expect(uri("SPIFFE://Example/ns/*", "spiffe://example/ns/edge"));
    cr_expect_not(uri("spiffe://example/ns/edge", "spiffe://example/NS/edge"));
    cr_expect_not(uri("spiffe://User@example/a", "spiffe://user@example/a"));
    cr_expect(uri("urn:a:b", "URN:a:b"));
    cr_expect_not(uri("urn:a:b", "urn:A:b"));
}

Test(tls_names, a_prefix)
{
    cr_expect(uri("spiffe://example/ns/edge/*", "spiffe://example/ns/edge/sa/envoy"));
    cr_expect(uri("spiffe://example/ns/edge/*", "spiffe://example/ns/edge/"));
    cr_expect(uri("spiffe://example/*", "spiffe://example/..a/.b/c../..."));
    cr_expect_not(uri("spiffe://example/ns/edge/*", "spiffe://example/ns/edge"));
    cr_expect_not(uri("spiffe://example/ns/edge/*", "spiffe://example/ns/edger"));
    cr_expect_not(uri("spiffe://example*", "spiffe://example.evil/ns"));
}

Test(tls_names, a_uri_that_leads_elsewhere_fits_no_prefix)
{
    static const char *const names[] = {
        "spiffe://example/ns/edge/../admin",     "spiffe://example/ns/edge/..",
        "spiffe://example/ns/edge/./x",          "spiffe://example/ns/edge/.",
        "spiffe://example/ns/edge/%2e%2e/admin", "spiffe://example/ns/edge/%2E./admin",
        "spiffe://example/ns/edge/.%2e/admin",   "spiffe://example/ns/edge/x%2f..%2Fadmin",
        "spiffe://example/ns/edge/x\\..\\admin", "spiffe://example/ns/edge/x%5c..%5Cadmin",
        "spiffe://example/ns/edge/%252e%252e/x", "spiffe://example/ns/edge/..?x",
        "spiffe://example/ns/edge/..#x",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect_not(uri("spiffe://example/ns/edge/*", names[i]), "%s", names[i]);
        cr_expect(uri(names[i], names[i]), "itself: %s", names[i]);
    }
    cr_expect_not(uri("spiffe://example/.*", "spiffe://example/../x"));
}
