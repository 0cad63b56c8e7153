#include "transport/h2/channel/gather.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct gather gather;
static uint8_t large[GATHER_LEND];

static struct outgoing *message(void)
{
    return calloc(1, sizeof(struct outgoing));
}

Test(gather, small_things_become_one_part)
{
    gather_copy(&gather, "one", 3);
    gather_lend(&gather, (const uint8_t *)"two", 3);
    cr_assert_eq(gather.n_parts, 1);
    cr_assert_eq(gather.len, 6);
    cr_assert(memcmp(gather.parts[0].iov_base, "onetwo", 6) == 0);
}

Test(gather, large_ones_stay_where_they_lie)
{
    gather_copy(&gather, "one", 3);
    gather_lend(&gather, large, sizeof large);
    gather_copy(&gather, "two", 3);
    cr_assert_eq(gather.n_parts, 3);
    cr_assert_eq(gather.parts[1].iov_base, large);
    cr_assert_eq(gather.len, 6 + sizeof large);
}

Test(gather, has_room_for_any_frame_until_it_says_no)
{
    /* The worst: pieces that are just too large to be copied, each followed by a small one. */
    while (gather_has_room(&gather))
        for (size_t n = 0; n + sizeof large + 9 <= GATHER_FRAME; n += sizeof large + 9) {
            gather_copy(&gather, large, 9);
            gather_lend(&gather, large, sizeof large);
        }
    cr_assert_leq(gather.n_parts, GATHER_PARTS);
    gather_reset(&gather);
    while (gather_has_room(&gather))
        for (size_t n = 0; n < GATHER_FRAME; n++)
            gather_copy(&gather, large, 1);
    cr_assert_leq(gather.n_copied, GATHER_BYTES);
}

Test(gather, what_is_spent_stays_until_the_end)
{
    gather_spend(&gather, message()); /* nothing shows it */
    cr_assert_null(gather.spent);
    gather_copy(&gather, "one", 3);
    gather_spend(&gather, message());
    gather_spend(&gather, message());
    cr_assert_not_null(gather.spent);
    gather_reset(&gather);
    cr_assert_null(gather.spent);
    cr_assert_eq(gather.len, 0);
}
