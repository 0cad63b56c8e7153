/* budget: how often something may happen: so many times at once, and then so many a second. */
#ifndef EXTPROCD_TRANSPORT_BUDGET_H
#define EXTPROCD_TRANSPORT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* What a budget holds when it is full, and what comes back. */
struct budget_rate {
    uint32_t burst, per_s;
};

/* All zero: full. */
struct budget {
    uint32_t spent;
    uint64_t since_ms; /* when `spent` was right */
};

/* Once more. False: it is used up. */
bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms);

#endif
