/* rules: a proxy's own checks, made before an edit reaches it.
 *
 * A proxy drops some edits silently and answers others with a 500; both are found here, where the
 * error can be returned to the plugin. What HTTP itself rules out is the same for every proxy:
 * names and values, who owns the framing of a message (content-length is the host's,
 * transfer-encoding and the headers of one connection, RFC 9110, 7.6.1, are the proxy's), what each
 * kind of message must have. The rest is in struct rules.
 *
 * Limits are judged by the sum after the edit. A map that is above one already, since its proxy has
 * larger ones, may still be edited in ways that make it no worse.
 */
#include "http/rules/rules.h"

#include "base/rows.h"
#include "base/str.h"
#include "http/message/names.h"
#include "http/rules/role.h"

#include <errno.h>
#include <string.h>

/* ---- what is allowed where ------------------------------------------------------------------- */

enum {
    HEADERS_HELD = MAY_EDIT_HEADERS | MAY_RESPOND,
    REQUEST_HELD = HEADERS_HELD | MAY_CLEAR_ROUTE
};

#define EVERY_MODE(x)                                                                              \
    {                                                                                              \
        x, x, x, x, x, x, x                                                                        \
    }

/* The headers rows: a proxy that sends bodies without waiting would lose what is on its way when
 * the body is replaced; in the mode GRPC a proxy takes neither that nor a route that is cleared.
 * The body rows: what follows a part of a body is not known, so it is not rewritten; response
 * headers that were sent cannot be changed. */
static const unsigned char allowed[N_PHASES][N_BODY_MODES + 1] = {
    [PHASE_REQUEST_HEADERS] =
        {
            [BODY_MODE_NONE] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_STREAMED] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = REQUEST_HELD,
            [BODY_MODE_GRPC] = HEADERS_HELD,
            [BODY_MODE_UNKNOWN] = REQUEST_HELD | MAY_REPLACE_BODY,
        },
    [PHASE_REQUEST_BODY] =
        {
            [BODY_MODE_STREAMED] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_BUFFERED] = REQUEST_HELD | MAY_SET_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_GRPC] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_UNKNOWN] = MAY_SET_BODY | MAY_RESPOND,
        },
    [PHASE_REQUEST_TRAILERS] = EVERY_MODE(MAY_EDIT_TRAILERS | MAY_RESPOND),
    [PHASE_RESPONSE_HEADERS] =
        {
            [BODY_MODE_NONE] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_STREAMED] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = HEADERS_HELD,
            [BODY_MODE_GRPC] = HEADERS_HELD,
            [BODY_MODE_UNKNOWN] = HEADERS_HELD | MAY_REPLACE_BODY,
        },
    [PHASE_RESPONSE_BODY] =
        {
            [BODY_MODE_STREAMED] = MAY_SET_BODY,
            [BODY_MODE_BUFFERED] = HEADERS_HELD | MAY_SET_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = MAY_SET_BODY,
            [BODY_MODE_GRPC] = MAY_SET_BODY,
            [BODY_MODE_UNKNOWN] = MAY_SET_BODY,
        },
    [PHASE_RESPONSE_TRAILERS] = EVERY_MODE(MAY_EDIT_TRAILERS),
};
ROWS(allowed, N_PHASES, 6);
ROWS(allowed, N_BODY_MODES, 6);

unsigned rules_allow(enum phase phase, enum body_mode mode)
{
    return allowed[phase][mode];
}

/* ---- names and values ------------------------------------------------------------------------ */

static bool is_pseudo(struct extproc_str name)
{
    return name.len > 0 && name.ptr[0] == ':';
}

bool rules_name_valid(struct extproc_str name)
{
    if (is_pseudo(name))
        name = (struct extproc_str){name.ptr + 1, name.len - 1};
    return str_is_token(name);
}

bool rules_value_valid(struct extproc_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return value.ptr && (value.len == 0 ||
                         (!str_is_blank(value.ptr[0]) && !str_is_blank(value.ptr[value.len - 1])));
}

