/* file: the one way to open a file that a configuration names. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- what is wrong --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int refuse(int r, char why[static FILE_WHY],
                                                        const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, FILE_WHY, fmt, ap);
    va_end(ap);
    return r;
}

static int refuse_errno(int error, char why[static FILE_WHY])
{
    return refuse(-error, why, "%s", strerror(error));
}

static const char *kind_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a regular file";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFCHR:
        return "a character device";
    case S_IFBLK:
        return "a block device";
    default:
        return "a socket";
    }
}

static int refuse_kind(mode_t mode, const char *expected, char why[static FILE_WHY])
{
    return refuse(S_ISDIR(mode) ? -EISDIR : -EINVAL, why, "is %s, expected %s", kind_name(mode),
                  expected);
}

/* open() says of a socket, and of a FIFO without a reader, that there is no such device. */
static int refuse_open(int error, const char *path, const char *expected, char why[static FILE_WHY])
{
    struct stat st;
    if (!*path)
        return refuse(-error, why, "the path is empty");
    if ((error == ENXIO || error == EISDIR) && stat(path, &st) == 0)
        return refuse_kind(st.st_mode, expected, why);
    return refuse_errno(error, why);
}

static int refuse_size(size_t max, char why[static FILE_WHY])
{
    static const char units[] = {0, 'k', 'm'};
    size_t unit = 0;
    while (unit + 1 < sizeof units && max % 1024 == 0)
        max /= 1024, unit++;
    return refuse(-EFBIG, why, "exceeds %zu%.1s", max, unit ? &units[unit] : "");
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *expected_of(enum file_kinds kinds)
{
    return kinds == FILE_REGULAR ? "a regular file" : "a regular file or a pipe";
}

/* /dev/null is the usual name of an empty file. */
static bool is_null(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static bool allows(enum file_kinds kinds, const struct stat *st)
{
    return S_ISREG(st->st_mode) || is_null(st) ||
           (kinds == FILE_REGULAR_OR_PIPE && S_ISFIFO(st->st_mode));
}

static int open_to_read(const char *path, enum file_kinds kinds, size_t max, struct stat *ret_stat,
                        char why[static FILE_WHY])
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r = 0;
    if (fd < 0)
        return refuse_open(errno, path, expected_of(kinds), why);
    if (fstat(fd, ret_stat) < 0)
        r = refuse_errno(errno, why);
    else if (!allows(kinds, ret_stat))
        r = refuse_kind(ret_stat->st_mode, expected_of(kinds), why);
    else if ((uint64_t)ret_stat->st_size > max)
        r = refuse_size(max, why);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

int file_open(const char *path, enum file_kinds kinds, size_t max, char ret_why[static FILE_WHY])
{
    struct stat st;
    return open_to_read(path, kinds, max, &st, ret_why);
}

/* read(2) that waits where a pipe is empty but has writers. */
static ssize_t read_some(int fd, char *to, size_t size)
{
    for (;;) {
        ssize_t n = read(fd, to, size);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN))
            return n;
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    }
}

/* Room for `size` bytes and a NUL. */
static bool grow(struct file_bytes *bytes, size_t size)
{
    char *larger = realloc(bytes->ptr, size + 1);
    if (larger)
        bytes->ptr = larger;
    return larger;
}

/* By the bytes that are read, not by the size of stat(2): a pipe, and a file of /proc, has none. */
static int read_all(int fd, size_t max, struct file_bytes *bytes, char why[static FILE_WHY])
{
    /* One byte more than is expected, or allowed, to see the end, or that there is more. */
    size_t size = bytes->stat.st_size > 0 ? (size_t)bytes->stat.st_size + 1 : 4096;
    if (size > max)
        size = max + 1;
    while (grow(bytes, size)) {
        ssize_t n = read_some(fd, bytes->ptr + bytes->len, size - bytes->len);
        if (n < 0)
            return refuse_errno(errno, why);
        bytes->len += (size_t)n;
        bytes->ptr[bytes->len] = '\0';
        if (n == 0)
            return 0;
        if (bytes->len > max)
            return refuse_size(max, why);
        if (bytes->len == size)
            size = size < max / 2 ? 2 * size : max + 1;
    }
    return refuse_errno(ENOMEM, why);
}

int file_read(const char *path, enum file_kinds kinds, size_t max, struct file_bytes *ret,
              char ret_why[static FILE_WHY])
{
    struct file_bytes bytes = {0};
    int fd = open_to_read(path, kinds, max, &bytes.stat, ret_why);
    if (fd < 0)
        return fd;
    int r = read_all(fd, max, &bytes, ret_why);
    close(fd);
    if (r == 0)
        *ret = bytes;
    else
        free(bytes.ptr);
    return r;
}

/* ---- appending ------------------------------------------------------------------------------- */

static const char appendable[] = "a regular file, a FIFO or a character device";

enum { APPEND = O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

static bool is_fifo(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Linux opens a FIFO for both ends without waiting for either; and while we hold it, a reader that
 * leaves breaks nothing. */
static int open_to_append(const char *path, int create)
{
    int fd = open(path, (is_fifo(path) ? O_RDWR : O_WRONLY | create) | APPEND, 0640);
    return fd < 0 ? -errno : fd;
}

static int check_appendable(int fd, char why[static FILE_WHY])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return refuse_errno(errno, why);
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return refuse_kind(st.st_mode, appendable, why);
    return 0;
}

int file_open_append(const char *path, char ret_why[static FILE_WHY])
{
    int fd = open_to_append(path, O_CREAT);
    if (fd < 0)
        return refuse_open(-fd, path, appendable, ret_why);
    int r = check_appendable(fd, ret_why);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int check_directory(const char *path, char why[static FILE_WHY])
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!directory)
        return refuse_errno(ENOMEM, why);
    int r = access(directory, W_OK | X_OK) < 0 ? refuse_errno(errno, why) : 0;
    free(directory);
    return r;
}

int file_check_append(const char *path, char ret_why[static FILE_WHY])
{
    int fd = open_to_append(path, 0);
    if (fd == -ENOENT && *path)
        return check_directory(path, ret_why);
    if (fd < 0)
        return refuse_open(-fd, path, appendable, ret_why);
    int r = check_appendable(fd, ret_why);
    close(fd);
    return r;
}

/* ---- standard output and error --------------------------------------------------------------- */

/* A regular file is only shared, since where it is written next is shared as well; a socket cannot
 * be opened again. */
int file_open_standard(int number, bool *ret_may_wait)
{
    char path[32];
    struct stat st;
    if (fstat(number, &st) < 0)
        return -1;
    *ret_may_wait = false;
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", number);
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    *ret_may_wait = !S_ISREG(st.st_mode);
    return fcntl(number, F_DUPFD_CLOEXEC, 3);
}
