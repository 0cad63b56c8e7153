/* chaos: a plugin that does in each callback what chance says, right or wrong. */
#ifndef EXTPROCD_TESTS_SIM_CHAOS_H
#define EXTPROCD_TESTS_SIM_CHAOS_H

#include <extproc/plugin.h>

/* A number below n; the same sequence for the same seed. */
uint32_t chance(uint32_t n);
void chance_begin(uint64_t seed);

/* Edits with this name are made in callbacks that fail: no message may have it. */
#define CHAOS_UNDONE "x-undone"

extern const struct extproc_plugin chaos;

/* Waits that were not resumed: how many, and resumes one of them. */
size_t chaos_n_waits(void);
void chaos_resume_one(void);

/* What has become of waits, since the beginning. */
extern struct chaos_counts {
    unsigned deferred, resumed, timed_out, dropped;
    unsigned opened, closed;
} chaos_counts;

#endif