/* ---- what would not fit the message ---------------------------------------------------------- */

/* A response to HEAD has no body whatever its headers say, and CONNECT opens a tunnel: a proxy
 * frames the response by the method that came, and the upstream by the method that it got. */
static bool method_may_change(const struct request_kind *from, struct extproc_str to)
{
    struct request_kind kind = request_kind_of_method(to);
    return !from->known || (from->head == kind.head && from->connect == kind.connect);
}

static bool status_may_change(const struct headers *h, const struct rules_context *context,
                              struct extproc_str to)
{
    unsigned from = framing_status(headers_get(h, EXTPROC_S(":status"), 0));
    struct extproc_str length = headers_get(h, EXTPROC_S("content-length"), 0);
    bool announced = length.len > 0 && !extproc_eq(length, EXTPROC_S("0"));
    return framing_may_change(&context->request, from, framing_status(to), context->body_follows,
                              announced);
}

/* Does a valid value fit this message? */
static int check_message(const struct headers *h, const struct rules_context *context,
                         enum role role, struct extproc_str value)
{
    bool may = (role != ROLE_METHOD || method_may_change(&context->request, value)) &&
               (role != ROLE_STATUS || status_may_change(h, context, value));
    return may ? 0 : -EPROTO;
}

/* ---- who may edit what ----------------------------------------------------------------------- */

/* Headers of the connection, not of the message: one that the proxy has forwarded may be
 * removed. */
static const struct extproc_str only_removed_names[] = {
    EXTPROC_STR("connection"),
    EXTPROC_STR("keep-alive"),
    EXTPROC_STR("proxy-connection"),
    EXTPROC_STR("upgrade"),
};
static const struct str_list only_removed = STR_LIST(only_removed_names);

/* Whatever the proxy allows; NULL: nothing is wrong. */
static const char *refusal_of_http(enum role role, enum extproc_edit op, struct extproc_str name)
{
    if (role == ROLE_FOREIGN)
        return "not a header of this message";
    if (op == EXTPROC_EDIT_REMOVE && (role != ROLE_ORDINARY || role_is_host(name)))
        return "it can be overwritten, but not removed";
    if (op == EXTPROC_EDIT_APPEND && role != ROLE_ORDINARY)
        return "it has exactly one value, which can be overwritten";
    if (name_equal(name, EXTPROC_S("content-length")))
        return "it follows the length of the body";
    if (name_equal(name, EXTPROC_S("transfer-encoding")) ||
        (op != EXTPROC_EDIT_REMOVE && name_in_list(name, only_removed)))
        return "it belongs to the proxy's connection";
    return NULL;
}

static bool name_matches(const struct rules_name *rule, struct extproc_str name)
{
    if (rule->prefix ? name.len < rule->name.len : name.len != rule->name.len)
        return false;
    return name_equal((struct extproc_str){name.ptr, rule->name.len}, rule->name);
}

static const char *refusal_of_proxy(const struct rules *rules, const struct rules_context *context,
                                    struct extproc_str name)
{
    for (size_t i = 0; i < rules->n_names; i++) {
        const struct rules_name *rule = &rules->names[i];
        if (name_matches(rule, name) && !(rule->unless_replaced && context->replacing))
            return rule->remedy;
    }
    return NULL;
}

struct rules_refusal rules_refusal(const struct rules *rules, const struct rules_context *context,
                                   enum extproc_edit op, struct extproc_str name)
{
    const char *why = refusal_of_http(role_of(context->map, name), op, name);
    if (why)
        return (struct rules_refusal){why, false};
    why = refusal_of_proxy(rules, context, name);
    return (struct rules_refusal){why, why};
}

/* ---- limits ---------------------------------------------------------------------------------- */

static bool too_much(size_t before, size_t after, size_t limit)
{
    return after > limit && after > before;
}

