/* tls_context: a listener's certificate, key and rules for clients; read again when the files
 * change. */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_CONTEXT_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_CONTEXT_H

#include "base/arena.h"
#include "transport/transport.h"

struct tls_context;

/* 0; or -errno with *ret_why (in the arena) saying what is wrong, and *ret_file with which file. A
 * certificate that has expired is taken: there are clients that do not mind. Borrows the rules, for
 * as long as there are connections. */
int tls_context_new(const struct transport_tls *rules, struct arena *arena,
                    struct tls_context **ret, const char **ret_why, const char **ret_file);
/* Each connection has a reference of its own, and may go on without those of others. */
struct tls_context *tls_context_ref(struct tls_context *context);
struct tls_context *tls_context_unref(struct tls_context *context);

/* Checks whether the files have changed, at most once a second, and uses the new files for new
 * connections; `name` is the listener's, for the log. If the new files are invalid (half written,
 * say), the old ones stay in use; that is logged once for each change. */
void tls_context_refresh(struct tls_context *context, uint64_t now_ms, struct log *log,
                         const char *name);

/* As transport_ops.check_tls has it. */
const char *tls_check(const struct transport_tls *rules, struct arena *arena,
                      const char **ret_file);
/* As transport_ops.tls_name has it. */
const char *tls_name(const struct transport_tls *rules, struct arena *arena, const char **ret_kind);

#endif
