/* output: one file, FIFO or standard stream that lines are appended to, without ever waiting for
 * it.
 *
 * Lines wait in a queue. A batch of complete lines is one write(2), with O_APPEND if we opened the
 * file. A full disk leaves no partial line: if only a part of a line was written, that part is
 * truncated again, or, where that is not possible (a pipe, a file that we did not open), its rest
 * is written next.
 */
#ifndef EXTPROCD_BASE_LOG_OUTPUT_H
#define EXTPROCD_BASE_LOG_OUTPUT_H

#include "base/config/config.h"
#include "base/file.h"
#include "base/log/queue.h"
#include "base/metrics.h"

#include <stdint.h>

enum output_state {
    OUTPUT_OPEN,    /* takes what it gets, as far as is known    */
    OUTPUT_BLOCKED, /* until poll(2) says that it takes more     */
    OUTPUT_FAILED   /* the last write failed; tried again later  */
};

struct output {
    struct queue queue;
    char *path; /* NULL: a standard stream */
    char *name; /* as messages have it */
    const char *what;
    struct metric *dropped; /* may be NULL: nothing counts */
    int fd;                 /* -1: the standard stream was closed when we began */
    dev_t device;           /* which file it is: several outputs may lead to one */
    ino_t inode;
    bool cuts;     /* a regular file that we have opened              */
    bool may_wait; /* write(2) on it could wait: the descriptor is shared */
    _Atomic enum output_state state;
    int error; /* FAILED: errno */
    uint64_t retry_ms;
    uint64_t said_ms;           /* when dropped lines were reported last */
    _Atomic uint64_t n_dropped; /* that have not been reported */
    _Atomic bool closing;       /* its owner has left */
    uint64_t close_ms;          /* and what is left by then is dropped */
    struct output *next;
    struct writer *writer;
};

struct output_options {
    const char *path;  /* appended to, created with 0640; "stdout", "stderr": the service's own */
    const char *shown; /* the path as messages may have it; NULL: as it is */
    const char *what;  /* "log lines": in "12 log lines dropped"; a literal */
    size_t size;       /* of the queue in bytes, a power of two */
    struct metric *dropped; /* counts the lines that were dropped; NULL: none */
};

/* What an entry of an ini file names: one of the service's own, or a path, relative to that file.
 * NULL: out of memory. */
const char *output_path(struct arena *arena, const struct config_entry *entry, const char *path);

/* Could it be opened? Leaves no trace. 0, or -errno with *ret_why. */
int output_check(const char *path, char ret_why[static FILE_WHY]);

/* The same. */
int output_new(const struct output_options *options, struct output **ret,
               char ret_why[static FILE_WHY]);
struct output *output_free(struct output *o);

/* Is there something to write, and reason to believe that it can be? */
bool output_is_due(struct output *o, uint64_t now_ms);

/* A part of a line is written, and its rest has to follow before anything else comes into that
 * file. */
bool output_is_torn(const struct output *o);
bool output_is_same_file(const struct output *a, const struct output *b);

/* Writes until the queue is empty, or nothing more is taken; the state says which. */
void output_write(struct output *o, uint64_t now_ms);

/* Opens the file again under its path. 0, or -errno with *ret_why: the old one stays in use. */
int output_reopen(struct output *o, char ret_why[static FILE_WHY]);

/* Counts lines as dropped. */
void output_drop(struct output *o, uint64_t n);

#endif
