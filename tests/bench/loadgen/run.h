/* run: what the threads of one run share, and the share of it that each has. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "dialogue.h"
#include "options.h"
#include "pace.h"
#include "tally.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct stream;

/* Whose streams there are: those that are measured, and with --neighbours others on a connection of
 * their own, which are checked and not measured. */
enum party { PARTY_MEASURED, PARTY_NEIGHBOURS, N_PARTIES };

enum run_phase {
    RUN_WARMUP,
    RUN_MEASURE,
    RUN_DRAIN, /* what is open may finish */
    RUN_OVER
};

/* The atomic members are the only ones that change while threads run: the threads write those that
 * begin with n_, main the rest. */
struct run {
    const struct options *opt;
    struct dialogue dialogues[N_PARTIES];
    _Atomic enum run_phase phase;
    _Atomic uint64_t from_ns, until_ns; /* what is measured; UINT64_MAX: not known yet */
    atomic_bool holding;
    atomic_uint n_parked;  /* streams that have their first answer while holding */
    atomic_uint n_working; /* threads that have not ended */
};

/* A thread's, of one party; touched by no other until that thread has ended. */
struct share {
    struct run *run;
    const struct dialogue *dialogue;
    struct stream *spare;
    struct pace pace;
    uint64_t n_begun, n_allowed;
    struct tally tally;
};

uint64_t clock_ns(void);
void sleep_s(double s);

bool share_measures(const struct share *s);
/* May streams begin, now or later? */
bool share_may_begin(const struct share *s);
/* May one begin now? */
bool share_is_due(const struct share *s);
void share_fault(struct share *s, enum fault f, const char *detail);

#endif
