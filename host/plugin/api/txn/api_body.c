/* api_body: the current body, and other bytes in its place.
 *
 * Bytes whose ownership a plugin passes to us are released exactly once in every case: here if they
 * are refused, otherwise by the body.
 */
#include "base/str.h"
#include "http/rules/rules.h"
#include "plugin/api/txn/api_form.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <errno.h>
#include <stdio.h>

struct extproc_str api_body(struct extproc_txn *x)
{
    struct turn *turn = handle_turn(handle_of(x));
    if (!turn || phase_part(turn->phase) != PART_BODY)
        return STR_ABSENT;
    return body_bytes(&turn->event->body, turn->arena);
}

/* Content-length has to follow, which is one edit more. */
static bool length_has_room(const struct turn *turn)
{
    const struct headers *headers = &turn->txn->lanes[turn->event->lane].headers;
    struct extproc_str name = EXTPROC_S("content-length");
    struct headers_edit edit;
    return !turn_fits_length(turn) || rules_host_edit(turn->txn->rules, headers, false, name,
                                                      headers_get(headers, name, 0), &edit);
}

static int body_check(const struct turn *turn, struct extproc_str bytes)
{
    if (!bytes.ptr)
        return -EINVAL;
    if (!turn)
        return -EOPNOTSUPP;
    bool body = phase_part(turn->phase) == PART_BODY;
    if (!(turn->allowed & (body ? MAY_SET_BODY : MAY_REPLACE_BODY)))
        return -EOPNOTSUPP;
    if (!body && txn_framing(turn->txn, turn->event->lane) != FRAMING_BODY)
        return -ENODATA;
    if (txn_exceeds_answer(turn->txn, bytes.len))
        return -ENOSPC;
    return length_has_room(turn) ? 0 : -ENOSPC;
}

static int body_refuse(struct handle *h, size_t len, int r)
{
    char why[REFUSAL_TEXT];
    if (r != -ENOSPC || !txn_exceeds_answer(h->txn, len))
        return handle_refuse(h, "extproc_body_set", STR_ABSENT, r);
    snprintf(why, sizeof why, "body of %zu bytes exceeds max_queued (%zu)", len,
             h->txn->max_answer);
    return handle_refuse_why(h, "extproc_body_set", STR_ABSENT, r, why);
}

/* The body stays as it is; what the plugin makes of that is its affair. */
static void body_log_absent(struct handle *h, const struct turn *turn)
{
    const struct txn *t = turn->txn;
    if (handle_instance(h)->bodiless) /* maybe in a thread of the pool */
        metric_add(handle_instance(h)->bodiless, 1);
    if (turn->event->lane == LANE_RESPONSE && !t->request.known)
        handle_log(
            h, EXTPROC_LEVEL_WARN,
            "extproc_body_set: not changed in this phase: the response may be one to HEAD, since "
            "the proxy does not send the request (%s)",
            t->rules->sends_headers[LANE_REQUEST] ? t->rules->sends_headers[LANE_REQUEST]
                                                  : "this proxy cannot");
    else
        handle_log(h, EXTPROC_LEVEL_DEBUG, "extproc_body_set: not changed: %s",
                   extproc_strerror(-ENODATA));
}

/* A proxy that only observes sends the body itself whatever the answer to the headers is, so there
 * is nothing to replace. */
static bool body_is_moot(const struct turn *turn)
{
    return turn->txn->observing && phase_part(turn->phase) == PART_HEADERS;
}

/* The bytes, and what is said of them. 0 or -errno, with nothing changed. */
static int body_take(struct turn *turn, struct extproc_str bytes, void (*release)(void *),
                     void *arg)
{
    struct headers *headers = &turn->txn->lanes[turn->event->lane].headers;
    struct body *body = &turn->event->body;
    uint32_t mark = headers_mark(headers);
    int r = api_form_change(turn);
    if (r == 0)
        r = release ? body_give(body, turn->arena, bytes, release, arg)
                    : body_set(body, turn->arena, bytes);
    if (r < 0)
        headers_rewind(headers, mark);
    return r;
}

/* Once for each message: from then on the lane is changed. */
static void body_warn_stale(struct handle *h, enum phase phase, struct extproc_str header)
{
    handle_log(h, EXTPROC_LEVEL_WARN,
               "the %s body is changed, and its header %.*s, which has gone on, describes the old "
               "bytes (call extproc_body_changes() in the headers phase)",
               lane_name(phase_lane(phase)), EXTPROC_ARG(header));
}

/* It cannot be set here, since there is none, or it is not known whether there is one. The headers
 * describe one nevertheless, which is changed elsewhere: in the response to a GET, in a later
 * phase. */
static int body_miss(struct handle *h, struct turn *turn)
{
    enum lane lane = turn->event->lane;
    bool later = handle_instance(h)->fallback & phase_bit(phase_of(lane, PART_BODY));
    int r = 0;
    if (txn_framing(turn->txn, lane) == FRAMING_NONE || later)
        r = api_form_announce(turn, EXTPROC_CHANGE_REPLACE);
    if (r < 0)
        return r;
    body_log_absent(h, turn);
    return -ENODATA;
}

int api_body_set(struct extproc_txn *x, struct extproc_str bytes, void (*release)(void *),
                 void *arg)
{
    struct turn *turn = handle_turn(handle_of(x));
    int r = body_check(turn, bytes);
    bool taken = false;
    if (r == 0 && !body_is_moot(turn)) {
        struct extproc_str stale = api_form_forgotten(turn);
        r = body_take(turn, bytes, release, arg);
        taken = r == 0;
        if (taken && stale.ptr)
            body_warn_stale(handle_of(x), turn->phase, stale);
    }
    if (release && !taken)
        release(arg);
    if (r == 0)
        turn->decided.sets_body = true;
    if (r == -ENODATA)
        r = body_miss(handle_of(x), turn);
    return r < 0 ? body_refuse(handle_of(x), bytes.len, r) : 0;
}

int api_hold(struct extproc_txn *x, size_t n)
{
    struct handle *h = handle_of(x);
    struct turn *turn = handle_turn(h);
    if (!turn || phase_part(turn->phase) != PART_BODY)
        return handle_refuse(h, "extproc_hold", STR_ABSENT, -EOPNOTSUPP);
    if (n > turn->event->body.len)
        return handle_refuse_why(h, "extproc_hold", STR_ABSENT, -EINVAL,
                                 "the body of this callback is shorter");
    turn->decided.holds_end = true;
    turn->decided.held = n;
    return 0;
}
