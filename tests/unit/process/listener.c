/* [listener:NAME]: limits and TLS; the rest of it is in settings.c. */
#include "unit/process/scene.h"

#include <malloc.h>

static struct listener *const *listener = &settings.listeners;

TestSuite(listener, .init = setup, .fini = teardown);

/* The keys of a listener: they begin with line 3, after its address. */
static const char *keys(const char *text)
{
    static char whole[1024];
    snprintf(whole, sizeof whole, "[listener:a]\naddress = 127.0.0.1:0\n%s", text);
    return whole;
}

Test(listener, every_limit_has_a_default)
{
    if (!found("h2")) /* the core has an idle time only on demand */
        return;
    cr_assert(read_text(keys("[extprocd]\ntransport = h2\n")));

    const struct transport_limits *l = &(*listener)->transport.limits;
    cr_expect_eq(l->max_connections, 4096u);
    cr_expect_eq(l->idle_ms, 3600000u);
    cr_expect_eq(l->age_ms, 0u);
    cr_expect_eq(l->grace_ms, 0u);
    cr_expect_eq(l->handshake_ms, 10000u);
    cr_expect_eq(l->first_message_ms, 10000u);
    cr_expect_eq(l->write_ms, 30000u);
    cr_expect_eq(l->max_queued, (size_t)128 << 20);
    cr_expect_eq(l->stream_window, (size_t)1 << 20);
    cr_expect_eq(l->max_continuations, 8u);
    cr_expect_eq(l->resets.n, 4096u);
    cr_expect_eq(l->resets.period_ms, 8000u);
    cr_expect_eq(l->idles.n, 1024u);
    cr_expect_eq(l->idles.period_ms, 16000u);
}

Test(listener, every_limit_can_be_set)
{
    if (!found("h2"))
        return;
    cr_assert(read_text(keys("max_connections = 5\nidle_timeout = 5m\nmax_connection_age = 1h\n"
                             "handshake_timeout = 2s\nwrite_timeout = 3s\nmax_queued = 32m\n"
                             "stream_window = 256k\nmax_continuations = 4\nmax_resets = 10 in 1s\n"
                             "max_idle_frames = 7 in 1m\nfirst_message_timeout = 4s\n"
                             "max_connection_age_grace = 6s\n")));

    const struct transport_limits *l = &(*listener)->transport.limits;
    cr_expect_eq(l->max_connections, 5u);
    cr_expect_eq(l->idle_ms, 300000u);
    cr_expect_eq(l->age_ms, 3600000u);
    cr_expect_eq(l->grace_ms, 6000u);
    cr_expect_eq(l->handshake_ms, 2000u);
    cr_expect_eq(l->first_message_ms, 4000u);
    cr_expect_eq(l->write_ms, 3000u);
    cr_expect_eq(l->max_queued, (size_t)32 << 20);
    cr_expect_eq(l->stream_window, (size_t)256 << 10);
    cr_expect_eq(l->max_continuations, 4u);
    cr_expect_eq(l->resets.n, 10u);
    cr_expect_eq(l->resets.period_ms, 1000u);
    cr_expect_eq(l->idles.n, 7u);
    cr_expect_eq(l->idles.period_ms, 60000u);
}

Test(listener, an_invalid_rate)
{
    if (!found("h2"))
        return;
    static const char *const wrong[] = {"10",       "in 1s",         "10 in",    "10 in 0s",
                                        "0 in 10s", "10 in 10",      "10in 10s", "-1 in 10s",
                                        "10 / 10s", "10 in 1s in 1s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64], error[256];
        snprintf(text, sizeof text, "max_resets = %s\n", wrong[i]);
        snprintf(error, sizeof error, "3: [listener:a] max_resets: ~\"%s\"~COUNT in DURATION~",
                 wrong[i]);
        expect_error(keys(text), error);
    }
}

Test(listener, an_answer_must_fit_into_the_queue)
{
    if (!found("h2"))
        return;
    expect_error(
        keys("max_message = 256m\n[extprocd]\ntransport = h2\n"),
        "3: [listener:a] max_message: ~max_queued (128m, its default)~max_message (256m)~");
    expect_error(keys("max_queued = 1m\n[extprocd]\ntransport = h2\n"),
                 "3: [listener:a] max_queued: ~max_queued (1m)~max_message (16m, its default)~");
}

