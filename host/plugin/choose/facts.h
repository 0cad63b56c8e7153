/* facts: what is known of a transaction when its conditions are looked at.
 *
 * Views: they are made for one question.
 */
#ifndef EXTPROCD_PLUGIN_CHOOSE_FACTS_H
#define EXTPROCD_PLUGIN_CHOOSE_FACTS_H

#include "base/loop/loop.h"
#include "http/message/headers.h"
#include "http/message/value.h"
#include "http/phase.h"

/* What is not in the message's maps; absent values as these functions' types have them. */
struct facts_source {
    struct extproc_value (*attribute)(void *arg, struct extproc_str name);
    struct extproc_value (*metadata)(void *arg, struct extproc_str ns); /* a DICT */
    struct extproc_str (*field)(void *arg, const char *name); /* of the stream's metadata */
};

struct facts {
    const char *listener;                   /* NULL: not known */
    const struct headers *headers[N_LANES]; /* NULL: they have not come, or are dropped */
    unsigned status;                        /* of the response; 0: not known */
    const struct facts_source *source;
    void *arg;
    struct arena *arena; /* for values that have to be made */
    struct loop *loop;   /* whose thread asks */
};

#endif
