/* chaos: a plugin that does in each callback what chance says, right or wrong, and demands that
 * what it sees and gets is what must follow from what was done before.
 */
#ifndef EXTPROCD_TESTS_SIM_CHAOS_H
#define EXTPROCD_TESTS_SIM_CHAOS_H

#include <extproc/plugin.h>

/* Edits with this name, and metadata with this key, are made in callbacks that are undone: no
 * message may have them. */
#define CHAOS_UNDONE    "undone"
#define CHAOS_NAMESPACE "chaos"

/* A header with the number of the transaction, in both directions. */
#define CHAOS_ID "x-request-id"

extern const struct extproc_plugin chaos;
/* The same for requests, whose bodies it needs complete. */
extern const struct extproc_plugin chaos_needy;

/* For a new round, of three instances. */
void chaos_begin(void);
/* Every open() has had its close(), and the routines have run as often as they had to by now. */
void chaos_end(void);
void chaos_check_routines(uint64_t now_ms);

#endif
