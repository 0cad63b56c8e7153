/* log: lines for the operator, as text or JSON, to standard error or a file.
 *
 * Lines go through a writer's queue, so the caller never waits for a disk or a reader, and
 * lines of several threads do not mix. What repeats is limited: of the same message some pass in a
 * window of time, of one format some more, and the next one that passes says how many were
 * suppressed (log_limit.h). Lines of standard error that leads to the journal begin with their
 * priority (sd-daemon(3)).
 */
#ifndef EXTPROCD_BASE_LOG_LOG_H
#define EXTPROCD_BASE_LOG_LOG_H

#include <extproc/plugin.h>

#include <stdarg.h>
#include <stdbool.h>

struct log;
struct metric;
struct writer;

struct log_options {
    enum extproc_level level; /* lines below it are dropped            */
    bool json;
    const char *file;  /* a path, "stdout", "stderr"; NULL: standard error       */
    const char *shown; /* the file as messages may have it; NULL: as it is */
    struct writer
        *writer; /* whose reports become lines of this log; NULL: one of its own, unstarted */
    struct metric *dropped; /* counts lines that did not fit; NULL: none */
};

/* Where a line comes from; what is absent is omitted. */
struct log_context {
    const char *listener;           /* its section name                */
    const char *peer;               /* a connection's address          */
    struct extproc_str transaction; /* x-request-id, or one of our own */
    const char *chain;              /* its section name                */
    const char *plugin;             /* the instance's section name     */
    const char *phase;              /* "request_headers", ...          */
    uint32_t stream;                /* its number on the connection, before it has a transaction */
};

/* 0, or -errno where the file cannot be opened. */
int log_new(const struct log_options *options, struct log **ret);
/* A writer that was handed in must be stopped before. */
struct log *log_free(struct log *log);

/* Any thread. Reports how many lines were suppressed and not yet reported. At the stop. */
void log_settle(struct log *log);

/* Is a line of this level written at all? */
bool log_wants(const struct log *log, enum extproc_level level);

/* Any thread. A NULL log drops the line; context NULL: none. The text is escaped (escape.h). */
EXTPROC_PRINTF(4, 5)
void log_line(struct log *log, enum extproc_level level, const struct log_context *context,
              const char *fmt, ...);
EXTPROC_PRINTF(4, 0)
void log_vline(struct log *log, enum extproc_level level, const struct log_context *context,
               const char *fmt, va_list ap);
/* The same of a text that is there already. Lines with the same key count as the same text; absent:
 * those with the same text do. */
void log_text(struct log *log, enum extproc_level level, const struct log_context *context,
              struct extproc_str key, struct extproc_str text);

#endif
