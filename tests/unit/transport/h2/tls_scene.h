/* tls_scene: a server with its files, and what becomes of a client's handshake with it. */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_H2_TLS_SCENE_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_H2_TLS_SCENE_H

#include "kit/lines.h"
#include "unit/transport/h2/tls_pair.h"

#include <errno.h>
#include <unistd.h>

static char dir[] = "/tmp/extprocd-tls-XXXXXX";
static struct arena arena;
static struct transport_tls rules = {.cert = "cert.pem", .key = "key.pem"};
static struct tls_context *context;
static struct cert ca, server, client;
static struct pair p;

static inline struct tls_context *a_context(void)
{
    struct tls_context *made = NULL;
    const char *why = NULL, *file = NULL;
    int r = tls_context_new(&rules, &arena, &made, &why, &file);
    cr_assert_eq(r, 0, "%s: %s", file, why);
    return made;
}

static inline void given_files(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    arena_init(&arena, 1024);
    ca = cert_make(&(struct cert_order){.cn = "a CA", .ca = true});
    server = cert_make(&(struct cert_order){.cn = "server", .issuer = &ca});
    client = cert_make(&(struct cert_order){
        .cn = "client", .issuer = &ca, .usage = "clientAuth", .names = {"DNS:Proxy.example"}});
    cert_write("ca.pem", &ca, NULL);
    cert_write("cert.pem", &server, &ca);
    key_write("key.pem", &server, NULL);
}

static inline void given_a_server(void)
{
    given_files();
    context = a_context();
}

static inline void given_a_server_that_demands_certificates(void)
{
    rules.client_ca = "ca.pem";
    given_a_server();
}

static inline void given_a_server_for_some(void)
{
    static const char *const names[] = {"proxy.example", "edge-*", "spiffe://here/ns/web/*",
                                        "spiffe://here/one"};
    rules.client_names = names;
    rules.n_client_names = sizeof names / sizeof *names;
    given_a_server_that_demands_certificates();
}

static inline void end_the_server(void)
{
    char command[64];
    pair_end(&p);
    context = tls_context_unref(context);
    cert_fini(&client);
    cert_fini(&server);
    cert_fini(&ca);
    arena_fini(&arena);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

static inline void expect_up(const struct pair_how *how)
{
    cr_assert_eq(pair_shake(&p, context, how), 0, "%s", tls_why(p.tls));
    cr_assert(tls_is_up(p.tls));
    cr_assert(SSL_is_init_finished(p.client));
    pair_say(&p, "hello", 5);
    cr_assert_eq(p.end, 0);
    cr_assert_eq(p.got_len, 5);
    cr_assert_arr_eq(p.got, "hello", 5);
    pair_wrap(&p, "welcome", 7);
    pair_talk(&p);
    cr_assert_eq(p.got_by_client_len, 7);
    cr_assert_arr_eq(p.got_by_client, "welcome", 7);
}

static inline void expect_refused(const struct pair_how *how, int alert, const char *why)
{
    cr_assert_eq(pair_shake(&p, context, how), -EPROTO);
    cr_assert(lines_match(tls_why(p.tls), why), "%s", tls_why(p.tls));
    cr_assert_eq(p.alert, alert, "alert %d: %s", p.alert, tls_why(p.tls));
    cr_assert_not(tls_is_up(p.tls));
    pair_feed(&p, "more", 4); /* which is not read */
    cr_assert_eq(p.end, -EPROTO);
    cr_assert_eq(p.got_len, 0);
    tls_end(p.tls);
    cr_assert_eq(tls_out(p.tls).len, 0);
}

#endif
