/* watch: a thread that names, in the log, a plugin that blocks a loop's thread: while it blocks,
 * since it may never return.
 *
 * It looks every 50 ms, so that no callback has to read a clock. Of a call that is there in two
 * looks it knows that it has gone on for the time between them, which is what it reports. While
 * the loop's thread rests (loop_rests()) it sleeps.
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

/* The part that needs no thread: what one look after another finds. */
struct watch_state {
    uint64_t since_ms, report_ms; /* of the call that was there at the last look */
};
/* What is to be noted of a call: RUNNING_UNSEEN (nothing), RUNNING_SEEN, or the milliseconds since
 * then, which are to be reported: when they exceed its plugin's timeout, and then whenever they
 * have doubled. */
uint64_t watch_look(struct watch_state *state, const struct running_look *look, uint64_t now_ms);

#endif
