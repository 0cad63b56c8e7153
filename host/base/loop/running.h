/* running: which plugin's code a loop's thread runs at the moment, so that a line about the end of
 * the process can name it. */
#ifndef EXTPROCD_BASE_LOOP_RUNNING_H
#define EXTPROCD_BASE_LOOP_RUNNING_H

#include <stddef.h>
#include <stdint.h>

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
    uint64_t since_ms; /* when the loop's round began: no callback reads a clock */
};

#endif
