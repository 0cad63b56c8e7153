/* subject: what a condition looks at: `path`, `header.NAME`, `status`, ...
 *
 * The request's are known as soon as anything is, those of the response (late ones) with the
 * response.
 */
#ifndef EXTPROCD_PLUGIN_CHOOSE_SUBJECT_H
#define EXTPROCD_PLUGIN_CHOOSE_SUBJECT_H

#include "base/arena.h"
#include "base/str.h"
#include "plugin/template/wants.h"

enum subject_kind {
    SUBJECT_PATH,
    SUBJECT_QUERY,
    SUBJECT_METHOD,
    SUBJECT_AUTHORITY,
    SUBJECT_SCHEME,
    SUBJECT_HEADER,
    SUBJECT_RESPONSE_HEADER,
    SUBJECT_STATUS,
    SUBJECT_ATTRIBUTE,
    SUBJECT_METADATA,
    SUBJECT_GRPC,
    SUBJECT_LISTENER,
    N_SUBJECTS
};

struct subject {
    enum subject_kind kind;
    struct extproc_str name; /* with a NUL after it; of METADATA the key. ptr NULL: there is none */
    struct extproc_str space; /* METADATA: the namespace */
};

/* From a key, after `match.` and the like. The names live in the arena, those of headers in lower
 * case. 0; -ENOMEM; -EINVAL with *ret_why. */
int subject_read(struct extproc_str text, struct arena *arena, struct subject *ret,
                 const char **ret_why);

/* Is it of the response? late: how the names of the response's attributes begin. */
bool subject_is_late(const struct subject *s, struct str_list late);
/* Does case not matter in its values? */
bool subject_folds(const struct subject *s);
/* The phases, as bits, whose message it looks at. */
uint32_t subject_reads(const struct subject *s);
/* Adds what it looks at beside the messages. 0, -ENOMEM or -EINVAL (not UTF-8). */
int subject_wants(const struct subject *s, struct wants *wants, struct arena *arena);

#endif
