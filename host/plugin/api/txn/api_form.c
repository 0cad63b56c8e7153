/* api_form: the headers that describe a body, and how they are edited when the body changes.
 *
 * If the headers are sent before the bytes come, they are edited in their own phase, when a plugin
 * announces that it will change the body. A response to HEAD, or a 304, has the headers of a
 * response whose body would be changed in the same way, so they are edited in the same way.
 */
#include "plugin/api/txn/api_form.h"

#include "base/str.h"
#include "http/rules/representation.h"
#include "http/rules/rules.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <errno.h>

enum extproc_form api_body_form(struct extproc_txn *x)
{
    const struct turn *turn = handle_turn(handle_of(x));
    if (!turn)
        return EXTPROC_FORM_UNKNOWN;
    const struct txn_lane *lane = &turn->txn->lanes[turn->event->lane];
    if (!lane->headers_here)
        return EXTPROC_FORM_UNKNOWN;
    return representation_form(&lane->headers, turn->event->lane == LANE_RESPONSE);
}

/* ---- whose body ------------------------------------------------------------------------------ */

/* What a headers phase's headers describe, of what is going to change. */
enum described {
    DESCRIBED_NOTHING,
    DESCRIBED_BODY,   /* the body that follows them                         */
    DESCRIBED_ANOTHER /* a body that this message does not, or may not, have */
};

static bool has_representation(const struct headers *response)
{
    unsigned status = framing_status(headers_get(response, EXTPROC_S(":status"), 0));
    return status == 304 || extproc_status_has_body(status);
}

/* For a response that may be one to HEAD: it is changed once bytes have come. */
static bool changes_when_seen(const struct turn *turn, enum extproc_change change)
{
    return turn_mode(turn)->body != MODE_BODY_UNKNOWN || change == EXTPROC_CHANGE_EDIT;
}

static enum described turn_describes(const struct turn *turn, enum extproc_change change)
{
    enum lane lane = turn->event->lane;
    bool comes = rules_allow(phase_of(lane, PART_BODY), turn_mode(turn)->acts_as) & MAY_SET_BODY;
    bool later = turn_mode(turn)->holds_headers && change == EXTPROC_CHANGE_EDIT;
    switch (txn_framing(turn->txn, lane)) {
    case FRAMING_BODY:
        return comes && !turn->event->end && !later ? DESCRIBED_BODY : DESCRIBED_NOTHING;
    case FRAMING_SEEN:
        return comes && changes_when_seen(turn, change) ? DESCRIBED_ANOTHER : DESCRIBED_NOTHING;
    case FRAMING_NONE:
        return (comes || change == EXTPROC_CHANGE_REPLACE) &&
                       has_representation(&turn->txn->lanes[lane].headers)
                   ? DESCRIBED_ANOTHER
                   : DESCRIBED_NOTHING;
    case FRAMING_TUNNEL:
        break;
    }
    return DESCRIBED_NOTHING;
}

/* ---- the change ------------------------------------------------------------------------------ */

static int turn_edit(struct turn *turn, enum extproc_change change, enum described what)
{
    enum lane lane = turn->event->lane;
    const struct representation_change edit = {
        .rules = turn->txn->rules,
        .response = lane == LANE_RESPONSE,
        .replaced = change == EXTPROC_CHANGE_REPLACE,
        .bodiless = what == DESCRIBED_ANOTHER,
        .owes_length = turn_fits_length(turn),
        .since = turn->undo.headers,
    };
    if (turn->txn->observing)
        return 0;
    turn->txn->lanes[lane].changed = true;
    if (!(turn->allowed & MAY_EDIT_HEADERS))
        return 0;
    return representation_change(&turn->txn->lanes[lane].headers, turn->arena, &edit);
}

int api_form_announce(struct turn *turn, enum extproc_change change)
{
    enum described what = turn->replaced ? DESCRIBED_NOTHING : turn_describes(turn, change);
    return what == DESCRIBED_NOTHING ? 0 : turn_edit(turn, change, what);
}

int api_form_change(struct turn *turn)
{
    bool all = phase_part(turn->phase) == PART_HEADERS;
    return turn_edit(turn, all ? EXTPROC_CHANGE_REPLACE : EXTPROC_CHANGE_EDIT, DESCRIBED_BODY);
}

struct extproc_str api_form_forgotten(const struct turn *turn)
{
    const struct txn_lane *lane = &turn->txn->lanes[turn->event->lane];
    if (phase_part(turn->phase) != PART_BODY || turn->txn->observing || lane->changed ||
        !lane->headers_here || (turn->allowed & MAY_EDIT_HEADERS))
        return STR_ABSENT;
    return representation_stale(&lane->headers, turn->event->lane == LANE_RESPONSE);
}

int api_body_changes(struct extproc_txn *x, enum extproc_change change)
{
    struct turn *turn = handle_turn(handle_of(x));
    int r = -EINVAL;
    if ((unsigned)change <= EXTPROC_CHANGE_REPLACE)
        r = turn && phase_part(turn->phase) == PART_HEADERS ? api_form_announce(turn, change)
                                                            : -EOPNOTSUPP;
    return r < 0 ? handle_refuse(handle_of(x), "extproc_body_changes", STR_ABSENT, r) : 0;
}
