/* culprit: the plugin whose code a thread runs, for a line about the end of the process. */
#ifndef EXTPROCD_PROCESS_END_CULPRIT_H
#define EXTPROCD_PROCESS_END_CULPRIT_H

#include "base/loop/loop.h"

struct culprit {
    const struct running_plugin *plugin;
    const char *phase;
    uint64_t ms; /* that it has run for */
};

struct pool;

/* It is looked for in this loop, and among the threads of this pool, from now on; NULL: in none. */
void culprit_in(struct loop *in, const struct pool *threads);
/* Any thread, also in a handler of a signal. False: the loop runs the host's own code. */
bool culprit_find(struct culprit *ret);
/* Of this thread: also false where it is neither the loop's nor one of the pool's. */
bool culprit_here(struct culprit *ret);

#endif
