/* reached: how often the rounds came to what they are to try, so that a change of the simulation or
 * of the host does not leave it out in silence.
 */
#ifndef EXTPROCD_TESTS_SIM_REACHED_H
#define EXTPROCD_TESTS_SIM_REACHED_H

#include <stdbool.h>

enum reached {
    REACHED_RESULT,      /* a callback went on with a result    */
    REACHED_TIMEOUT,     /* ... when its time was over          */
    REACHED_CANCEL,      /* one stopped waiting                 */
    REACHED_ABANDON,     /* ... since its plugin has failed     */
    REACHED_DROP,        /* a result was dropped                */
    REACHED_TWICE,       /* a wait was resumed twice            */
    REACHED_POOL_FULL,   /* work was refused                    */
    REACHED_RECALL,      /* work was dropped before it began    */
    REACHED_OVERLOAD,    /* too much was held for one to wait   */
    REACHED_HOLD,        /* a plugin held a body                */
    REACHED_HOLD_END,    /* ... the end of one                  */
    REACHED_MAX_BODY,    /* ... more than it may                */
    REACHED_CUT,         /* trailers cut a held body            */
    REACHED_HELD_UP,     /* a client was held up                */
    REACHED_UNREAD,      /* a client left answers unread        */
    REACHED_LONG_ANSWER, /* an answer was too long              */
    REACHED_MEMORY,      /* a transaction had used its memory   */
    REACHED_APART,       /* a callback was run in the pool      */
    REACHED_NEED,        /* a body would not come as needed     */
    REACHED_RESPOND,     /* a failure became a response         */
    REACHED_CONTINUE,    /* ... was passed over                 */
    REACHED_CLOSE,       /* ... closed the stream               */
    REACHED_STOP,        /* the service stopped                 */
    REACHED_REST,        /* what is held was known, and not 0   */
    N_REACHED
};

void reached(enum reached what);
/* Prints them; false: there is one that was never reached. */
bool reached_all(void);

#endif
