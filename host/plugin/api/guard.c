/* guard: the table of plugins whose callbacks run in the pool.
 *
 * The loop's thread may take a transaction back while a callback runs: its time is over, or the
 * client has left. So each function that takes a transaction holds the lock of the call while it
 * does its work, and does none where the transaction has been taken back: what it returns then is
 * what it returns where something is not possible.
 */
#include "plugin/api/guard.h"

#include "plugin/run/handle.h"
#include "plugin/wait/wait.h"

#include <errno.h>

static const struct extproc_str absent = {NULL, 0};
static const struct extproc_value nothing = {.kind = EXTPROC_KIND_ABSENT};

/* NULL and *ret_yours: the loop's thread calls it, which needs no lock. */
static struct call *guard_enter(struct extproc_txn *x, bool *ret_yours)
{
    struct call *call = handle_call_of(handle_of(x));
    *ret_yours = !call || call_enter(call);
    return call;
}

static void guard_leave(struct call *call)
{
    if (call)
        call_leave(call);
}

/* Marked as cold, so that the other table's functions are not optimised for this one.
 *
 * name is the slot's; params and args are in brackets, and begin with the transaction, x. */
#define GUARD(type, name, params, args, otherwise)                                                 \
    static __attribute__((cold)) type guard_##name params                                          \
    {                                                                                              \
        bool yours;                                                                                \
        struct call *call = guard_enter(x, &yours);                                                \
        if (!yours)                                                                                \
            return otherwise;                                                                      \
        type result = api_##name args;                                                             \
        guard_leave(call);                                                                         \
        return result;                                                                             \
    }

GUARD(struct extproc_str, header,
      (struct extproc_txn * x, enum extproc_map map, struct extproc_str name, size_t i),
      (x, map, name, i), absent)
GUARD(bool, header_at,
      (struct extproc_txn * x, enum extproc_map map, size_t i, struct extproc_header *ret),
      (x, map, i, ret), false)
GUARD(enum extproc_map_state, map_state, (struct extproc_txn * x, enum extproc_map map), (x, map),
      EXTPROC_MAP_STATE_NONE)
GUARD(int, edit,
      (struct extproc_txn * x, enum extproc_map map, enum extproc_edit op, struct extproc_str name,
       struct extproc_str value),
      (x, map, op, name, value), -EOPNOTSUPP)
GUARD(int, remove_prefix, (struct extproc_txn * x, enum extproc_map map, struct extproc_str prefix),
      (x, map, prefix), -EOPNOTSUPP)
GUARD(struct extproc_str, body, (struct extproc_txn * x), (x), absent)
GUARD(enum extproc_form, body_form, (struct extproc_txn * x), (x), EXTPROC_FORM_UNKNOWN)
GUARD(int, body_changes, (struct extproc_txn * x, enum extproc_change change), (x, change),
      -EOPNOTSUPP)
GUARD(struct extproc_value, attribute, (struct extproc_txn * x, struct extproc_str name), (x, name),
      nothing)
GUARD(struct extproc_value, metadata, (struct extproc_txn * x, struct extproc_str ns), (x, ns),
      nothing)
GUARD(bool, value_at,
      (struct extproc_txn * x, struct extproc_value v, size_t i, struct extproc_field *ret),
      (x, v, i, ret), false)
GUARD(struct extproc_value, value_get,
      (struct extproc_txn * x, struct extproc_value v, struct extproc_str key), (x, v, key),
      nothing)
GUARD(struct extproc_value, list,
      (struct extproc_txn * x, const struct extproc_value *items, size_t n), (x, items, n), nothing)
GUARD(struct extproc_value, dict,
      (struct extproc_txn * x, const struct extproc_field *fields, size_t n), (x, fields, n),
      nothing)
GUARD(int, metadata_set,
      (struct extproc_txn * x, struct extproc_str ns, struct extproc_str key,
       struct extproc_value value),
      (x, ns, key, value), -EOPNOTSUPP)
GUARD(int, clear_route, (struct extproc_txn * x), (x), -EOPNOTSUPP)
GUARD(int, skip, (struct extproc_txn * x, uint32_t phases), (x, phases), -EOPNOTSUPP)
GUARD(struct extproc_str, why, (struct extproc_txn * x), (x), EXTPROC_S(""))
GUARD(void *, alloc, (struct extproc_txn * x, size_t size), (x, size), NULL)
GUARD(void *, scratch, (struct extproc_txn * x, size_t size), (x, size), NULL)
GUARD(struct extproc_str, expand, (struct extproc_txn * x, const struct extproc_template *t),
      (x, t), absent)
GUARD(struct extproc_wait *, defer,
      (struct extproc_txn * x, uint32_t timeout_ms,
       void (*drop)(struct extproc_instance *, void *)),
      (x, timeout_ms, drop), NULL)
GUARD(int, after, (struct extproc_txn * x, uint32_t ms), (x, ms), -EOPNOTSUPP)
GUARD(int, work,
      (struct extproc_txn * x, void (*fn)(void *arg), void *arg,
       void (*drop)(struct extproc_instance *, void *arg)),
      (x, fn, arg, drop), -EOPNOTSUPP)