Test(listener, a_message_may_be_large_where_there_is_no_queue)
{
    if (!found("grpc"))
        return;
    cr_assert(read_text(keys("max_message = 256m\n[extprocd]\ntransport = grpc\n")));
    cr_expect_eq((*listener)->transport.limits.max_message, (size_t)256 << 20);
}

Test(listener, a_certificate_without_its_key)
{
    expect_error(keys("tls_cert = /x\n"), "3: [listener:a] tls_cert: ~tls_key~");
}

Test(listener, a_key_without_its_certificate)
{
    expect_error(keys("tls_key = /x\n"), "3: [listener:a] tls_key: ~tls_cert~");
}

Test(listener, clients_are_known_by_tls_only)
{
    expect_error(keys("tls_client_ca = /x\n"),
                 "3: [listener:a] tls_client_ca: ~tls_cert and tls_key~");
}

Test(listener, names_need_a_ca)
{
    expect_error(keys("tls_client_names = a\n"),
                 "3: [listener:a] tls_client_names: ~tls_client_ca~");
}

Test(listener, no_name_is_not_any_name)
{
    expect_error(keys("tls_client_names = ,\n"),
                 "3: [listener:a] tls_client_names: ~empty list~remove the key~");
}

Test(listener, names_are_a_list_with_commas_or_of_keys)
{
    read_text(keys("tls_client_names = envoy.example , spiffe://a/ns/*\ntls_client_names = b\n"));

    const struct transport_tls *tls = &(*listener)->transport.tls;
    cr_assert_eq(tls->n_client_names, 3u);
    cr_expect_str_eq(tls->client_names[0], "envoy.example");
    cr_expect_str_eq(tls->client_names[1], "spiffe://a/ns/*");
    cr_expect_str_eq(tls->client_names[2], "b");
}

Test(listener, files_are_looked_at)
{
    const struct transport_ops *h2 = found("h2");
    if (!h2)
        return;
    cr_expect_not(read_text(keys("tls_cert = /no/such.pem\ntls_key = /no/such.key\n"
                                 "[extprocd]\ntransport = h2\n")));
    expect_line("3: [listener:a] tls_cert: /no/such.pem: No such file or directory");
}

Test(listener, a_transport_without_tls)
{
    if (!found("grpc"))
        return;
    expect_error(keys("tls_cert = /x\ntls_key = /x\n[extprocd]\ntransport = grpc\n"),
                 "3: [listener:a] tls_cert: ~TLS needs transport = h2~grpc");
}

Test(listener, a_limit_that_a_transport_does_not_have)
{
    if (!found("grpc"))
        return;
    cr_expect(read_text(keys("max_resets = 1 in 1s\n[extprocd]\ntransport = grpc\n")));
    expect_line("3: [listener:a] max_resets: warning: ~no effect~transport = grpc~");
}

Test(listener, the_core_has_no_idle_time_but_on_demand)
{
    if (!found("grpc"))
        return;
    cr_assert(read_text(keys("[extprocd]\ntransport = grpc\n")));
    cr_expect_eq((*listener)->transport.limits.idle_ms, 0u);
    cr_assert(read_text(keys("idle_timeout = 5s\n[extprocd]\ntransport = grpc\n")));
    cr_expect_eq((*listener)->transport.limits.idle_ms, 5000u);
}

/* Of a list one name is taken out of the middle: a guess looks at that name alone. */
Test(listener, an_invalid_mutation_rule)
{
    mallopt(M_PERTURB, 0x5a);
    expect_error(keys("mutation_rules = envoi, all_routing\n"),
                 "3: [listener:a] mutation_rules: ~\"envoi\"~(did you mean envoy?)");
}

/* The line is that of the value that is wrong, not of the first. */
Test(listener, a_star_that_means_nothing_is_refused)
{
    expect_error(keys("tls_client_names = a\ntls_client_names = b, *.example\n"),
                 "4: [listener:a] tls_client_names: ~\"*.example\"~at the end only");
    expect_error(keys("tls_client_names = a**\n"),
                 "3: [listener:a] tls_client_names: ~\"a**\"~at the end only");
    expect_error(keys("tls_client_names = *\n"),
                 "3: [listener:a] tls_client_names: ~\"*\"~remove the key~tls_client_ca");
    expect_error(keys("tls_client_names = spiffe://exam*\n"),
                 "3: [listener:a] tls_client_names: ~\"spiffe://exam*\"~not in its host");
    expect_error(keys("tls_client_names = spiffe://a/b/../*\n"),
                 "3: [listener:a] tls_client_names: ~\"spiffe://a/b/../*\"~dot segments~");
}
