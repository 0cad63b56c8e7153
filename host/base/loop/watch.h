/* watch: a thread that names, in the log, a plugin that blocks a loop's thread: while it blocks,
 * since it may never return.
 *
 * It looks every 50 ms, so that no callback has to read a clock. Of a call that is there in two
 * looks it knows that it has gone on for the time between them, which is what it reports.
 */
#ifndef EXTPROCD_BASE_LOOP_WATCH_H
#define EXTPROCD_BASE_LOOP_WATCH_H

#include "base/loop/loop.h"

struct log;
struct watch;

/* log, loop and the plugins that run in it must stay until watch_stop(). 0 or -errno. */
int watch_start(struct loop *loop, struct log *log, struct watch **ret);
/* NULL does nothing. */
struct watch *watch_stop(struct watch *watch);

/* The part that needs no thread: what one look after another finds. All zero: nothing so far. */
struct watch_state {
    uint32_t run; /* that was there at the last look */
    uint64_t since_ms, report_ms;
};
/* True: this call has taken *ret_ms, and is to be reported: when it exceeds its plugin's timeout,
 * and then whenever that has doubled. */
bool watch_look(struct watch_state *state, const struct running_look *look, uint64_t now_ms,
                uint64_t *ret_ms);

#endif
