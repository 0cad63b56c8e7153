/* trial: a plugin whose mode is shadow, in one transaction: it runs beside it, and what it would
 * have done is counted and logged.
 *
 *     transaction ── show(event as the plugins before left it) ──► a transaction of its own, with a
 *                                                                  copy of the event ── its turn
 *                 ── over() ──► ended when nothing waits in it; the log has one line
 *
 * It is a transaction of its own, with its memory, its directions and its waits. So nothing that
 * the plugin does reaches the proxy or the other plugins; it sees what it did itself; and where it
 * waits, the transaction beside it goes on.
 */
#ifndef EXTPROCD_PLUGIN_TRIAL_TRIAL_H
#define EXTPROCD_PLUGIN_TRIAL_TRIAL_H

#include "plugin/run/turn.h"

/* Those of one loop. NULL: out of memory. */
struct trials *trials_new(void);
/* What turns know of it. NULL: all is. */
struct trials_ops *trials_ops(struct trials *all);
/* Ends those that still wait: before the fini() of their plugins. */
void trials_close(struct trials *all);
/* Returns NULL; NULL does nothing. */
struct trials *trials_free(struct trials *all);

#endif
