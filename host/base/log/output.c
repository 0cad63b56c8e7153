/* output: one file, FIFO or standard stream that lines are appended to, without ever waiting for
 * it. */
#include "base/log/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MAX = 64 * 1024, RETRY_MS = 1000 };

/* ---- opening --------------------------------------------------------------------------------- */

/* 0: it is a path. */
static int standard_stream(const char *path)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {
        {"stdout", STDOUT_FILENO},
        {"stderr", STDERR_FILENO},
        {"/dev/stdout", STDOUT_FILENO},
        {"/dev/stderr", STDERR_FILENO},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i].name) == 0)
            return names[i].number;
    return 0;
}

const char *output_path(struct arena *arena, const struct config_entry *entry, const char *path)
{
    return standard_stream(path) ? path : config_path(arena, entry, path);
}

int output_check(const char *path, char ret_why[static FILE_WHY])
{
    return standard_stream(path) ? 0 : file_check_append(path, ret_why);
}

static void take(struct output *o, int fd)
{
    struct stat st = {0};
    bool known = fstat(fd, &st) == 0;
    o->fd = fd;
    o->cuts = o->path && known && S_ISREG(st.st_mode);
    o->device = st.st_dev;
    o->inode = st.st_ino;
}

static int open_path(struct output *o, char why[static FILE_WHY])
{
    int fd = file_open_append(o->path, why);
    if (fd < 0)
        return fd;
    take(o, fd);
    return 0;
}

static const char *name_of(const struct output_options *options, int standard)
{
    if (standard)
        return standard == STDOUT_FILENO ? "standard output" : "standard error";
    return options->shown ? options->shown : options->path;
}

/* A standard stream that was closed when we began stays closed: by now its number may be another
 * file's. */
static int output_init(struct output *o, const struct output_options *options,
                       char why[static FILE_WHY])
{
    int standard = standard_stream(options->path);
    o->what = options->what;
    o->dropped = options->dropped;
    o->name = strdup(name_of(options, standard));
    o->path = standard ? NULL : strdup(options->path);
    if (!o->name || (!o->path && !standard))
        return -ENOMEM;
    if (standard)
        take(o, file_open_standard(standard, &o->may_wait));
    int r = standard ? 0 : open_path(o, why);
    return r < 0 ? r : queue_init(&o->queue, options->size);
}

int output_new(const struct output_options *options, struct output **ret,
               char ret_why[static FILE_WHY])
{
    struct output *o = calloc(1, sizeof *o);
    int r = -ENOMEM;
    if (o) {
        o->fd = -1;
        r = output_init(o, options, ret_why);
    }
    if (r == -ENOMEM)
        strcpy(ret_why, "out of memory");
    if (r == 0)
        *ret = o;
    else if (o)
        output_free(o);
    return r;
}

struct output *output_free(struct output *o)
{
    if (o->fd >= 0)
        close(o->fd);
    if (o->queue.bytes)
        queue_fini(&o->queue);
    free(o->path);
    free(o->name);
    free(o);
    return NULL;
}

int output_reopen(struct output *o, char ret_why[static FILE_WHY])
{
    int old = o->fd;
    if (!o->path)
        return 0;
    int r = open_path(o, ret_why);
    if (r < 0)
        return r;
    close(old);
    queue_rewind(&o->queue); /* the old file has a part of a line, the new one gets all of it */
    if (o->state == OUTPUT_BLOCKED)
        o->state = OUTPUT_OPEN;
    o->retry_ms = 0;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

bool output_is_due(struct output *o, uint64_t now_ms)
{
    if (o->state == OUTPUT_BLOCKED || (o->state == OUTPUT_FAILED && now_ms < o->retry_ms))
        return false;
    return queue_len(&o->queue) > 0;
}

bool output_is_torn(const struct output *o)
{
    return o->queue.done > 0;
}

bool output_is_same_file(const struct output *a, const struct output *b)
{
    return a->inode != 0 && a->device == b->device && a->inode == b->inode;
}

static bool takes_more(const struct output *o)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    return !o->may_wait || poll(&p, 1, 0) != 0;
}

/* At most PIPE_BUF bytes are one piece for a pipe, also with other writers, and do not wait where
 * poll(2) sees room. */
static ssize_t write_some(struct output *o, size_t *ret_len)
{
    struct iovec parts[2];
    *ret_len = queue_peek(&o->queue, o->cuts ? BATCH_MAX : PIPE_BUF, parts);
    if (*ret_len == 0)
        return 0;
    if (!takes_more(o)) {
        errno = EAGAIN;
        return -1;
    }
    if (o->may_wait && parts[0].iov_len > PIPE_BUF)
        parts[0].iov_len = PIPE_BUF;
    if (o->may_wait && parts[1].iov_len > PIPE_BUF - parts[0].iov_len)
        parts[1].iov_len = PIPE_BUF - parts[0].iov_len;
    return writev(o->fd, parts, 2);
}

/* Cuts the part of a line off that was written before the disk was full, unless others have written
 * since. */
static void cut(struct output *o)
{
    struct stat st;
    off_t end = lseek(o->fd, 0, SEEK_CUR); /* where the last write of ours ended */
    off_t complete = end - (off_t)o->queue.done;
    if (o->queue.done > 0 && complete >= 0 && fstat(o->fd, &st) == 0 && st.st_size == end &&
        ftruncate(o->fd, complete) == 0)
        queue_rewind(&o->queue);
}

static void fail(struct output *o, int error, uint64_t now_ms)
{
    if (o->cuts)
        cut(o);
    o->state = OUTPUT_FAILED;
    o->error = error;
    o->retry_ms = now_ms + RETRY_MS;
}

void output_write(struct output *o, uint64_t now_ms)
{
    for (;;) {
        size_t len;
        ssize_t n = write_some(o, &len);
        if (len == 0) {
            o->state = OUTPUT_OPEN;
            return;
        }
        if (n > 0) {
            queue_written(&o->queue, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            o->state = OUTPUT_BLOCKED;
            return;
        } else if (n == 0 || errno != EINTR) {
            fail(o, n < 0 ? errno : EIO, now_ms);
            return;
        }
    }
}

void output_drop(struct output *o, uint64_t n)
{
    o->n_dropped += n;
    if (o->dropped)
        metric_add(o->dropped, n);
}
