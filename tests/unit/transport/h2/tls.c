/* One connection's TLS: the handshake however its bytes come, bytes both ways, the end, and clients
 * that have us work for nothing. */
#include "transport/h2/channel/tls/tls.h"

#include "unit/transport/h2/tls_scene.h"

TestSuite(tls, .init = given_a_server, .fini = end_the_server);
TestSuite(tls_demanding, .init = given_a_server_for_some, .fini = end_the_server);

/* ---- the handshake --------------------------------------------------------------------------- */

Test(tls, a_connection_in_each_version)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        expect_up(&(struct pair_how){.version = version, .trusts = &ca});
        cr_assert_eq(SSL_version(p.client), version);
        const unsigned char *protocol;
        unsigned len;
        SSL_get0_alpn_selected(p.client, &protocol, &len);
        cr_assert(len == 2 && memcmp(protocol, "h2", 2) == 0);
        pair_end(&p);
    }
}

Test(tls, a_handshake_byte_by_byte)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pair_begin(&p, context, &(struct pair_how){.version = version});
        p.step = 1;
        pair_talk(&p);
        cr_assert(tls_is_up(p.tls), "%s", tls_why(p.tls));
        pair_say(&p, "hello", 5);
        cr_assert_arr_eq(p.got, "hello", 5);
        pair_end(&p);
    }
}

/* The client's first flight in two pieces, cut at every byte. */
Test(tls, a_handshake_split_at_every_byte)
{
    size_t len = 2;
    for (size_t cut = 1; cut < len; cut++) {
        pair_begin(&p, context, &(struct pair_how){0});
        const uint8_t *hello = pair_sealed(&p, &len);
        pair_feed(&p, hello, cut);
        cr_assert_eq(tls_out(p.tls).len, 0);
        pair_feed(&p, hello + cut, len - cut);
        (void)BIO_reset(SSL_get_wbio(p.client));
        pair_talk(&p);
        cr_assert(tls_is_up(p.tls), "cut at %zu: %s", cut, tls_why(p.tls));
        pair_end(&p);
    }
}

Test(tls, garbage_is_refused_whatever_it_is)
{
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[600] = {SSL3_RT_HANDSHAKE, 3, 1, 2, 0, SSL3_MT_CLIENT_HELLO, 0, 1, 0xfc};
        for (size_t j = i % 2 ? 9 : 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        pair_begin(&p, context, &(struct pair_how){0});
        pair_feed(&p, bytes, sizeof bytes);
        cr_assert_not(tls_is_up(p.tls));
        cr_assert_eq(p.got_len, 0);
        pair_end(&p);
    }
}

/* Every byte of the client's hello, changed: refused, or it made no difference. */
Test(tls, a_changed_handshake)
{
    for (size_t at = 0, len = 1; at < len; at++) {
        pair_begin(&p, context, &(struct pair_how){0});
        pair_sealed(&p, &len)[at] ^= 0x55;
        pair_talk(&p);
        cr_assert_not(tls_is_up(p.tls) && !SSL_is_init_finished(p.client));
        pair_end(&p);
    }
}

Test(tls, a_client_that_goes_in_the_middle)
{
    pair_begin(&p, context, &(struct pair_how){0});
    size_t len;
    const uint8_t *hello = pair_sealed(&p, &len);
    pair_feed(&p, hello, len - 1);
    cr_assert_eq(p.end, 0);
    cr_assert_not(tls_is_up(p.tls));
    tls_end(p.tls); /* says nothing to who has not said who it is */
    cr_assert_eq(tls_out(p.tls).len, 0);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

enum { MUCH = 1 << 20 };
static uint8_t much[MUCH];

static void fill(void)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < MUCH; i++)
        much[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
}

Test(tls, much_from_the_client)
{
    fill();
    static const size_t steps[] = {0, 1, 7000, 16405, 262144};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pair_shake(&p, context, &(struct pair_how){0});
        p.step = steps[i];
        pair_say(&p, much, MUCH);
        cr_assert_eq(p.got_len, MUCH);
        cr_assert(memcmp(p.got, much, MUCH) == 0);
        pair_end(&p);
    }
}

