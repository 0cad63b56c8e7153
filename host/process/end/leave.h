/* leave: how the process ends, as the service means it or as a plugin makes it. */
#ifndef EXTPROCD_PROCESS_END_LEAVE_H
#define EXTPROCD_PROCESS_END_LEAVE_H

#include "plugin/generation.h"

/* Builds that look at the end for leaks, or write down what they have counted, return from
 * main(). */
#ifdef EXTPROCD_RETURNS
enum { LEAVE_RETURNS = true };
#else
enum { LEAVE_RETURNS = false };
#endif

/* For what the log and the files of plugins still have to write at the end. */
enum { LEAVE_WRITE_MS = 1000 };

/* First of all: from now on exit(), quick_exit() and pthread_exit() in a plugin are reported with
 * the plugin's name, and end the process with EXIT_BAD. */
void leave_watch(void);
/* The same, now that these plugins are loaded. log NULL: lines go to standard error; generation
 * NULL: no plugins are known. The writer is stopped, so that the log's lines are written. */
void leave_knows(struct log *log, struct writer *writer, const struct generation *generation);
/* Reports that the main thread ends; for pthread_cleanup_push() in main(). */
void leave_thread_ended(void *unused);

/* Writes what is buffered and ends the process with this status, by _exit(). Returns it where
 * main() has to return. */
int leave(int status);

#endif
