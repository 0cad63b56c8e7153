/* Wherever in its dialogue a client stops, in cleartext or in TLS: its descriptor is free within
 * the times that are configured, and the service's end takes no longer than its limit. */
#include "unit/transport/h2/certs.h"
#include "unit/transport/h2/peer.h"

#include <dirent.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

enum { BYTES_MAX = 16384, DRAIN_MS = 300 };

static struct rig rig = {.name = "h2"};
static struct transport_limits *const limits = &rig.listener.limits;
static char dir[] = "/tmp/extprocd-prefixes-XXXXXX";
static struct transport_tls tls = {.cert = "cert.pem", .key = "key.pem"};
static struct cert server;
static uint8_t dialogue[BYTES_MAX];
static size_t dialogue_len;
static size_t step_ends[16]; /* of what a client sends in one write, and in one record */
static int n_steps;
static int fds[2 * BYTES_MAX];
static size_t n_fds;

static void step_to(const uint8_t *end)
{
    dialogue_len = (size_t)(end - dialogue);
    step_ends[n_steps++] = dialogue_len;
}

/* All that a client says in one transaction, with a header block in two frames and a message in
 * two. */
static void write_dialogue(void)
{
    uint8_t block[512], message[64], *p = dialogue;
    size_t block_len = peer_put_request(block, (struct peer_request){0});
    size_t message_len = peer_put_message(message, "1 message");
    p = mempcpy(p, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    p += peer_put_frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    step_to(p);
    p += peer_put_frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    p += peer_put_frame(p, NGHTTP2_HEADERS, 0, 1, block, 20);
    step_to(p);
    p += peer_put_frame(p, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block + 20,
                        block_len - 20);
    p += peer_put_frame(p, NGHTTP2_DATA, 0, 1, message, 7);
    step_to(p);
    p += peer_put_frame(p, NGHTTP2_DATA, 0, 1, message + 7, message_len - 7);
    p += peer_put_frame(p, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, NULL, 0);
    step_to(p);
}

static void begin(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    server = cert_make(&(struct cert_order){.cn = "server"});
    cert_write("cert.pem", &server, NULL);
    key_write("key.pem", &server, NULL);
    write_dialogue();
}

static void end(void)
{
    char command[64];
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    cert_fini(&server);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(prefixes, .init = begin, .fini = end, .timeout = 120);

/* ---- clients that stop ----------------------------------------------------------------------- */

static int dial(void)
{
    return fds[n_fds++] = peer_dial(rig.target);
}

static void cut_clear(size_t len)
{
    struct peer p = {.fd = dial()};
    peer_send(&p, dialogue, len);
}

/* A TLS client between two buffers; only some of its bytes are sent. */
struct cut {
    SSL *ssl;
    int fd;
    size_t n_left; /* that may be sent yet */
    size_t n_sent;
};

/* Sends what there is, as far as it may. */
static void cut_send(struct cut *cut)
{
    uint8_t bytes[BYTES_MAX];
    int n = BIO_read(SSL_get_wbio(cut->ssl), bytes, sizeof bytes);
    size_t len = n > 0 ? (size_t)n : 0;
    len = len < cut->n_left ? len : cut->n_left;
    if (len && send(cut->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len) {
        cut->n_left -= len;
        cut->n_sent += len;
    }
}

static bool cut_receive(struct cut *cut)
{
    uint8_t bytes[BYTES_MAX];
    ssize_t n = recv(cut->fd, bytes, sizeof bytes, 0);
    return n > 0 && BIO_write(SSL_get_rbio(cut->ssl), bytes, (int)n) == n;
}

static bool cut_shake(struct cut *cut)
{
    for (;;) {
        int r = SSL_do_handshake(cut->ssl);
        cut_send(cut);
        if (r == 1 || !cut->n_left || !cut_receive(cut))
            return r == 1;
    }
}

/* How many bytes it has sent: all of them, or `len`. */
static size_t cut_sealed(SSL_CTX *ctx, size_t len)
{
    struct cut cut = {.ssl = SSL_new(ctx), .fd = dial(), .n_left = len};
    SSL_set_bio(cut.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(cut.ssl);
    SSL_set_alpn_protos(cut.ssl, (const uint8_t *)"\2h2", 3);
    bool up = cut_shake(&cut);
    for (int i = 0; up && i < n_steps; i++) {
        size_t from = i ? step_ends[i - 1] : 0;
        SSL_write(cut.ssl, dialogue + from, (int)(step_ends[i] - from));
        cut_send(&cut);
    }
    SSL_free(cut.ssl);
    return cut.n_sent;
}

static void cut_all_clear(void)
{
    for (size_t len = 0; len <= dialogue_len; len++)
        cut_clear(len);
}

static void cut_all_sealed(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    size_t all = cut_sealed(ctx, SIZE_MAX);
    cr_assert_gt(all, dialogue_len + 300);
    for (size_t len = 0; len < all; len++)
        cut_sealed(ctx, len);
    SSL_CTX_free(ctx);
}

/* ---- what becomes of them -------------------------------------------------------------------- */

static size_t n_descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* The clients never close: it is the server's ends that must go. */
static void expect_freed(size_t n_before)
{
    struct timespec deadline = rig_deadline(), now, pause = {.tv_nsec = 5000000};
    while (n_descriptors() > n_before + n_fds) {
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "%zu are held",
                     n_descriptors() - n_before - n_fds);
        nanosleep(&pause, NULL);
    }
}

static void expect_counted(const char *counter)
{
    cr_assert_geq(rig_counted(&rig, counter), 1, "%s", counter);
}

static void given_short_times(void)
{
    limits->handshake_ms = limits->first_message_ms = limits->idle_ms = 200;
    limits->age_ms = 400;
    limits->grace_ms = 200;
}

static void check_freed(void (*cut_all)(void))
{
    given_short_times();
    rig_start(&rig);
    size_t n_before = n_descriptors();
    cut_all();
    expect_freed(n_before);
    expect_counted("handshake_timeout_exceeded");
    expect_counted("first_message_timeout_exceeded");
    expect_counted("max_connection_age_exceeded");
    rig_end(&rig);
}

Test(prefixes, are_freed)
{
    check_freed(cut_all_clear);
}

Test(prefixes, of_tls_are_freed)
{
    rig.listener.tls = tls;
    check_freed(cut_all_sealed);
}

static void do_drain(void *arg)
{
    rig.ops->drain(rig.t, DRAIN_MS);
}

/* All times are long, or there are none: the drain alone ends them. */
static void check_drained(void (*cut_all)(void))
{
    limits->handshake_ms = limits->first_message_ms = 3600000;
    rig_start(&rig);
    cut_all();
    loop_post(&rig.loop, do_drain, NULL, NULL);
    rig_join(&rig);
}

Test(prefixes, do_not_hold_up_the_end)
{
    check_drained(cut_all_clear);
}

Test(prefixes, of_tls_do_not_hold_up_the_end)
{
    rig.listener.tls = tls;
    check_drained(cut_all_sealed);
}

/* Of a record whose last byte is missing nothing reaches HTTP/2. The first connection stays: it is
 * idle, and nothing limits that here. */
Test(prefixes, a_record_without_its_end)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    rig.listener.tls = tls;
    limits->first_message_ms = 100;
    n_steps = 1;
    rig_start(&rig);
    size_t all = cut_sealed(ctx, SIZE_MAX), n_before = n_descriptors() - n_fds;
    n_steps = 2;
    for (size_t len = all + 1; cut_sealed(ctx, len) == len; len++)
        ;
    expect_freed(n_before);
    SSL_CTX_free(ctx);
    rig_end(&rig);
}
