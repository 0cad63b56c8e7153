/* Connections to a listener of TLS whose client speaks something else, or nothing. */
#include "unit/transport/h2/certs.h"
#include "unit/transport/h2/peer.h"

static char dir[] = "/tmp/extprocd-tls-conn-XXXXXX", cert_file[64], key_file[64];
static const struct transport_tls rules = {.cert = cert_file, .key = key_file};
static struct rig rig = {.name = "h2"};

static void begin(void)
{
    struct cert server = cert_make(&(struct cert_order){.cn = "server"});
    cr_assert_not_null(mkdtemp(dir));
    snprintf(cert_file, sizeof cert_file, "%s/cert.pem", dir);
    snprintf(key_file, sizeof key_file, "%s/key.pem", dir);
    cert_write(cert_file, &server, NULL);
    key_write(key_file, &server, NULL);
    cert_fini(&server);
    rig.listener.tls = rules;
    rig_start(&rig);
}

static void end(void)
{
    rig_end(&rig);
    unlink(cert_file);
    unlink(key_file);
    rmdir(dir);
}

static void begin_impatient(void)
{
    rig.listener.limits.handshake_ms = 50;
    begin();
}

TestSuite(tls_conn, .init = begin, .fini = end);
TestSuite(tls_conn_impatient, .init = begin_impatient, .fini = end);

enum { TLS_ALERT = 21, TLS_FATAL = 2 };

/* The server's words until it has closed: how many bytes. */
static size_t hear_out(int fd, uint8_t *bytes, size_t size)
{
    size_t len = 0;
    for (ssize_t n; len < size && (n = recv(fd, bytes + len, size - len, 0)) > 0;)
        len += (size_t)n;
    close(fd);
    return len;
}

/* What the server says to a client that says this. */
static size_t answer_to(const void *said, size_t said_len, uint8_t *bytes, size_t size)
{
    int fd = peer_dial(rig.target);
    cr_assert_eq(send(fd, said, said_len, MSG_NOSIGNAL), (ssize_t)said_len);
    shutdown(fd, SHUT_WR);
    return hear_out(fd, bytes, size);
}

static void expect_failed(void)
{
    cr_expect_eq(rig_counted(&rig, "tls_failed"), 1);
    cr_expect_eq(rig_counted(&rig, "handshake_timeout_exceeded"), 0);
}

Test(tls_conn, cleartext_is_not_answered_and_counted)
{
    uint8_t bytes[256];
    cr_expect_eq(answer_to(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN, bytes, sizeof bytes), 0);
    expect_failed();
}

/* In the language of TLS, and before the connection is closed: so the client can say what is
 * wrong. */
Test(tls_conn, an_invalid_hello_is_answered_with_an_alert)
{
    static const uint8_t hello[] = {22, 3, 1, 0, 5, 1, 0, 0, 1, 0};
    uint8_t bytes[256];
    cr_assert_eq(answer_to(hello, sizeof hello, bytes, sizeof bytes), 7);
    cr_expect_eq(bytes[0], TLS_ALERT);
    cr_expect_eq(bytes[5], TLS_FATAL);
    expect_failed();
}

Test(tls_conn_impatient, a_client_that_says_nothing_is_left)
{
    uint8_t bytes[256];
    cr_expect_eq(hear_out(peer_dial(rig.target), bytes, sizeof bytes), 0);
    cr_expect_eq(rig_counted(&rig, "handshake_timeout_exceeded"), 1);
    cr_expect_eq(rig_counted(&rig, "tls_failed"), 0);
}

/* Half of a hello is a handshake that does not come to its end. */
Test(tls_conn_impatient, a_client_that_stops_in_its_hello_is_left)
{
    static const uint8_t hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    uint8_t bytes[256];
    int fd = peer_dial(rig.target);
    cr_assert_eq(send(fd, hello, sizeof hello, MSG_NOSIGNAL), (ssize_t)sizeof hello);
    hear_out(fd, bytes, sizeof bytes);
    cr_expect_eq(rig_counted(&rig, "handshake_timeout_exceeded"), 1);
}
