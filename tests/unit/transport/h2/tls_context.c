/* A listener's files: what can be used, what is said of what cannot, and what happens when they
 * change. */
#include "transport/h2/channel/tls/tls_context.h"

#include "unit/transport/h2/tls_scene.h"

#include <openssl/err.h>
#include <sys/stat.h>

static struct cert other; /* than the server's */

static void given_more_files(void)
{
    given_files();
    other = cert_make(&(struct cert_order){.cn = "other", .issuer = &ca});
}

static void end(void)
{
    cert_fini(&other);
    end_the_server();
}

TestSuite(tls_context, .init = given_more_files, .fini = end);

/* ---- files ----------------------------------------------------------------------------------- */

static void expect_unusable(const char *wanted_file, int error, const char *wanted_why)
{
    const char *file = NULL, *why = NULL;
    int r = tls_context_new(&rules, &arena, &context, &why, &file);
    cr_assert_eq(r, -error, "%d: %s", r, why);
    cr_assert_null(context);
    cr_assert_str_eq(file, wanted_file);
    cr_assert(lines_match(why, wanted_why), "%s", why);
    file = NULL;
    cr_assert_str_eq(tls_check(&rules, &arena, &file), why);
    cr_assert_str_eq(file, wanted_file);
    cr_assert_eq(ERR_peek_error(), 0);
}

static void expect_usable(void)
{
    const char *file = NULL;
    cr_assert_null(tls_check(&rules, &arena, &file));
    tls_context_unref(a_context());
}

Test(tls_context, files_that_can_be_used)
{
    expect_usable();
    rules.client_ca = "ca.pem";
    expect_usable();
    cr_assert_null(tls_context_unref(NULL));
}

Test(tls_context, keys_of_other_kinds)
{
    struct cert rsa = cert_make(&(struct cert_order){.cn = "rsa", .issuer = &ca, .rsa = true});
    cert_write("cert.pem", &rsa, NULL);
    key_write("key.pem", &rsa, NULL);
    expect_usable();
    key_write("key.pem", &server, NULL);
    expect_unusable("key.pem", EINVAL, "~does not match the certificate in cert.pem");
    cert_fini(&rsa);
}

Test(tls_context, a_certificate_that_has_expired)
{
    struct cert old = cert_make(
        &(struct cert_order){.cn = "old", .issuer = &ca, .from_days = -9, .until_days = -1});
    cert_write("cert.pem", &old, NULL);
    key_write("key.pem", &old, NULL);
    expect_usable();
    cert_fini(&old);
}

Test(tls_context, one_file_for_both)
{
    FILE *f = fopen("cert.pem", "a");
    PEM_write_PrivateKey(f, server.key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    rules.key = "cert.pem";
    expect_usable();
}

/* What --print-envoy-config prints for the proxy to check. */
static void expect_name(const char *first, const char *second, const char *kind, const char *name)
{
    const struct cert_order order = {.cn = "server", .issuer = &ca, .names = {first, second}};
    struct cert cert = cert_make(&order);
    const char *got_kind = NULL;
    cert_write("cert.pem", &cert, NULL);
    key_write("key.pem", &cert, NULL);
    cert_fini(&cert);
    const char *got = tls_name(&rules, &arena, &got_kind);
    if (name)
        cr_expect(got && !strcmp(got, name) && !strcmp(got_kind, kind), "%s: %s", first, got);
    else
        cr_expect_null(got, "%s", got);
}

Test(tls_context, the_name_that_clients_must_check)
{
    expect_name("DNS:extprocd.example", NULL, "DNS", "extprocd.example");
    expect_name("DNS:*.example", "DNS:a.example", "DNS", "a.example");
    expect_name("URI:spiffe://here/extprocd", NULL, "URI", "spiffe://here/extprocd");
    expect_name("IPA:10.0.0.1", NULL, "IP_ADDRESS", "10.0.0.1");
    expect_name("IPA:::1", NULL, "IP_ADDRESS", "::1");
    expect_name("DNS:*.example", NULL, NULL, NULL);
    expect_name("DNS:a^.example", NULL, NULL, NULL);
    expect_name("EML:a@example", NULL, NULL, NULL);
    rules.cert = "none.pem";
    expect_name("DNS:a.example", NULL, NULL, NULL);
}

Test(tls_context, files_that_are_not_there)
{
    rules.client_ca = "none.pem";
    expect_unusable("none.pem", ENOENT, "No such file or directory");
    rules.key = "no.key";
    expect_unusable("no.key", ENOENT, "No such file or directory");
    rules.cert = "no/cert";
    expect_unusable("no/cert", ENOENT, "No such file or directory");
}

Test(tls_context, what_is_not_a_file)
{
    cr_assert_eq(mkfifo("fifo", 0600), 0); /* no process ever writes to it */
    rules.client_ca = "fifo";
    expect_unusable("fifo", EINVAL, "is a FIFO, expected a regular file");
    rules.key = ".";
    expect_unusable(".", EISDIR, "is a directory, expected a regular file");
}

Test(tls_context, a_file_that_is_too_large)
{
    text_write("cert.pem", "");
    cr_assert_eq(truncate("cert.pem", 1024 * 1024 + 1), 0);
    expect_unusable("cert.pem", EFBIG, "exceeds 1m");
}

Test(tls_context, files_with_other_things_in_them)
{
    text_write("ca.pem", "");
    rules.client_ca = "ca.pem";
    expect_unusable("ca.pem", EINVAL, "no CA certificate found: expected PEM");
    cert_write("key.pem", &server, NULL);
    expect_unusable("key.pem", EINVAL, "no key found: expected PEM");
    text_write("key.pem", "key\n");
    expect_unusable("key.pem", EINVAL, "no key found: expected PEM");
    key_write("cert.pem", &server, NULL);
    expect_unusable("cert.pem", EINVAL, "no certificate found: expected PEM");
    text_write("cert.pem", "hello");
    expect_unusable("cert.pem", EINVAL, "no certificate found: expected PEM");
}

Test(tls_context, a_certificate_that_is_broken)
{
    text_write("cert.pem", "-----BEGIN CERTIFICATE-----\nMII*\n-----END CERTIFICATE-----\n");
    expect_unusable("cert.pem", EINVAL, "no usable certificate: bad base64 decode");
}

Test(tls_context, a_key_of_another_certificate)
{
    key_write("key.pem", &other, NULL);
    expect_unusable("key.pem", EINVAL, "~does not match the certificate in cert.pem");
}

Test(tls_context, a_key_with_a_passphrase)
{
    key_write("key.pem", &server, "secret");
    expect_unusable("key.pem", EINVAL, "~encrypted~passphrases are not supported");
}

/* A file that is being written is cut somewhere. */
Test(tls_context, files_that_are_half_written)
{
    const char *files[] = {"cert.pem", "key.pem", "ca.pem"};
    rules.client_ca = "ca.pem";
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat st;
        cr_assert_eq(stat(files[i], &st), 0);
        cr_assert_eq(truncate(files[i], st.st_size / 3), 0);
        const char *file = NULL;
        cr_assert_not_null(tls_check(&rules, &arena, &file));
        cr_assert_str_eq(file, files[i]);
        cert_write("cert.pem", &server, &ca);
        key_write("key.pem", &server, NULL);
    }
}

