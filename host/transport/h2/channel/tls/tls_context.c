/* tls_context: the SSL_CTX of a listener, and the next one when its files change.
 *
 * stat() follows symbolic links: a Kubernetes secret is a link that is swapped. It is called before
 * the files are read, so that a change in between is seen the next time; and its result is kept
 * even if the files are invalid, so that each change is tried, and logged, once.
 *
 * A connection keeps the SSL_CTX that it began with until it ends. What the SSL_CTX does not hold
 * (the methods of its BIO, and the rules) belongs to the context, which lives until its last user
 * is gone.
 */
#include "transport/h2/channel/tls/tls_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 1000, DATE_TEXT = 32 };

/* ---- life ------------------------------------------------------------------------------------ */

static void look(const struct transport_tls *rules, struct stat seen[N_TLS_FILES])
{
    const char *files[N_TLS_FILES] = {rules->cert, rules->key, rules->client_ca};
    for (int i = 0; i < N_TLS_FILES; i++)
        if (!files[i] || stat(files[i], &seen[i]))
            seen[i] = (struct stat){0};
}

int tls_context_new(const struct transport_tls *rules, struct arena *arena,
                    struct tls_context **ret, const char **ret_why, const char **ret_file)
{
    const char *why = strerror(ENOMEM), *file = rules->cert;
    struct tls_context *context = calloc(1, sizeof *context);
    int r = -ENOMEM;
    if (!context)
        goto out;
    context->rules = rules;
    context->n_refs = 1;
    context->methods = tls_bio_new();
    if (!context->methods)
        goto out;
    look(rules, context->seen);
    r = tls_load(rules, arena, &context->ssl, &why, &file);
out:
    if (r) {
        tls_context_unref(context);
        *ret_why = why;
        *ret_file = file;
        return r;
    }
    *ret = context;
    return 0;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    context->n_refs++;
    return context;
}

struct tls_context *tls_context_unref(struct tls_context *context)
{
    if (!context || --context->n_refs > 0)
        return NULL;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->methods);
    free(context);
    return NULL;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The time is that of the last change of any kind: a chmod() may be what a file was waiting for. */
static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool has_changed(struct tls_context *context)
{
    struct stat now[N_TLS_FILES];
    bool same = true;
    look(context->rules, now);
    for (int i = 0; i < N_TLS_FILES; i++)
        same &= is_same(&now[i], &context->seen[i]);
    memcpy(context->seen, now, sizeof now);
    return !same;
}

static void log_success(const struct tls_context *context, struct log *log, const char *name)
{
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(context->ssl));
    bool expired = X509_cmp_current_time(end) < 0;
    char date[DATE_TEXT] = "?";
    struct tm tm;
    if (ASN1_TIME_to_tm(end, &tm))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    log_line(log, expired ? EXTPROC_LEVEL_WARN : EXTPROC_LEVEL_INFO, NULL,
             "listener %s: TLS certificate read again (%s %s)", name,
             expired ? "expired" : "expires", date);
}

static void read_again(struct tls_context *context, struct log *log, const char *name)
{
    struct arena arena;
    SSL_CTX *ssl;
    const char *why, *file;
    arena_init(&arena, 256);
    int r = tls_load(context->rules, &arena, &ssl, &why, &file);
    if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
        memset(context->seen, 0, sizeof context->seen); /* no fault of theirs: try again */
    if (r) {
        log_line(log, EXTPROC_LEVEL_ERROR, NULL,
                 "listener %s: TLS: %s: %s; keeping the previous certificate", name,
                 tls_file_name(context->rules, file), why);
    } else {
        SSL_CTX_free(context->ssl);
        context->ssl = ssl;
        log_success(context, log, name);
    }
    arena_fini(&arena);
}

void tls_context_refresh(struct tls_context *context, uint64_t now_ms, struct log *log,
                         const char *name)
{
    if (now_ms < context->next_look_ms)
        return;
    context->next_look_ms = now_ms + LOOK_MS;
    if (has_changed(context))
        read_again(context, log, name);
}
