/* api_values: what the proxy sends beside the message (attributes, metadata), and metadata sent to
 * it.
 *
 * A tree is read when it is first asked for, into the memory of its owner: the message's while its
 * event is current, the transaction's once it was kept.
 */
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <errno.h>

static const struct extproc_value absent = {EXTPROC_KIND_ABSENT};

/* ---- from the proxy -------------------------------------------------------------------------- */

static struct txn_view view_of(const struct extproc_txn *x)
{
    struct txn *t = ((const struct handle *)x)->txn;
    if (!t->turn)
        return (struct txn_view){.txn = t, .arena = t->arena};
    return (struct txn_view){
        .txn = t, .event = t->turn->event, .arena = t->turn->arena, .sent = &t->turn->metadata};
}

struct extproc_value api_attribute(struct extproc_txn *x, struct extproc_str name)
{
    struct txn_view view = view_of(x);
    return name.ptr ? txn_attribute(&view, name) : absent;
}

struct extproc_value api_metadata(struct extproc_txn *x, struct extproc_str ns)
{
    struct txn_view view = view_of(x);
    return ns.ptr ? txn_metadata(&view, ns) : absent;
}

static bool is_ours(const struct extproc_txn *x, struct extproc_value v)
{
    const struct txn *t = ((const struct handle *)x)->txn;
    const struct arena *const arenas[] = {t->arena, t->turn ? t->turn->arena : t->arena};
    return value_is_ours(v, arenas, 2);
}

bool api_value_at(struct extproc_txn *x, struct extproc_value v, size_t i,
                  struct extproc_field *ret)
{
    return ret && is_ours(x, v) && value_at(v, i, ret);
}

struct extproc_value api_value_get(struct extproc_txn *x, struct extproc_value v,
                                   struct extproc_str key)
{
    return key.ptr && is_ours(x, v) ? value_get(v, key) : absent;
}

/* ---- to the proxy ---------------------------------------------------------------------------- */

static int refuse_value(struct extproc_txn *x, const char *call, struct extproc_str key, int r)
{
    static const char why[] = "an absent or empty name, an ABSENT value, text that is not UTF-8, "
                              "or more than 30 levels";
    if (r == -EINVAL)
        return handle_refuse_why(handle_of(x), call, key, r, why);
    return handle_refuse(handle_of(x), call, key, r);
}

struct extproc_value api_list(struct extproc_txn *x, const struct extproc_value *items, size_t n)
{
    struct extproc_value v = absent;
    bool ours = items || n == 0;
    for (size_t i = 0; items && i < n; i++)
        ours = ours && is_ours(x, items[i]);
    int r = ours ? value_list(handle_scratch(handle_of(x)), items, n, &v) : -EINVAL;
    if (r < 0)
        refuse_value(x, "extproc_list", (struct extproc_str){NULL, 0}, r);
    return v;
}

struct extproc_value api_dict(struct extproc_txn *x, const struct extproc_field *fields, size_t n)
{
    struct extproc_value v = absent;
    bool ours = fields || n == 0;
    for (size_t i = 0; fields && i < n; i++)
        ours = ours && is_ours(x, fields[i].value);
    int r = ours ? value_dict(handle_scratch(handle_of(x)), fields, n, &v) : -EINVAL;
    if (r < 0)
        refuse_value(x, "extproc_dict", (struct extproc_str){NULL, 0}, r);
    return v;
}

int api_metadata_set(struct extproc_txn *x, struct extproc_str ns, struct extproc_str key,
                     struct extproc_value value)
{
    struct turn *turn = handle_turn(handle_of(x));
    int r = -EINVAL;
    if (ns.ptr && key.ptr && is_ours(x, value))
        r = turn ? metadata_set(&turn->metadata, turn->arena, ns, key, value) : -EOPNOTSUPP;
    return r < 0 ? refuse_value(x, "extproc_metadata_set", key, r) : 0;
}
