/* would: what a plugin in shadow would have done in a transaction: counted, and one line of the
 * log. */
#ifndef EXTPROCD_PLUGIN_TRIAL_WOULD_H
#define EXTPROCD_PLUGIN_TRIAL_WOULD_H

#include "plugin/run/turn.h"

enum { WOULD_TEXT = 768 };

/* All zero: nothing. */
struct would {
    char text[WOULD_TEXT]; /* members of a JSON array */
    size_t len;
    bool truncated;
};

/* A turn of its own transaction is done. */
void would_note(struct would *would, const struct turn *turn);
/* One line, if there was something. */
void would_log(const struct would *would, struct txn *t);

#endif
