/* metadata: the dynamic metadata that plugins send to the proxy, key by key within a namespace.
 *
 * A list that grows at its end only, so what one plugin added can be undone; of the same key the
 * last entry counts. Within a namespace keys are merged, one level deeper than protobuf merges.
 */
#ifndef EXTPROCD_HTTP_MESSAGE_METADATA_H
#define EXTPROCD_HTTP_MESSAGE_METADATA_H

#include "http/message/value.h"

struct metadata_entry {
    struct extproc_str ns, key;
    struct extproc_value value;
    struct metadata_entry *next, *older; /* older: of the same key, which this one supersedes */
    bool superseded;
};
/* All zero: none. */
struct metadata {
    struct metadata_entry *first, *last;
};

/* Copies everything. 0, -ENOMEM, or -EINVAL: as value_copy(), or an empty name or key. */
int metadata_set(struct metadata *m, struct arena *arena, struct extproc_str ns,
                 struct extproc_str key, struct extproc_value value);

/* A place in the list. */
static inline struct metadata_entry *metadata_mark(const struct metadata *m)
{
    return m->last;
}
/* Forgets every entry since. It needs no memory, so it cannot fail. */
void metadata_rewind(struct metadata *m, struct metadata_entry *mark);

/* The entry of a key that counts. NULL: there is none. */
struct metadata_entry *metadata_find(const struct metadata *m, struct extproc_str ns,
                                     struct extproc_str key);
/* Is this the entry that a namespace begins with? */
bool metadata_opens(const struct metadata *m, const struct metadata_entry *entry);
/* A namespace as it is once the proxy has merged this into what it had, a DICT or nothing; ABSENT
 * also where there is no memory. The values are not copied. */
struct extproc_value metadata_over(const struct metadata *m, struct extproc_str ns,
                                   struct extproc_value had, struct arena *arena);

/* The metadata sent in earlier phases. All zero: nothing. Its memory stays in proportion to the
 * entries that count, however often a key is set. */
struct metadata_sent {
    struct metadata metadata;
    struct arena arena;
    size_t roomy; /* bytes from which on it is copied to fresh memory, less what is superseded */
};
/* Merges a copy of the metadata sent now. 0, or -ENOMEM: all of it is dropped. */
int metadata_add_sent(struct metadata_sent *sent, const struct metadata *now);
void metadata_sent_fini(struct metadata_sent *sent);

#endif
