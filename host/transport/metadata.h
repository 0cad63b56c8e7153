/* metadata: of a call's request, the fields that a handler may ask for. */
#ifndef EXTPROCD_TRANSPORT_METADATA_H
#define EXTPROCD_TRANSPORT_METADATA_H

#include "transport/transport.h"

struct metadata;

/* Keeps the value of a field as it is sent, if options->metadata has its name. *m NULL: nothing was
 * kept before. 0 or -ENOMEM. */
int metadata_add(struct metadata **m, const struct transport_options *options,
                 struct extproc_str name, struct extproc_str value);
/* The same for one whose name ends in -bin, whose value was decoded. */
int metadata_add_bytes(struct metadata **m, const struct transport_options *options,
                       struct extproc_str name, struct extproc_str bytes);
bool metadata_is_binary(struct extproc_str name);

/* See transport_metadata(). m NULL: nothing was kept. */
struct extproc_str metadata_find(const struct metadata *m, const char *name);

/* Returns NULL. */
struct metadata *metadata_free(struct metadata *m);

#endif
