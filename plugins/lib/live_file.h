/* live_file: a file that a key names, made into a table of the plugin's, and read again when it has
 * changed, without a reload of the service.
 *
 * A thread of the service's looks at it every few seconds (extproc_every()). A file that cannot be
 * read or has a mistake changes nothing: the previous table is kept, and the log says why.
 *
 *     const struct table *table = live_file_begin(&self->file);   ; no callback may block for long,
 *     ...                                                         ; and no lock is held for long:
 *     live_file_end(&self->file);                                 ; copy what is needed
 */
#ifndef EXTPROC_LIB_LIVE_FILE_H
#define EXTPROC_LIB_LIVE_FILE_H

#include <extproc/text.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE_FILE_EVERY_MS = 5000, LIVE_FILE_PLACE = 24 };

/* How a file's text becomes a table. In any thread. */
struct live_file_kind {
    size_t max; /* bytes */
    /* From malloc; the text is freed afterwards. NULL: what is wrong, and in which line. */
    void *(*parse)(struct extproc_str text, size_t *ret_line, const char **ret_why);
    void (*release)(void *table);
};

struct live_file {
    struct extproc_instance *instance;
    const struct live_file_kind *kind;
    const char *key, *path;
    pthread_rwlock_t lock; /* of the table; those that read go first */
    void *table;
    struct stat seen; /* of the file when it was last looked at */
};

/* The next line that is not empty, and not a comment. False: none is left. */
static inline bool live_file_line(struct extproc_str *rest, size_t *line, struct extproc_str *ret)
{
    while (extproc_split(rest, '\n', ret)) {
        ++*line;
        if (ret->len && ret->ptr[ret->len - 1] == '\r')
            ret->len--;
        *ret = extproc_trim(*ret);
        if (ret->len && ret->ptr[0] != '#')
            return true;
    }
    return false;
}

/* The next word of a line; empty: none is left. */
static inline struct extproc_str live_file_word(struct extproc_str *line)
{
    struct extproc_str word = extproc_trim(*line);
    size_t n = 0;
    while (n < word.len && word.ptr[n] != ' ' && word.ptr[n] != '\t')
        n++;
    *line = extproc_from(word, n);
    return extproc_first(word, n);
}

/* ":7", or an empty text: it is about all of the file. */
static inline const char *live_file_place(size_t line, char ret[LIVE_FILE_PLACE])
{
    ret[0] = '\0';
    if (line)
        snprintf(ret, LIVE_FILE_PLACE, ":%zu", line);
    return ret;
}

/* ---- reading it again ------------------------------------------------------------------------ */

static inline bool live_file_differs(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* From malloc. ptr NULL: why. */
static inline struct extproc_str live_file_content(struct live_file *f, int fd,
                                                   const char **ret_why)
{
    struct extproc_str none = {NULL, 0};
    if (fstat(fd, &f->seen) < 0) {
        *ret_why = strerror(errno);
        return none;
    }
    if (!S_ISREG(f->seen.st_mode) || (size_t)f->seen.st_size > f->kind->max) {
        *ret_why = S_ISREG(f->seen.st_mode) ? "file is too large" : "not a regular file";
        return none;
    }
    char *bytes = (char *)malloc((size_t)f->seen.st_size + 1);
    ssize_t n = bytes ? read(fd, bytes, (size_t)f->seen.st_size) : -1;
    if (n >= 0)
        return (struct extproc_str){bytes, (size_t)n};
    *ret_why = bytes ? strerror(errno) : NULL;
    free(bytes);
    return none;
}

/* The same. A FIFO or a device is not opened for long. */
static inline struct extproc_str live_file_bytes(struct live_file *f, const char **ret_why)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct extproc_str text = {NULL, 0};
    if (fd < 0) {
        *ret_why = strerror(errno);
        return text;
    }
    text = live_file_content(f, fd, ret_why);
    close(fd);
    return text;
}

static inline void live_file_swap(struct live_file *f, void *table)
{
    pthread_rwlock_wrlock(&f->lock);
    void *old = f->table;
    f->table = table;
    pthread_rwlock_unlock(&f->lock);
    f->kind->release(old);
}

static inline void live_file_report(struct live_file *f, size_t line, const char *why)
{
    char place[LIVE_FILE_PLACE];
    extproc_instance_log(f->instance, EXTPROC_LEVEL_ERROR,
                         "%s: %s%s: %s (keeping the previous contents)", f->key, f->path,
                         live_file_place(line, place), why ? why : "out of memory");
}

/* For extproc_every(). */
static inline void live_file_refresh(struct live_file *f)
{
    struct stat now;
    const char *why = NULL;
    size_t line = 0;
    void *table = NULL;
    if (stat(f->path, &now) < 0 || !live_file_differs(&now, &f->seen))
        return; /* one that is gone is on its way to be replaced, or is missed at the next start */
    f->seen = now;
    struct extproc_str text = live_file_bytes(f, &why);
    if (text.ptr)
        table = f->kind->parse(text, &line, &why);
    free((char *)(uintptr_t)text.ptr);
    if (table) {
        live_file_swap(f, table);
        extproc_instance_log(f->instance, EXTPROC_LEVEL_INFO, "%s: %s was read again", f->key,
                             f->path);
    } else {
        live_file_report(f, line, why);
    }
}

/* ---- its life -------------------------------------------------------------------------------- */

/* In init(). 0, or -errno: it was reported. */
static inline int live_file_open(struct live_file *f, struct extproc_instance *instance,
                                 const char *key, const struct live_file_kind *kind,
                                 void (*refresh)(struct extproc_instance *instance))
{
    struct extproc_str text = extproc_read_file(instance, key, 0, kind->max);
    const char *why = NULL;
    char place[LIVE_FILE_PLACE];
    size_t line = 0;
    if (!text.ptr)
        return -EINVAL;
    f->instance = instance;
    f->kind = kind;
    f->key = key;
    f->path = extproc_conf(instance, key, 0).ptr;
    if (stat(f->path, &f->seen) < 0)
        f->seen.st_size = -1;
    f->table = kind->parse(text, &line, &why);
    if (!f->table)
        return extproc_conf_refuse(instance, key, 0, "%s%s: %s", f->path,
                                   live_file_place(line, place), why ? why : "out of memory");
    pthread_rwlock_init(&f->lock, NULL);
    return instance->testing ? 0 : extproc_every(instance, LIVE_FILE_EVERY_MS, refresh);
}

/* In fini(), or where init() fails afterwards. Also of one that was never opened. */
static inline void live_file_fini(struct live_file *f)
{
    if (!f->table)
        return;
    f->kind->release(f->table);
    pthread_rwlock_destroy(&f->lock);
}

static inline const void *live_file_begin(struct live_file *f)
{
    pthread_rwlock_rdlock(&f->lock);
    return f->table;
}

static inline void live_file_end(struct live_file *f)
{
    pthread_rwlock_unlock(&f->lock);
}

#endif
