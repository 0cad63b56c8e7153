/* running: which plugin's code a thread runs at the moment, so that a line about the end of the process
 * can name it. One slot per thread, because exit() runs its handlers in the thread that called it. */
#ifndef EXTPROCD_BASE_RUNNING_H
#define EXTPROCD_BASE_RUNNING_H

#include <stddef.h>

/* One [plugin:NAME] section, as messages name it. Lives as long as its plugin may run. */
struct running_plugin {
    const char *name;
    const char *object; /* the shared object's path; NULL: linked in */
    const char *shown;  /* the same for messages: what is hidden of it is masked */
    const char *file;   /* where the section stands; NULL: nowhere  */
    unsigned line;
};

struct running {
    const struct running_plugin *plugin; /* NULL: the host's own code */
    const char *phase;                   /* "load", "init", "request_headers", "fini", ... */
};

extern _Thread_local struct running running;

static inline void running_begin(const struct running_plugin *plugin, const char *phase)
{
    running = (struct running){plugin, phase};
}
static inline void running_end(void)
{
    running.plugin = NULL;
}

#endif
