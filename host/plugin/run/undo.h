/* undo: saves all that a callback may change before it runs, and restores it.
 *
 * A plugin that fails leaves no changes: neither the plugins after it in the chain nor the proxy
 * see anything of what it did in that callback. Saving and restoring allocate nothing, so neither
 * can fail.
 */
#ifndef EXTPROCD_PLUGIN_RUN_UNDO_H
#define EXTPROCD_PLUGIN_RUN_UNDO_H

#include "http/message/body.h"
#include "http/message/metadata.h"

#include <stdint.h>

struct turn;
struct handle;

struct undo {
    uint32_t headers, trailers; /* headers_mark() of the direction's maps */
    struct body body;
    struct metadata_entry *metadata;
    bool changed; /* of the direction */
};

/* The instance is about to be called: nothing is decided yet, and all is marked. */
void undo_mark(struct turn *turn);
/* The plugin skips these phases, from now on and if it does not fail. */
void undo_skip(struct turn *turn, struct handle *h, uint8_t phases);
/* It has not failed: what it decided for both directions stays, whatever it waits for in the other.
 */
void undo_settle(struct turn *turn);
/* It failed. What plugins had given as bodies stays until the turn ends. */
void undo_back(struct turn *turn, struct handle *h);

#endif
