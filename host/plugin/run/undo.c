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

/* What the same plugin has decided in the other direction, where it waits. NULL: nothing. */
static struct decided *undo_other(const struct turn *turn)
{
    struct turn *other = turn->txn->lanes[other_lane(turn->event->lane)].waiting;
    return other && other->place == turn->place ? &other->decided : NULL;
}

/* Phases that both directions skip are skipped until neither does. */
void undo_skip(struct turn *turn, struct handle *h, uint8_t phases)
{
    const struct decided *other = undo_other(turn);
    uint8_t settled = other ? h->skipped & (uint8_t)~other->skips : h->skipped;
    turn->decided.skips |= phases & (uint8_t)~settled;
    h->skipped |= phases;
}

void undo_settle(struct turn *turn)
{
    struct decided *other = undo_other(turn);
    if (other)
        other->skips &= (uint8_t)~turn->decided.skips;
}

void undo_back(struct turn *turn, struct handle *h)
{
    struct txn_lane *lane = turn_lane(turn);
    const struct decided *other = undo_other(turn);
    headers_rewind(&lane->headers, turn->undo.headers);
    headers_rewind(&lane->trailers, turn->undo.trailers);
    body_rewind(&turn->event->body, &turn->undo.body);
    metadata_rewind(&turn->metadata, turn->undo.metadata);
    h->skipped &= (uint8_t)~turn->decided.skips | (other ? other->skips : 0);
    lane->changed = turn->undo.changed;
    turn->decided = (struct decided){0};
    turn->answer = (struct answer){0};
}
