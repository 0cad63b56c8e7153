/* api_headers: the header maps, as the plugins before this one left them.
 *
 * A map may be edited only while the plugin's own phase holds it; reading goes on for as long as
 * what came is kept. Whether the proxy would take an edit is asked (http/rules) before it is
 * made, so an edit that was accepted has its effect.
 */
#include "base/str.h"
#include "http/rules/rules.h"
#include "plugin/api/setup/refused.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <errno.h>

static bool map_known(enum extproc_map map)
{
    return (unsigned)map <= EXTPROC_MAP_RESPONSE_TRAILERS;
}

static bool map_trailers(enum extproc_map map)
{
    return map == EXTPROC_MAP_REQUEST_TRAILERS || map == EXTPROC_MAP_RESPONSE_TRAILERS;
}

static enum lane map_lane(enum extproc_map map)
{
    return map < EXTPROC_MAP_RESPONSE ? LANE_REQUEST : LANE_RESPONSE;
}

/* It is the other direction's, where a plugin waits that may still edit it. */
static bool map_waits(const struct handle *h, enum extproc_map map)
{
    const struct turn *turn = h->txn->turn;
    enum lane lane = map_lane(map);
    return h->txn->lanes[lane].editing && !(turn && turn->event->lane == lane);
}

/* NULL: no such map, or it is not here. */
static struct headers *map_find(const struct handle *h, enum extproc_map map)
{
    bool in_close = !h->txn->turn;
    if (in_close && !(handle_instance(h)->plugin->needs & EXTPROC_CLOSE_SEES_HEADERS))
        return NULL;
    if (!map_known(map))
        return NULL;
    struct txn_lane *lane = &h->txn->lanes[map_lane(map)];
    if (map_waits(h, map))
        return NULL;
    if (map_trailers(map))
        return lane->trailers_here ? &lane->trailers : NULL;
    return lane->headers_here ? &lane->headers : NULL;
}

static bool map_open(const struct handle *h, enum extproc_map map)
{
    const struct turn *turn = handle_turn(h);
    unsigned bit = map_trailers(map) ? MAY_EDIT_TRAILERS : MAY_EDIT_HEADERS;
    return turn && turn->event->lane == map_lane(map) && (turn->allowed & bit);
}

enum extproc_map_state api_map_state(struct extproc_txn *x, enum extproc_map map)
{
    const struct handle *h = handle_of(x);
    if (map_find(h, map))
        return map_open(h, map) ? EXTPROC_MAP_STATE_OPEN : EXTPROC_MAP_STATE_GONE;
    if (!map_known(map))
        return EXTPROC_MAP_STATE_NONE;
    const struct txn_lane *lane = &h->txn->lanes[map_lane(map)];
    if (map_waits(h, map))
        return EXTPROC_MAP_STATE_NOT_YET;
    bool over = map_trailers(map) ? txn_is_over(h->txn, map_lane(map))
                                  : lane->direction.state != DIRECTION_IDLE;
    return over ? EXTPROC_MAP_STATE_NONE : EXTPROC_MAP_STATE_NOT_YET;
}

struct extproc_str api_header(struct extproc_txn *x, enum extproc_map map, struct extproc_str name,
                              size_t i)
{
    const struct headers *headers = map_find(handle_of(x), map);
    return headers && name.ptr ? headers_get(headers, name, i) : STR_ABSENT;
}

bool api_header_at(struct extproc_txn *x, enum extproc_map map, size_t i,
                   struct extproc_header *ret)
{
    const struct headers *headers = map_find(handle_of(x), map);
    if (!headers || !ret || i >= headers_count(headers))
        return false;
    *ret = *headers_at(headers, i);
    return true;
}

/* The call as its author wrote it: extproc_header_set() and its like come through the same slot. */
static const char *call_of(enum extproc_edit op)
{
    switch (op) {
    case EXTPROC_EDIT_SET:
        return "extproc_header_set";
    case EXTPROC_EDIT_APPEND:
        return "extproc_header_append";
    case EXTPROC_EDIT_REMOVE:
        return "extproc_header_remove";
    case EXTPROC_EDIT_IF_ABSENT:
    case EXTPROC_EDIT_IF_PRESENT:
        break;
    }
    return "extproc_header_edit"; /* a plugin may have passed any number */
}

int api_edit(struct extproc_txn *x, enum extproc_map map, enum extproc_edit op,
             struct extproc_str name, struct extproc_str value)
{
    struct handle *h = handle_of(x);
    bool removes = op == EXTPROC_EDIT_REMOVE;
    if (!map_known(map) || (unsigned)op > EXTPROC_EDIT_REMOVE || !name.ptr ||
        (!removes && !value.ptr))
        return handle_refuse_why(h, call_of(op), name, -EINVAL,
                                 "no such map or edit, or an absent name or value");
    if (api_map_state(x, map) != EXTPROC_MAP_STATE_OPEN)
        return handle_refuse(h, call_of(op), name, -EOPNOTSUPP);

    struct turn *turn = handle_turn(h);
    struct headers *headers = map_find(h, map);
    bool in_headers = turn->event->part == PART_HEADERS;
    bool replacing = in_headers && (turn->replaced || turn->decided.sets_body);
    struct rules_context context = {
        .map = map,
        .replacing = replacing,
        .request = turn->txn->request,
        .body_follows = replacing || !in_headers || !turn->event->end,
        .owes_length = turn->event->body.changed && turn_fits_length(turn),
    };
    struct extproc_str known = map == EXTPROC_MAP_REQUEST ? headers_host(headers, name) : name;
    struct headers_edit edit;
    int r = rules_edit(turn->txn->rules, headers, &context, op, known, value, &edit);
    if (r < 0) {
        struct extproc_str why =
            refused_edit(turn->arena, turn->txn->rules, &context, op, name, value, r);
        return handle_refuse_why(h, call_of(op), name, r, why.ptr);
    }
    return headers_apply(headers, turn->arena, &edit);
}

static bool has_prefix(struct extproc_str name, struct extproc_str prefix)
{
    return name.len >= prefix.len &&
           extproc_eq_nocase((struct extproc_str){name.ptr, prefix.len}, prefix);
}

int api_remove_prefix(struct extproc_txn *x, enum extproc_map map, struct extproc_str prefix)
{
    struct handle *h = handle_of(x);
    if (!map_known(map) || !prefix.ptr || prefix.len == 0)
        return handle_refuse_why(h, "extproc_header_remove_prefix", prefix, -EINVAL,
                                 "no such map, or an empty prefix");
    if (api_map_state(x, map) != EXTPROC_MAP_STATE_OPEN)
        return handle_refuse(h, "extproc_header_remove_prefix", prefix, -EOPNOTSUPP);

    struct headers *headers = map_find(h, map);
    uint32_t mark = headers_mark(headers);
    for (size_t i = 0; i < headers_count(headers); i++) {
        struct extproc_str name = headers_at(headers, i)->name;
        int r =
            has_prefix(name, prefix) ? api_edit(x, map, EXTPROC_EDIT_REMOVE, name, STR_ABSENT) : 0;
        if (r < 0) {
            headers_rewind(headers, mark);
            return r;
        }
    }
    return 0;
}
