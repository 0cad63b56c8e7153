/* budget: how often something may happen: n times in a burst, and n more times in each period. */
#ifndef EXTPROCD_TRANSPORT_BUDGET_H
#define EXTPROCD_TRANSPORT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* n 0: as often as it likes. */
struct budget_rate {
    uint32_t n, period_ms;
};

/* All zero: full. */
struct budget {
    uint32_t spent;
    uint64_t since_ms; /* when `spent` was right */
};

/* Once more. False: it is used up. */
bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms);

#endif
