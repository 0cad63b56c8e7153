/* keep: bytes of a body that a plugin wants to see again, together with the next ones
 * (EXTPROC_ACTION_HOLD).
 */
#ifndef EXTPROCD_PLUGIN_WAIT_KEEP_H
#define EXTPROCD_PLUGIN_WAIT_KEEP_H

#include "http/message/body.h"
#include "plugin/instance.h"
#include "plugin/wait/wait.h"

/* Where the section has no max_body. */
enum { KEEP_MAX = 1024 * 1024 };

/* What one plugin has held of one direction; lists begin with NULL. */
struct kept;

/* Whose they are. */
struct keeper {
    struct waits *waits; /* where they count; NULL: nowhere */
    uint16_t place;      /* of the plugin in its chain      */
    enum lane lane;
};

/* The most that an instance may hold. */
size_t keep_limit(const struct instance *in);

/* The last n bytes of the body do not go on with this message. 0 or -ENOMEM. */
int keep_body(struct kept **list, const struct keeper *keeper, struct body *body,
              struct arena *arena, size_t n);
/* What is held goes before the body, and is no longer held. 0 or -ENOMEM. */
int keep_rejoin(struct kept **list, const struct keeper *keeper, struct body *body,
                struct arena *arena);
/* Whose bytes of a direction are held, and how many; NULL: none are. */
const struct keeper *keep_holder(const struct kept *list, enum lane lane, size_t *ret_len);
/* Forgets all of it. */
void keep_drop(struct kept **list);

#endif