/* owes: one more set or remove is going to follow. */
static int check_limits(const struct rules *rules, bool owes, const struct headers_edit *edit)
{
    const struct headers_sum *before = &edit->before, *after = &edit->after;
    if (edit->moot)
        return 0;
    if (owes && after->n_sets >= rules->max_edits && after->n_removes >= rules->max_edits)
        return -ENOSPC;
    bool refused = too_much(before->n_sets, after->n_sets, rules->max_edits) ||
                   too_much(before->n_removes, after->n_removes, rules->max_edits) ||
                   too_much(before->n_entries, after->n_entries, rules->max_entries) ||
                   too_much(before->bytes, after->bytes, rules->max_bytes);
    return refused ? -ENOSPC : 0;
}

/* ---- the questions --------------------------------------------------------------------------- */

const struct rules rules_of_http = {
    .proxy = "the proxy",
    .max_edits = UINT32_MAX,
    .max_entries = SIZE_MAX,
    .max_bytes = SIZE_MAX,
};

/* What HTTP rules out in every message. */
static int check_http(enum role role, enum extproc_edit op, struct extproc_str name,
                      struct extproc_str value)
{
    bool known = (unsigned)op <= EXTPROC_EDIT_REMOVE,
         has_value = op != EXTPROC_EDIT_REMOVE && value.ptr;
    if (!known || !rules_name_valid(name) || (has_value && !rules_value_valid(value)))
        return -EINVAL;
    if (refusal_of_http(role, op, name))
        return -EPERM;
    return has_value && !role_takes(role, value) ? -EINVAL : 0;
}

static int check_proxy(const struct rules *rules, const struct rules_context *context,
                       struct extproc_str name)
{
    return refusal_of_proxy(rules, context, name) ? -EPERM : 0;
}

/* No method but itself becomes one of these. */
static bool is_method_apart(enum role role, struct extproc_str value)
{
    struct request_kind kind = request_kind_of_method(value);
    return role == ROLE_METHOD && (kind.head || kind.connect);
}

/* Too long for a map that has nothing else. */
static bool fits_alone(const struct rules *rules, struct extproc_str name, struct extproc_str value)
{
    return headers_entry_bytes(name.len, value.len) <= rules->max_bytes;
}

int rules_could_edit(const struct rules *rules, const struct rules_context *context,
                     enum extproc_edit op, struct extproc_str name, struct extproc_str value)
{
    enum role role = role_of(context->map, name);
    bool has_value = op != EXTPROC_EDIT_REMOVE && value.ptr;
    int r = check_http(role, op, name, value);
    if (r == 0 && has_value && is_method_apart(role, value))
        r = -EPROTO;
    if (r == 0)
        r = check_proxy(rules, context, name);
    return r == 0 && has_value && !fits_alone(rules, name, value) ? -ENOSPC : r;
}

int rules_edit(const struct rules *rules, const struct headers *h,
               const struct rules_context *context, enum extproc_edit op, struct extproc_str name,
               struct extproc_str value, struct headers_edit *ret)
{
    enum role role = role_of(context->map, name);
    if (op != EXTPROC_EDIT_REMOVE && !value.ptr)
        return -EINVAL;
    int r = check_http(role, op, name, value);
    if (r == 0 && op != EXTPROC_EDIT_REMOVE)
        r = check_message(h, context, role, value);
    if (r == 0)
        r = check_proxy(rules, context, name);
    if (r < 0)
        return r;
    headers_prepare(h, rules->joined, op, name, value, ret);
    return check_limits(rules, context->owes_length, ret);
}

bool rules_host_edit(const struct rules *rules, const struct headers *h, bool owes_length,
                     struct extproc_str name, struct extproc_str value, struct headers_edit *ret)
{
    if (value.ptr) {
        headers_prepare(h, rules->joined, EXTPROC_EDIT_SET, name, value, ret);
        if (check_limits(rules, owes_length, ret) == 0)
            return true;
    }
    if (is_pseudo(name))
        return false;
    headers_prepare(h, rules->joined, EXTPROC_EDIT_REMOVE, name, value, ret);
    return check_limits(rules, owes_length, ret) == 0;
}
