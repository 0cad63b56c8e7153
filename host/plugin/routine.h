/* routine: what an instance does again and again, apart from transactions. */
#ifndef EXTPROCD_PLUGIN_ROUTINE_H
#define EXTPROCD_PLUGIN_ROUTINE_H

#include <extproc/plugin.h>

struct instance;
struct routine;

/* In init(): fn is called in the pool, ms after this and ms after each of its ends, until
 * routines_stop(). 0, -ENOMEM, or -EOPNOTSUPP: there is no pool. */
int routine_add(struct instance *in, uint32_t ms, void (*fn)(struct extproc_instance *instance));
/* In the loop's thread, before fini(): waits for those that run. */
void routines_stop(struct instance *in);

#endif
