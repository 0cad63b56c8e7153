/* api_body: the body in hand, and other bytes in its place.
 *
 * Bytes that a plugin gives away are released exactly once whatever happens: here, where they are
 * not taken, else by the body.
 */
#include "base/str.h"
#include "http/rules.h"
#include "plugin/api/api_txn.h"
#include "plugin/handle.h"

#include <errno.h>

struct extproc_str api_body(struct extproc_txn *x)
{
    struct turn *turn = handle_turn(handle_of(x));
    if (!turn || phase_part(turn->phase) != PART_BODY)
        return STR_ABSENT;
    return body_bytes(&turn->event->body, turn->arena);
}

static int body_check(const struct turn *turn, struct extproc_str bytes)
{
    if (!bytes.ptr)
        return -EINVAL;
    if (!turn)
        return -EOPNOTSUPP;
    unsigned bit = phase_part(turn->phase) == PART_BODY ? MAY_SET_BODY : MAY_REPLACE_BODY;
    return turn->allowed & bit ? 0 : -EOPNOTSUPP;
}

/* A proxy that only observes sends the body itself whatever comes of the headers, so there is
 * nothing to replace. */
static bool body_is_moot(const struct turn *turn)
{
    return turn->txn->observing && phase_part(turn->phase) == PART_HEADERS;
}

int api_body_set(struct extproc_txn *x, struct extproc_str bytes, void (*release)(void *),
                 void *arg)
{
    struct turn *turn = handle_turn(handle_of(x));
    struct body *body = turn ? &turn->event->body : NULL;
    int r = body_check(turn, bytes);
    bool taken = false;
    if (r == 0 && !body_is_moot(turn)) {
        r = release ? body_give(body, turn->arena, bytes, release, arg)
                    : body_set(body, turn->arena, bytes);
        taken = r == 0;
    }
    if (release && !taken)
        release(arg);
    if (r == 0)
        turn->sets_body = true;
    return r;
}
