/* refused: HTTP's own rules say why; a proxy's say who, and what an operator may do about it. */
#include "plugin/api/setup/refused.h"

#include "base/str.h"
#include "http/rules/illegal.h"

#include <errno.h>

static struct extproc_str not_permitted(struct arena *arena, const struct rules *rules,
                                        struct rules_refusal refusal)
{
    if (!refusal.why)
        return EXTPROC_S("not allowed");
    if (!refusal.remedied)
        return arena_format(arena, "not allowed: %s", refusal.why);
    return arena_format(arena, "%s would ignore it (%s)", rules->proxy, refusal.why);
}

static struct extproc_str too_large(struct arena *arena, const struct rules *rules)
{
    if (!rules->limits_remedy)
        return arena_format(arena, "more than %s takes", rules->proxy);
    return arena_format(arena, "more than %s takes (%s)", rules->proxy, rules->limits_remedy);
}

static struct extproc_str unfit(struct extproc_str name)
{
    return extproc_eq_nocase(name, EXTPROC_S(":method"))
               ? EXTPROC_S("not allowed: a method cannot be changed to or from HEAD or CONNECT")
               : extproc_str_of(extproc_strerror(-EPROTO));
}

static struct extproc_str illegal(struct arena *arena, struct extproc_str name,
                                  struct extproc_str value)
{
    char why[ILLEGAL_WHY];
    illegal_header(name, value.ptr ? value : EXTPROC_S(""), why);
    return arena_format(arena, "%s", why);
}

struct extproc_str refused_edit(struct arena *arena, const struct rules *rules,
                                const struct rules_context *context, enum extproc_edit op,
                                struct extproc_str name, struct extproc_str value, int r)
{
    struct extproc_str text = STR_ABSENT;
    if (r == -EPERM)
        text = not_permitted(arena, rules, rules_refusal(rules, context, op, name));
    else if (r == -ENOSPC)
        text = too_large(arena, rules);
    else if (r == -EINVAL)
        text = illegal(arena, name, value);
    else if (r == -EPROTO)
        text = unfit(name);
    return text.ptr ? text : extproc_str_of(extproc_strerror(r));
}