Test(tls, much_to_the_client)
{
    fill();
    pair_shake(&p, context, &(struct pair_how){0});
    pair_wrap(&p, much, MUCH);
    cr_assert_lt(tls_out(p.tls).len, MUCH + MUCH / 100);
    pair_talk(&p);
    cr_assert_eq(p.got_by_client_len, MUCH);
    cr_assert(memcmp(p.got_by_client, much, MUCH) == 0);
    cr_assert_eq(tls_out(p.tls).len, 0);
}

/* As HTTP/2 writes them: a small part, a large one, and so on. */
Test(tls, parts_are_joined)
{
    fill();
    struct iovec parts[64];
    size_t len = 0;
    for (size_t i = 0; i < 64; i++) {
        parts[i] = (struct iovec){much + len, i % 3 == 2 ? 0 : i % 3 ? 16384 : 9};
        len += parts[i].iov_len;
    }
    pair_shake(&p, context, &(struct pair_how){0});
    cr_assert_eq(tls_wrap(p.tls, parts, 64), 0);
    size_t n_records = (len + 16383) / 16384;
    cr_assert_eq(tls_out(p.tls).len, len + n_records * 22); /* as few records as possible */
    pair_talk(&p);
    cr_assert_eq(p.got_by_client_len, len);
    cr_assert(memcmp(p.got_by_client, much, len) == 0);
}

Test(tls, nothing_is_wrapped_as_nothing)
{
    pair_shake(&p, context, &(struct pair_how){0});
    struct iovec none = {NULL, 0};
    cr_assert_eq(tls_wrap(p.tls, &none, 1), 0);
    cr_assert_eq(tls_wrap(p.tls, NULL, 0), 0);
    cr_assert_eq(tls_out(p.tls).len, 0);
    pair_feed(&p, "", 0);
    cr_assert_eq(p.end, 0);
}

Test(tls, bytes_that_come_with_the_end_of_the_handshake)
{
    pair_begin(&p, context, &(struct pair_how){.version = TLS1_3_VERSION});
    pair_collect(&p);
    pair_deliver(&p);
    size_t n;
    cr_assert(SSL_write_ex(p.client, "early", 5, &n));
    pair_collect(&p);
    cr_assert(tls_is_up(p.tls));
    cr_assert_eq(p.got_len, 5);
}

Test(tls, a_record_that_was_changed)
{
    pair_shake(&p, context, &(struct pair_how){0});
    size_t n, len;
    SSL_write_ex(p.client, "good", 4, &n);
    SSL_write_ex(p.client, "evil", 4, &n);
    uint8_t *sealed = pair_sealed(&p, &len);
    sealed[len - 1] ^= 1;
    pair_talk(&p);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert_eq(p.got_len, 4); /* what came before it counts */
    cr_assert_eq(p.alert, SSL_AD_BAD_RECORD_MAC);
    cr_assert_str_eq(tls_why(p.tls),
                     "a TLS record of the client was modified, or not encrypted as agreed");
    cr_assert_eq(tls_wrap(p.tls, &(struct iovec){much, 1}, 1), -EPROTO);
}

/* ---- the end --------------------------------------------------------------------------------- */

Test(tls, the_client_ends)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pair_shake(&p, context, &(struct pair_how){.version = version});
        size_t n;
        SSL_write_ex(p.client, "last", 4, &n);
        SSL_shutdown(p.client);
        pair_talk(&p);
        cr_assert_eq(p.end, -ECONNRESET);
        cr_assert_eq(p.got_len, 4);
        tls_end(p.tls);
        pair_talk(&p);
        cr_assert_eq(SSL_get_shutdown(p.client), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        pair_end(&p);
    }
}

Test(tls, we_end)
{
    pair_shake(&p, context, &(struct pair_how){0});
    pair_wrap(&p, "last", 4);
    tls_end(p.tls);
    size_t len = tls_out(p.tls).len;
    tls_end(p.tls); /* once */
    cr_assert_eq(tls_out(p.tls).len, len);
    pair_talk(&p);
    cr_assert_eq(p.got_by_client_len, 4);
    cr_assert_eq(SSL_get_shutdown(p.client), SSL_RECEIVED_SHUTDOWN);
    pair_say(&p, "more", 4); /* it need not have seen it */
    cr_assert_eq(p.end, 0);
    cr_assert_eq(p.got_len, 4);
}

