/* undo: the one list of what a callback can change.
 *
 * What a plugin keeps itself (its ctx, memory that it took for the transaction) is its own affair: it is
 * not called again but for close().
 */
#include "plugin/undo.h"

#include "plugin/handle.h"

static struct txn_lane *lane_of(const struct turn *turn)
{
    return &turn->txn->lanes[phase_lane(turn->event->phase)];
}

void undo_mark(struct turn *turn, const struct handle *h)
{
    const struct txn_lane *lane = lane_of(turn);
    turn->undo = (struct undo){
        .headers = headers_mark(&lane->headers),
        .trailers = headers_mark(&lane->trailers),
        .body = body_mark(&turn->event->body),
        .changed = lane->changed,
        .metadata = metadata_mark(&turn->metadata),
        .skipped = h->skipped,
    };
    turn->decided = (struct decided){0};
}

void undo_back(struct turn *turn, struct handle *h)
{
    struct txn_lane *lane = lane_of(turn);
    headers_rewind(&lane->headers, turn->undo.headers);
    headers_rewind(&lane->trailers, turn->undo.trailers);
    body_rewind(&turn->event->body, &turn->undo.body);
    lane->changed = turn->undo.changed;
    metadata_rewind(&turn->metadata, turn->undo.metadata);
    h->skipped = turn->undo.skipped;
    turn->decided = (struct decided){0};
    turn->answer = (struct answer){0};
}
