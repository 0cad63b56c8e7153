/* tls: one connection's TLS, from bytes to bytes: it has no socket. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct tls_context;
struct tls;

/* The most bytes that a record fed in pieces may return when its last byte comes. */
enum { TLS_HELD = 16384 };

/* NULL: out of memory. It keeps what it needs of the context. */
struct tls *tls_new(struct tls_context *context);
struct tls *tls_free(struct tls *t);

/* Takes all `len` bytes that the client sent, and writes their plaintext, at most `len` + TLS_HELD
 * bytes, into `plain`, which may overlap `bytes` if it begins TLS_HELD before them. The caller then
 * sends our part of the handshake: tls_out(). 0; -ECONNRESET: the client has sent close_notify;
 * -EPROTO: see tls_why(), and tls_out() has an alert for the client; -ENOMEM. After an error
 * nothing more can be fed; *ret_len is valid in every case. */
int tls_feed(struct tls *t, const uint8_t *bytes, size_t len, uint8_t *plain, size_t *ret_len);
/* Encrypts. Not before the handshake is over. 0, -EPROTO or -ENOMEM. */
int tls_wrap(struct tls *t, const struct iovec *parts, size_t n_parts);
/* Ends our side (close_notify). */
void tls_end(struct tls *t);

/* The bytes to send; they are valid until the next call of any function of `t` except these. */
struct extproc_str tls_out(const struct tls *t);
/* All of it was sent, or copied. */
void tls_out_taken(struct tls *t);

/* The handshake is over: the client is who it has to be, and speaks HTTP/2. */
bool tls_is_up(const struct tls *t);
/* True if every record that was fed is complete. */
bool tls_is_clean(const struct tls *t);
/* What was wrong, for the log: "the client's certificate has expired", ...; valid until
 * tls_free(). */
const char *tls_why(const struct tls *t);

#endif
