/* wants: what an instance reads and writes beside the messages: attributes, dynamic metadata, the
 * metadata of streams.
 *
 * The proxy sends and accepts only what its configuration names, so a command prints it.
 */
#ifndef EXTPROCD_PLUGIN_TEMPLATE_WANTS_H
#define EXTPROCD_PLUGIN_TEMPLATE_WANTS_H

#include "base/arena.h"

enum want_kind {
    WANT_ATTRIBUTE,       /* by its name */
    WANT_METADATA,        /* a namespace that the proxy sends */
    WANT_METADATA_WRITE,  /* a namespace that the proxy accepts */
    WANT_STREAM_METADATA, /* a name of the metadata that its streams begin with     */
    N_WANTS
};

struct want {
    struct extproc_str name;
    struct want *next;
};

/* All zero: nothing. Each name stands once, in the order in which it was added. */
struct wants {
    struct want *first[N_WANTS];
};

/* Copies the name. 0, -ENOMEM, or -EINVAL: it is empty or not UTF-8. */
int wants_add(struct wants *w, struct arena *arena, enum want_kind kind, struct extproc_str name);

#endif
