/* log: lines for the operator, to standard error or a file.
 *
 * The descriptor keeps its number for as long as the log lives: a reopened file takes the place of
 * the old one with dup3(2), which is atomic, so writers need no lock and never see a closed one.
 * Standard error is used through a descriptor of our own: where it was closed when we began, its
 * number may by now belong to somebody's connection.
 */
#include "base/log.h"

#include "base/log_format.h"
#include "base/log_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 8 * 1024 };

struct log {
    enum extproc_level level;
    bool json;
    char *file; /* NULL: standard error */
    int fd;     /* -1: standard error is closed */
    struct log_limit limit;
};

static int log_open(const char *file)
{
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    return fd < 0 ? -errno : fd;
}

int log_new(const struct log_options *options, struct log **ret)
{
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return -ENOMEM;
    log->level = options->level;
    log->json = options->json;
    log_limit_init(&log->limit);

    int r = 0;
    if (options->file) {
        log->file = strdup(options->file);
        log->fd = r = log->file ? log_open(log->file) : -ENOMEM;
    } else {
        log->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    }
    if (r < 0) {
        log_free(log);
        return r;
    }
    *ret = log;
    return 0;
}

struct log *log_free(struct log *log)
{
    if (!log)
        return NULL;
    if (log->fd >= 0)
        close(log->fd);
    log_limit_fini(&log->limit);
    free(log->file);
    free(log);
    return NULL;
}

int log_reopen(struct log *log)
{
    if (!log->file)
        return 0;
    int fd = log_open(log->file);
    if (fd < 0)
        return fd;
    int r = dup3(fd, log->fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return r;
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
    if (level == EXTPROC_DEBUG)
        return true;
    uint64_t key = log_limit_key(log_limit_key(0, plugin), fmt) + (uint64_t)level;
    return log_limit_pass(&log->limit, key, monotonic_ms(), ret_left_out);
}

/* More than one write(2) only where the system takes a line in pieces (a pipe that is full). */
static void log_write(int fd, const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, line, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
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
    log_write(log->fd, line, log_format(&record, log->json, line));
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
