/* count: a plugin that is linked in, and what its callbacks saw. */
#ifndef TESTS_THREADS_COUNT_H
#define TESTS_THREADS_COUNT_H

#include <extproc/plugin.h>

#include <stdatomic.h>

/* Counts chunks and bytes of request bodies; copies the request header x-name into the response
 * header x-counted. */
extern const struct extproc_plugin count_plugin;

extern struct count_seen {
    atomic_uint n_open; /* transactions under way */
    atomic_uint n_fini, n_open_at_fini;
} count_seen;

#endif
