/* defer: the ways in which a plugin begins to wait, and whether the host must let it. */
#ifndef EXTPROCD_TESTS_SIM_DEFER_H
#define EXTPROCD_TESTS_SIM_DEFER_H

#include <extproc/plugin.h>

/* The callback waits in one way or another, or does not after all. */
enum extproc_action defer_somehow(struct extproc_txn *x);

#endif
