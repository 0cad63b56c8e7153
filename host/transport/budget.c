/* budget: how often something may happen: so many times at once, and then so many a second. */
#include "transport/budget.h"

bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms)
{
    uint64_t back = (now_ms - b->since_ms) * rate->per_s / 1000;
    if (b->spent == 0 || back >= b->spent) {
        b->spent = 0;
        b->since_ms = now_ms;
    } else if (back) { /* only whole ones: a part of one goes on growing */
        b->spent -= (uint32_t)back;
        b->since_ms += back * 1000 / rate->per_s;
    }
    if (b->spent >= rate->burst)
        return false;
    b->spent++;
    return true;
}