Test(tls_context, no_memory)
{
    rules.client_ca = "ca.pem";
    expect_usable(); /* what OpenSSL sets up once */
    int r = -ENOMEM;
    for (long n = 0; r; n += 1 + n / 32) {
        const char *file = NULL, *why = NULL;
        fail_after(n);
        r = tls_context_new(&rules, &arena, &context, &why, &file);
        fail_no_more();
        cr_assert(!r || (file && why && !context));
    }
}

/* ---- changes --------------------------------------------------------------------------------- */

static struct log *the_log;
static uint64_t now_ms;

static void given_a_listener(void)
{
    given_more_files();
    rules.client_ca = "ca.pem";
    context = a_context();
    cr_assert_eq(log_new(&(struct log_options){.file = "log"}, &the_log), 0);
}

static void end_the_listener(void)
{
    the_log = log_free(the_log);
    end();
}

TestSuite(tls_refresh, .init = given_a_listener, .fini = end_the_listener);

static void refresh(void)
{
    now_ms += 1000;
    tls_context_refresh(context, now_ms, the_log, "here");
}

/* All that was logged since the last time, without the time. */
static const char *logged(void)
{
    static char lines[4096];
    static long at;
    FILE *f = fopen("log", "r");
    fseek(f, at, SEEK_SET);
    lines[fread(lines, 1, sizeof lines - 1, f)] = '\0';
    at = ftell(f);
    fclose(f);
    char *rest = strstr(lines, "Z ");
    return rest ? rest + 2 : lines;
}

static const char *served(void)
{
    static char cn[64];
    cr_assert_eq(pair_shake(&p, context, &(struct pair_how){.cert = &client}), 0, "%s",
                 tls_why(p.tls));
    X509 *shown = SSL_get1_peer_certificate(p.client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, cn, sizeof cn);
    X509_free(shown);
    pair_end(&p);
    return cn;
}

static void replace_with(const struct cert *cert)
{
    cert_write("new.pem", cert, &ca);
    key_write("new.key", cert, NULL);
    cr_assert_eq(rename("new.pem", "cert.pem"), 0);
    cr_assert_eq(rename("new.key", "key.pem"), 0);
}

static void expect_logged(const char *pattern)
{
    const char *lines = logged();
    cr_assert(lines_match(lines, pattern), "%s", lines);
}

Test(tls_refresh, nothing_has_changed)
{
    refresh();
    refresh();
    cr_assert_str_eq(logged(), "");
    cr_assert_str_eq(served(), "server");
}

Test(tls_refresh, other_files)
{
    struct cert next = cert_make(
        &(struct cert_order){.cn = "next", .issuer = &ca, .from_days = -1, .until_days = 7});
    replace_with(&next);
    refresh();
    const char *line = logged();
    cr_assert(lines_match(line, "info  listener here: ~read again (expires 20~UTC)\n"), "%s", line);
    cr_assert_str_eq(served(), "next");
    refresh();
    cr_assert_str_eq(logged(), "");
    cert_fini(&next);
}

