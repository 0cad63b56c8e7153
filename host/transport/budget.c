/* budget: how often something may happen: n times in a burst, and n more times in each period.
 *
 * The budget is refilled evenly, one after another, and not all at the period's end.
 */
#include "transport/budget.h"

bool budget_take(struct budget *b, const struct budget_rate *rate, uint64_t now_ms)
{
    if (rate->n == 0)
        return true;
    uint64_t passed = now_ms - b->since_ms;
    uint64_t back = passed < rate->period_ms ? passed * rate->n / rate->period_ms : rate->n;
    if (back >= b->spent) {
        b->spent = 0;
        b->since_ms = now_ms;
    } else if (back) { /* only complete units; the fraction is kept */
        b->spent -= (uint32_t)back;
        b->since_ms += back * rate->period_ms / rate->n;
    }
    if (b->spent >= rate->n)
        return false;
    b->spent++;
    return true;
}
