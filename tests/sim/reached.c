/* reached: counters. */
#include "reached.h"

#include "base/rows.h"

#include <stdatomic.h>
#include <stdio.h>

static const char *const names[N_REACHED] = {
    [REACHED_RESULT] = "result",
    [REACHED_TIMEOUT] = "timeout",
    [REACHED_CANCEL] = "cancel",
    [REACHED_ABANDON] = "abandon",
    [REACHED_DROP] = "drop",
    [REACHED_TWICE] = "twice",
    [REACHED_POOL_FULL] = "pool full",
    [REACHED_RECALL] = "recall",
    [REACHED_OVERLOAD] = "overload",
    [REACHED_HOLD] = "hold",
    [REACHED_HOLD_END] = "hold end",
    [REACHED_MAX_BODY] = "max_body",
    [REACHED_CUT] = "cut",
    [REACHED_HELD_UP] = "held up",
    [REACHED_UNREAD] = "unread",
    [REACHED_LONG_ANSWER] = "long answer",
    [REACHED_MEMORY] = "memory",
    [REACHED_APART] = "apart",
    [REACHED_NEED] = "need",
    [REACHED_RESPOND] = "respond",
    [REACHED_CONTINUE] = "continue",
    [REACHED_CLOSE] = "close",
    [REACHED_STOP] = "stop",
    [REACHED_REST] = "rest",
};
ROWS(names, N_REACHED, 24);

static atomic_uint counts[N_REACHED]; /* results may be dropped in a thread of the pool */

void reached(enum reached what)
{
    atomic_fetch_add(&counts[what], 1);
}

bool reached_all(void)
{
    bool all = true;
    for (enum reached what = 0; what < N_REACHED; what++) {
        printf("%s %u%s", names[what], counts[what], what + 1 < N_REACHED ? ", " : "\n");
        all = all && counts[what] > 0;
    }
    return all;
}
