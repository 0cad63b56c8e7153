/* log: lines for the operator, to standard error or a file. */
#include "base/log.h"

#include "base/log_format.h"
#include "base/log_limit.h"
#include "base/writer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXT_MAX = 8 * 1024, QUEUE_SIZE = 1024 * 1024 };

struct log {
    enum extproc_level level;
    bool json, owns_writer;
    struct writer *writer;
    struct output *output;
    struct log_limit limit;
};

EXTPROC_PRINTF(3, 0)
static void say(void *log, enum extproc_level level, const char *fmt, va_list ap)
{
    log_vline(log, level, NULL, fmt, ap);
}

static int log_open(struct log *log, const struct log_options *options)
{
    const struct output_options to = {.path = options->file ? options->file : "stderr",
                                      .shown = options->shown,
                                      .what = "log lines",
                                      .size = QUEUE_SIZE,
                                      .dropped = options->dropped};
    char why[FILE_WHY];
    int r = log->owns_writer ? writer_new(&log->writer) : 0;
    if (r == 0)
        r = writer_open(log->writer, &to, &log->output, why);
    if (r == 0)
        writer_say_to(log->writer, say, log);
    return r;
}

int log_new(const struct log_options *options, struct log **ret)
{
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return -ENOMEM;
    log->level = options->level;
    log->json = options->json;
    log->writer = options->writer;
    log->owns_writer = !options->writer;
    log_limit_init(&log->limit);
    int r = log_open(log, options);
    if (r < 0)
        log_free(log);
    else
        *ret = log;
    return r;
}

struct log *log_free(struct log *log)
{
    if (!log)
        return NULL;
    if (log->output) {
        writer_say_to(log->writer, NULL, NULL);
        writer_close(log->output);
    }
    if (log->owns_writer)
        writer_free(log->writer);
    log_limit_fini(&log->limit);
    free(log);
    return NULL;
}

bool log_wants(const struct log *log, enum extproc_level level)
{
    return log && level >= log->level;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool log_passes(struct log *log, enum extproc_level level, const char *plugin,
                       const char *fmt, unsigned *ret_left_out)
{
    if (level == EXTPROC_LEVEL_DEBUG)
        return true;
    uint64_t key = log_limit_key(log_limit_key(0, plugin), fmt) + (uint64_t)level;
    return log_limit_pass(&log->limit, key, monotonic_ms(), ret_left_out);
}

void log_vline(struct log *log, enum extproc_level level, const struct log_context *context,
               const char *fmt, va_list ap)
{
    struct log_record record = {.level = level};
    char text[TEXT_MAX], line[LOG_LINE_MAX];
    int saved_errno = errno; /* a log line is no reason for a caller's errno to change */

    if (context)
        record.context = *context;
    if (!log_wants(log, level) ||
        !log_passes(log, level, record.context.plugin, fmt, &record.left_out))
        return;

    int len = vsnprintf(text, sizeof text, fmt, ap);
    record.text_len = len < 0 ? 0 : (size_t)len;
    record.text.ptr = text;
    record.text.len = record.text_len < sizeof text ? record.text_len : sizeof text - 1;
    clock_gettime(CLOCK_REALTIME, &record.time);
    size_t line_len = log_format(&record, log->json, line);
    writer_append(log->output,
                  (struct extproc_str){line, line_len - 1}); /* which adds the newline */
    errno = saved_errno;
}

void log_line(struct log *log, enum extproc_level level, const struct log_context *context,
              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_vline(log, level, context, fmt, ap);
    va_end(ap);
}
