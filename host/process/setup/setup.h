/* setup: a file -> settings and a generation: what every command of extprocd begins with. */
#ifndef EXTPROCD_PROCESS_SETUP_SETUP_H
#define EXTPROCD_PROCESS_SETUP_SETUP_H

#include "plugin/generation.h"
#include "process/setup/settings.h"

struct setup {
    struct arena arena;
    struct settings settings;
    struct loop *loop;     /* of this thread */
    struct writer *writer; /* of the log, and of the files of plugins; not started */
    struct log *log;
    struct pool *pool;   /* for work that blocks */
    struct waits *waits; /* of plugins */
    struct trials *trials;
    struct metrics *metrics;
    struct generation *generation;
    bool busy; /* work of plugins goes on at the end, and uses all of this */
};

/* Reports every error and warning on standard error. testing: plugins connect to nothing, and the
 * log goes to standard error. False: there were errors; nothing is left to undo. */
bool setup_load(const char *file, bool testing, struct setup *ret);
/* At the end of the process: runs every fini() that is owed, and writes the log. Frees it where
 * main() returns; elsewhere it stays, because threads that plugins leave running may use it. */
void setup_fini(struct setup *s);

#endif
