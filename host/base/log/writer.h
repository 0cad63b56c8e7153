/* writer: a thread that appends lines to files, so that no other thread waits for a disk or a
 * reader.
 *
 * An object that is started, not a global: a process that must not have threads leaves it
 * unstarted, and then lines are written as they come, still without waiting. One output that takes
 * nothing (a pipe that is not read, a full disk) does not hold up the others. Its lines wait in a
 * queue of a fixed size; what does not fit is dropped, counted, and reported once there is room.
 */
#ifndef EXTPROCD_BASE_LOG_WRITER_H
#define EXTPROCD_BASE_LOG_WRITER_H

#include "base/log/output.h"

#include <stdarg.h>

struct writer;

/* 0 or -errno. */
int writer_new(struct writer **ret);
/* Writes what is left as writer_stop() does, and closes every output. */
struct writer *writer_free(struct writer *w);

/* Where the writer reports what goes wrong with an output: once when it fails, once when it works
 * again, and the lines that were dropped. Before writer_start(). The function may append lines. */
typedef void writer_say_fn(void *arg, enum extproc_level level, const char *fmt, va_list ap);
void writer_say_to(struct writer *w, writer_say_fn *fn, void *arg);

/* From here on a thread writes. 0 or -errno. */
int writer_start(struct writer *w);
/* Writes what is left, for at most this time; counts the rest as dropped; ends the thread. What
 * comes later is written as before the start. */
void writer_stop(struct writer *w, unsigned timeout_ms);

/* Any thread. Opens every file again under its path, in the writer's thread; a file that cannot be
 * opened is reported, and the old one stays in use. */
void writer_reopen(struct writer *w);

/* 0, or -errno with *ret_why. */
int writer_open(struct writer *w, const struct output_options *options, struct output **ret,
                char ret_why[static FILE_WHY]);
/* What it still holds is written as far as that does not take long; then it is closed. */
void writer_close(struct output *o);

/* Any thread, never waits. Appends the text and a newline. False: dropped, and counted. */
bool writer_append(struct output *o, struct extproc_str line);

#endif