Test(tls_refresh, a_file_that_is_written_over)
{
    cert_write("cert.pem", &other, NULL);
    key_write("key.pem", &other, NULL);
    refresh();
    cr_assert_str_eq(served(), "other");
}

Test(tls_refresh, at_most_once_a_second)
{
    refresh();
    replace_with(&other);
    tls_context_refresh(context, now_ms + 999, the_log, "here");
    cr_assert_str_eq(served(), "server");
    tls_context_refresh(context, now_ms + 1000, the_log, "here");
    cr_assert_str_eq(served(), "other");
}

/* As Kubernetes swaps a secret: cert.pem -> data/cert.pem, data -> a folder, then another. */
Test(tls_refresh, a_link_that_is_swapped)
{
    cr_assert(mkdir("1", 0700) == 0 && mkdir("2", 0700) == 0);
    cr_assert(rename("cert.pem", "1/cert.pem") == 0 && rename("key.pem", "1/key.pem") == 0);
    cert_write("2/cert.pem", &other, NULL);
    key_write("2/key.pem", &other, NULL);
    cr_assert(symlink("1", "data") == 0 && symlink("2", "data.new") == 0);
    cr_assert(symlink("data/cert.pem", "cert.pem") == 0 && symlink("data/key.pem", "key.pem") == 0);
    refresh();
    cr_assert_str_eq(served(), "server");

    cr_assert_eq(rename("data.new", "data"), 0);
    refresh();
    cr_assert_str_eq(served(), "other");
}

Test(tls_refresh, invalid_files)
{
    key_write("key.pem", &other, NULL); /* and its certificate is to follow */
    refresh();
    expect_logged("error listener here: TLS: key.pem: ~does not match~keeping the previous~\n");
    cr_assert_str_eq(served(), "server");
    refresh();
    cr_assert_str_eq(logged(), "");
    cr_assert_str_eq(served(), "server");

    cert_write("cert.pem", &other, NULL);
    refresh();
    cr_assert_str_eq(served(), "other");
}

Test(tls_refresh, a_file_that_has_gone)
{
    cr_assert_eq(unlink("ca.pem"), 0);
    refresh();
    expect_logged("error listener here: TLS: ca.pem: No such file~keeping the previous~\n");
    refresh();
    cr_assert_str_eq(logged(), "");
    cr_assert_str_eq(served(), "server");
    cert_write("ca.pem", &ca, NULL);
    refresh();
    cr_assert_not_null(strstr(logged(), "read again"));
}

Test(tls_refresh, a_change_without_a_change_of_bytes)
{
    cr_assert_eq(chmod("key.pem", 0400), 0); /* it may be what a file was waiting for */
    refresh();
    cr_assert_not_null(strstr(logged(), "read again"));
}

/* It was for want of something of ours: the next second may have it. */
Test(tls_refresh, no_memory_is_tried_again)
{
    if (failing_is_off)
        return;
    replace_with(&other);
    fail_after(0);
    refresh();
    fail_no_more();
    cr_assert_not_null(strstr(logged(), "Cannot allocate memory; keeping the previous"));
    cr_assert_str_eq(served(), "server");
    refresh();
    cr_assert_str_eq(served(), "other");
}

Test(tls_refresh, a_certificate_that_has_expired_is_said_to)
{
    struct cert old = cert_make(
        &(struct cert_order){.cn = "old", .issuer = &ca, .from_days = -9, .until_days = -1});
    replace_with(&old);
    refresh();
    const char *line = logged();
    cr_assert(lines_match(line, "warn  listener here: ~read again (expired 20~\n"), "%s", line);
    cr_assert_str_eq(served(), "old");
    cert_fini(&old);
}

/* Also one that has begun before, and one that outlives the listener. */
Test(tls_refresh, connections_go_on)
{
    pair_begin(&p, context, &(struct pair_how){.cert = &client});
    replace_with(&other);
    refresh();
    context = tls_context_unref(context);
    pair_talk(&p);
    cr_assert(tls_is_up(p.tls));
    pair_say(&p, "hello", 5);
    cr_assert_eq(p.got_len, 5);
}

/* A client whose CA is no longer trusted cannot connect again by resuming its session. */
Test(tls_refresh, a_ca_that_is_taken_away)
{
    struct cert other_ca = cert_make(&(struct cert_order){.cn = "another CA", .ca = true});
    const struct pair_how how = {.cert = &client};
    cr_assert_eq(pair_shake(&p, context, &how), 0);
    SSL_SESSION *session = SSL_get1_session(p.client);
    pair_end(&p);

    cert_write("ca.pem", &other_ca, NULL);
    refresh();
    pair_begin(&p, context, &how);
    SSL_set_session(p.client, session);
    pair_talk(&p);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert(lines_match(tls_why(p.tls), "~not signed~tls_client_ca"), "%s", tls_why(p.tls));
    pair_end(&p);
    SSL_SESSION_free(session);
    cert_fini(&other_ca);
}