GUARD(int, hold, (struct extproc_txn * x, size_t n), (x, n), -EOPNOTSUPP)

EXTPROC_PRINTF(2, 0)
GUARD(struct extproc_str, vformat, (struct extproc_txn * x, const char *fmt, va_list ap),
      (x, fmt, ap), absent)

/* What a plugin hands over is released, also where it is not taken. */
static __attribute__((cold)) int guard_body_set(struct extproc_txn *x, struct extproc_str bytes,
                                                void (*release)(void *), void *arg)
{
    bool yours;
    struct call *call = guard_enter(x, &yours);
    int r = -EOPNOTSUPP;
    if (yours) {
        r = api_body_set(x, bytes, release, arg);
        guard_leave(call);
    } else if (release) {
        release(arg);
    }
    return r;
}

static __attribute__((cold)) int guard_respond(struct extproc_txn *x,
                                               const struct extproc_response *response)
{
    bool yours;
    struct call *call = guard_enter(x, &yours);
    int r = -EOPNOTSUPP;
    if (yours) {
        r = api_respond(x, response);
        guard_leave(call);
    } else if (response && response->size >= sizeof *response && response->release) {
        response->release(response->release_arg);
    }
    return r;
}

EXTPROC_PRINTF(2, 0)
static __attribute__((cold)) void guard_vfail(struct extproc_txn *x, const char *fmt, va_list ap)
{
    bool yours;
    struct call *call = guard_enter(x, &yours);
    if (!yours)
        return;
    api_vfail(x, fmt, ap);
    guard_leave(call);
}

static __attribute__((cold)) void guard_fail(struct extproc_txn *x, struct extproc_str key,
                                             struct extproc_str why)
{
    bool yours;
    struct call *call = guard_enter(x, &yours);
    if (!yours)
        return;
    api_fail(x, key, why);
    guard_leave(call);
}

/* A line of a callback that is too late is the instance's. */
EXTPROC_PRINTF(4, 0)
static __attribute__((cold)) void guard_vlog(struct extproc_instance *instance,
                                             struct extproc_txn *x, enum extproc_level level,
                                             const char *fmt, va_list ap)
{
    bool yours = true;
    struct call *call = x ? guard_enter(x, &yours) : NULL;
    api_vlog(instance, yours ? x : NULL, level, fmt, ap);
    if (yours)
        guard_leave(call);
}

static __attribute__((cold)) void guard_log(struct extproc_instance *instance,
                                            struct extproc_txn *x, enum extproc_level level,
                                            struct extproc_str key, struct extproc_str text)
{
    bool yours = true;
    struct call *call = x ? guard_enter(x, &yours) : NULL;
    api_log(instance, yours ? x : NULL, level, key, text);
    if (yours)
        guard_leave(call);
}

const struct extproc_api plugin_api_guarded = {
    .size = sizeof(struct extproc_api),
    .major = EXTPROC_ABI_MAJOR,
    .minor = EXTPROC_ABI_MINOR,

    .conf_count = api_conf_count,
    .conf_str = api_conf_str,
    .conf_int = api_conf_int,
    .conf_float = api_conf_float,
    .conf_template = api_conf_template,
    .conf_vrefuse = api_conf_vrefuse,
    .conf_refuse = api_conf_refuse,
    .check_edit = api_check_edit,
    .conf_edit = api_conf_edit,
    .interest = api_interest,
    .fallback = api_fallback,
    .want_attribute = api_want_attribute,
    .want_metadata = api_want_metadata,
    .read_file = api_read_file,
    .file = api_file,
    .instance_alloc = api_instance_alloc,
    .metric = api_metric,

    .header = guard_header,
    .header_at = guard_header_at,
    .map_state = guard_map_state,
    .edit = guard_edit,
    .remove_prefix = guard_remove_prefix,
    .body = guard_body,
    .body_set = guard_body_set,
    .body_form = guard_body_form,
    .body_changes = guard_body_changes,
    .attribute = guard_attribute,
    .metadata = guard_metadata,
    .value_at = guard_value_at,
    .value_get = guard_value_get,
    .list = guard_list,
    .dict = guard_dict,
    .metadata_set = guard_metadata_set,

    .clear_route = guard_clear_route,
    .respond = guard_respond,
    .skip = guard_skip,
    .vfail = guard_vfail,
    .fail = guard_fail,
    .why = guard_why,

    .alloc = guard_alloc,
    .scratch = guard_scratch,
    .vformat = guard_vformat,
    .expand = guard_expand,
    .vlog = guard_vlog,
    .log = guard_log,
    .metric_add = api_metric_add,
    .file_append = api_file_append,

    .defer = guard_defer,
    .on_cancel = wait_on_cancel,
    .resume = wait_resume,
    .after = guard_after,
    .work = guard_work,
    .every = api_every,

    .hold = guard_hold,
};
