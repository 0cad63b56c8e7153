/* turn_length: the length of a body that plugins have changed.
 *
 * A proxy whose rules say fits_length removes content-length where an answer to headers has the new
 * body, so the request goes on in chunks, and some upstreams refuse that (411). Where it is going
 * to send the complete old body before the request goes on, the new one waits for it, and is the
 * answer to it: then the proxy takes a content-length that fits. Clients accept a response in
 * chunks, so a response does not wait.
 */
#include "plugin/run/turn_length.h"

#include "base/str.h"
#include "http/rules/rules.h"

#include <errno.h>
#include <stdio.h>

static const struct extproc_str content_length = EXTPROC_STR("content-length");

/* Are the headers held until the current body, which is complete, is answered? */
static bool turn_holds_headers(const struct turn *turn)
{
    return turn_mode(turn)->holds_headers && turn->event->part == PART_BODY;
}

bool turn_fits_length(const struct turn *turn)
{
    const struct txn_lane *lane = turn_lane(turn);
    return turn->txn->rules->fits_length && turn_holds_headers(turn) && lane->headers_here &&
           headers_get(&lane->headers, content_length, 0).ptr;
}

/* Where the proxy takes an answer with a new body only if content-length fits it. A message that
 * came without one stays without, and where plugins have used up the edits that a proxy takes it
 * loses it. Of headers that there was no memory to keep nothing is known; those of a body that was
 * held back had a length. */
int turn_fit_length(struct turn *turn)
{
    struct txn_lane *lane = turn_lane(turn);
    if (!turn_holds_headers(turn) || !turn->event->body.changed)
        return 0;
    if (turn_has_held(turn) && !lane->headers_here)
        headers_init(&lane->headers, NULL, 0);
    else if (!turn_fits_length(turn))
        return direction_came(&lane->direction, PART_HEADERS) && !lane->headers_here ? -ENOMEM : 0;

    char text[24];
    int len = snprintf(text, sizeof text, "%zu", turn->event->body.len);
    struct extproc_str value = {text, (size_t)len};
    struct headers_edit edit;
    if (extproc_eq(headers_get(&lane->headers, content_length, 0), value))
        return 0;
    if (!rules_host_edit(turn->txn->rules, &lane->headers, false, content_length, value, &edit))
        return -ENOSPC; /* cannot be: rules_edit() and api_body_set() leave room for it */
    return headers_apply(&lane->headers, turn->arena, &edit);
}

/* A body announced as empty may not come at all: the request may go on with trailers. A new method
 * is taken only along with the body. */
bool turn_holds_body(const struct turn *turn)
{
    const struct headers *headers = &turn_lane(turn)->headers;
    if (!turn->replaced || turn->event->end || turn->event->phase != PHASE_REQUEST_HEADERS ||
        !turn->txn->rules->fits_length || turn_mode(turn)->body != MODE_BODY_WHOLE)
        return false;
    struct extproc_str length = headers_get(headers, content_length, 0);
    return length.len > 0 && !str_eq_c(length, "0") && !headers_cell(headers, EXTPROC_S(":method"));
}

int turn_hold_body(struct turn *turn)
{
    struct txn *t = turn->txn;
    struct extproc_str bytes = body_bytes(&turn->event->body, turn->arena);
    struct extproc_str *held = arena_alloc(t->arena, sizeof *held);
    if (!held || !bytes.ptr)
        return -ENOMEM;
    *held = bytes.len > 0 ? arena_copy(t->arena, bytes) : EXTPROC_S("");
    t->held = held->ptr ? held : NULL;
    return held->ptr ? 0 : -ENOMEM;
}

bool turn_has_held(const struct turn *turn)
{
    return turn->txn->held && turn->event->lane == LANE_REQUEST;
}

void turn_put_body(struct turn *turn)
{
    body_lend(&turn->event->body, *turn->txn->held);
}
