/* undo: the one list of what a callback can change.
 *
 * What a plugin keeps itself (its ctx, memory that it took for the transaction) is not restored:
 * only its close() is called again.
 */
#include "plugin/run/undo.h"

#include "plugin/run/handle.h"

void undo_mark(struct turn *turn)
{
    struct txn_lane *lane = turn_lane(turn);
    headers_settle(&lane->headers);
    headers_settle(&lane->trailers);
    turn->undo = (struct undo){
        .headers = headers_mark(&lane->headers),
        .trailers = headers_mark(&lane->trailers),
        .body = body_mark(&turn->event->body),
        .metadata = metadata_mark(&turn->metadata),
        .changed = lane->changed,
    };
    turn->decided = (struct decided){0};
}

void undo_back(struct turn *turn, struct handle *h)
{
    struct txn_lane *lane = turn_lane(turn);
    headers_rewind(&lane->headers, turn->undo.headers);
    headers_rewind(&lane->trailers, turn->undo.trailers);
    body_rewind(&turn->event->body, &turn->undo.body);
    metadata_rewind(&turn->metadata, turn->undo.metadata);
    h->skipped &= (uint8_t)~turn->decided.skips;
    lane->changed = turn->undo.changed;
    turn->decided = (struct decided){0};
    turn->answer = (struct answer){0};
}