Test(tls, the_client_ends_in_the_handshake)
{
    static const char close_notify[] = "\25\3\3\0\2\1\0";
    pair_begin(&p, context, &(struct pair_how){.version = TLS1_2_VERSION});
    pair_collect(&p);
    pair_feed(&p, close_notify, sizeof close_notify - 1);
    cr_assert_eq(p.end, -ECONNRESET);
    cr_assert_str_eq(tls_why(p.tls), "closed by the client");
}

/* ---- work for nothing ------------------------------------------------------------------------ */

static void update_key(void)
{
    cr_assert(SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED));
    SSL_do_handshake(p.client);
}

Test(tls, keys_may_be_changed_now_and_then)
{
    pair_shake(&p, context, &(struct pair_how){.version = TLS1_3_VERSION});
    for (int i = 0; i < 200; i++) {
        update_key();
        pair_say(&p, "x", 1);
        cr_assert_eq(p.end, 0, "%s", tls_why(p.tls));
        pair_wrap(&p, "y", 1);
        pair_talk(&p);
    }
    cr_assert_eq(p.got_len, 200);
    cr_assert_eq(p.got_by_client_len, 200);
}

Test(tls, keys_may_not_be_all_that_is_changed)
{
    for (size_t step = 0; step < 2; step++) {
        pair_shake(&p, context, &(struct pair_how){.version = TLS1_3_VERSION});
        p.step = step;
        int n = 0;
        for (; n < 200 && p.end == 0; n++) {
            update_key();
            pair_talk(&p);
        }
        cr_assert_eq(p.end, -EPROTO);
        cr_assert_lt(n, 50);
        cr_assert(lines_match(tls_why(p.tls), "~too many TLS records~"), "%s", tls_why(p.tls));
        pair_end(&p);
    }
}

Test(tls, a_renegotiation)
{
    pair_shake(&p, context, &(struct pair_how){.version = TLS1_2_VERSION});
    cr_assert(SSL_renegotiate(p.client));
    SSL_do_handshake(p.client);
    pair_collect(&p);
    cr_assert_eq(p.end, -EPROTO);
    cr_assert(lines_match(tls_why(p.tls), "~renegotiate~"), "%s", tls_why(p.tls));
}

Test(tls, a_session_is_not_resumed)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pair_shake(&p, context, &(struct pair_how){.version = version});
        SSL_SESSION *session = SSL_get1_session(p.client);
        cr_assert_not(SSL_SESSION_has_ticket(session));
        pair_end(&p);
        pair_begin(&p, context, &(struct pair_how){.version = version});
        SSL_set_session(p.client, session);
        pair_talk(&p);
        cr_assert(tls_is_up(p.tls));
        cr_assert_not(SSL_session_reused(p.client));
        pair_end(&p);
        SSL_SESSION_free(session);
    }
}

/* ---- no memory ------------------------------------------------------------------------------- */

/* A complete connection; our end may make `memory` allocations. True: that was enough. */
static bool lives_with(long memory)
{
    static const uint8_t answer[20000];
    struct iovec part = {(void *)(uintptr_t)answer, sizeof answer};
    pair_begin(&p, context, &(struct pair_how){.cert = &client});
    p.memory = memory + 1;
    pair_talk(&p);
    if (p.end == 0) {
        cr_assert(tls_is_up(p.tls));
        pair_say(&p, "hello", 5);
    }
    if (p.end == 0) {
        cr_assert_eq(p.got_len, 5);
        allocations_left = p.memory;
        p.end = tls_wrap(p.tls, &part, 1);
        tls_end(p.tls);
        p.memory = allocations_left;
        fail_no_more();
    }
    cr_assert(p.end == 0 || p.end == -ENOMEM || (p.end == -EPROTO && *tls_why(p.tls)));
    pair_end(&p);
    return p.memory > 0;
}

Test(tls_demanding, memory_that_runs_out)
{
    cr_assert(failing_is_off || !lives_with(0));
    lives_with(1 << 20); /* what OpenSSL sets up once */
    for (long n = 0; !failing_is_off && !lives_with(n); n += 1 + n / 32)
        cr_assert_lt(n, 1 << 20);
}

Test(tls, no_memory_for_a_connection)
{
    long n = 0;
    do {
        fail_after(n++);
        p.tls = tls_new(context);
        fail_no_more();
        cr_assert_lt(n, 1000);
    } while (!p.tls);
    cr_assert(failing_is_off || n > 2);
}
