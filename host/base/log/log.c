/* log: lines for the operator, to standard error or a file. */
#include "base/log/log.h"

#include "base/log/log_format.h"
#include "base/log/log_limit.h"
#include "base/log/writer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 8 * 1024, KIND_MAX = 64, QUEUE_SIZE = 1024 * 1024 };

struct log {
    enum extproc_level level;
    bool json, owns_writer;
    bool priority; /* the journal reads it, and takes a level from the beginning of a line */
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

/* systemd sets this variable when a stream of the service is connected to the journal: device:inode
 * of the stream (systemd.exec(5)). A child may have replaced the stream by another, so both are
 * compared. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
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
    log->priority =
        (!options->file || strcmp(options->file, "stderr") == 0) && is_journal(STDERR_FILENO);
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
        log_settle(log);
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

static bool log_passes(struct log *log, struct log_record *record, const char *fmt)
{
    const char *plugin = record->context.plugin;
    uint64_t kind = log_limit_key(log_limit_key(0, plugin), fmt) + (uint64_t)record->level;
    const struct log_limit_line line = {
        .kind = kind,
        .message = log_limit_message_key(kind, record->text),
        .level = record->level,
        .plugin = plugin,
        .text = record->text,
    };
    return record->level == EXTPROC_LEVEL_DEBUG ||
           log_limit_pass(&log->limit, &line, monotonic_ms(), &record->left_out);
}

static void log_write(struct log *log, struct log_record *record)
{
    char line[LOG_LINE_MAX];
    record->priority = log->priority;
    clock_gettime(CLOCK_REALTIME, &record->time);
    size_t len = log_format(record, log->json, line);
    writer_append(log->output, (struct extproc_str){line, len - 1}); /* which adds the newline */
}

void log_vline(struct log *log, enum extproc_level level, const struct log_context *context,
               const char *fmt, va_list ap)
{
    struct log_record record = {.level = level};
    char text[TEXT_MAX];
    int saved_errno = errno; /* a log line must not change the caller's errno */
    if (!log_wants(log, level))
        return;
    if (context)
        record.context = *context;
    int len = vsnprintf(text, sizeof text, fmt, ap);
    record.text_len = len < 0 ? 0 : (size_t)len;
    record.text.ptr = text;
    record.text.len = record.text_len < sizeof text ? record.text_len : sizeof text - 1;
    if (log_passes(log, &record, fmt))
        log_write(log, &record);
    errno = saved_errno;
}

void log_text(struct log *log, enum extproc_level level, const struct log_context *context,
              struct extproc_str key, struct extproc_str text)
{
    struct log_record record = {.level = level, .text = text, .text_len = text.len};
    char kind[KIND_MAX];
    int saved_errno = errno;
    if (!log_wants(log, level))
        return;
    if (context)
        record.context = *context;
    if (record.text.len >= TEXT_MAX)
        record.text.len = TEXT_MAX - 1;
    snprintf(kind, sizeof kind, "%.*s", EXTPROC_ARG(key.ptr ? key : text));
    if (log_passes(log, &record, kind))
        log_write(log, &record);
    errno = saved_errno;
}

/* The first suppressed line is written in the end, with the number of the others. */
void log_settle(struct log *log)
{
    struct log_limit_slot owed;
    while (log && log_limit_take(&log->limit, &owed)) {
        struct log_record record = {
            .level = owed.level,
            .context.plugin = *owed.plugin ? owed.plugin : NULL,
            .text = {owed.sample, owed.sample_len},
            .text_len = owed.sample_len,
            .left_out = owed.left_out - 1,
        };
        log_write(log, &record);
    }
    unsigned n_forgotten = log ? log_limit_forgotten(&log->limit) : 0;
    if (n_forgotten > 0)
        log_line(log, EXTPROC_LEVEL_INFO, NULL, "%u messages of other kinds suppressed",
                 n_forgotten);
}

void log_line(struct log *log, enum extproc_level level, const struct log_context *context,
              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_vline(log, level, context, fmt, ap);
    va_end(ap);
}
