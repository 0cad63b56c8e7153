#include "transport/budget.h"

#include <criterion/criterion.h>

static const struct budget_rate rate = {10, 5000};

static unsigned take_all(struct budget *b, uint64_t now_ms)
{
    unsigned n = 0;
    while (n < 1000 && budget_take(b, &rate, now_ms))
        n++;
    return n;
}

Test(budget, is_full_at_first)
{
    struct budget b = {0};
    cr_assert_eq(take_all(&b, 123456), 10);
    cr_assert_eq(take_all(&b, 123456), 0);
}

Test(budget, comes_back_with_time)
{
    struct budget b = {0};
    take_all(&b, 1000);
    cr_assert_eq(take_all(&b, 1499), 0);
    cr_assert_eq(take_all(&b, 1500), 1);
    cr_assert_eq(take_all(&b, 3000), 3);
    cr_assert_eq(take_all(&b, 1000000), 10);
}

Test(budget, loses_no_part_of_one_by_being_asked_often)
{
    struct budget b = {0};
    unsigned n = 0;
    take_all(&b, 0);
    for (uint64_t t = 0; t <= 10000; t += 7)
        n += take_all(&b, t);
    cr_assert_eq(n, 19);
}

Test(budget, none_is_never_used_up)
{
    const struct budget_rate none = {0};
    struct budget b = {0};
    for (unsigned i = 0; i < 100; i++)
        cr_assert(budget_take(&b, &none, 1));
    cr_assert_eq(b.spent, 0);
}
